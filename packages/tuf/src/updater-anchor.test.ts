import { digestOf } from "@countersign/core";
import { flipLastHex, makeTufKey, publishTuf, publishTufRoot, tufClient } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { makeMemoryStore } from "./memory-store.ts";
import { codeOf, codeOfAsync, hasRootChain, sigstoreRoot } from "./sample.contract.ts";
import { createUpdater } from "./updater.ts";
import type { Fetcher } from "./fetch.ts";
import { madeRepository, text, day } from "./updater.contract.ts";

describe("the anchor", () => {
  test("is the start of each run: roots from before are kept, and all are verified again", async () => {
    const { repository, root } = await madeRepository();
    const store = makeMemoryStore();
    for (let count = 0; count < 3; count++) await publishTufRoot(repository);
    await tufClient(repository, { root, store }).refresh();
    // A repository that no longer has them.
    for (const version of [2, 3]) repository.metadata.delete(`${version}.root.json`);
    const client = tufClient(repository, { root, store });
    await client.refresh();
    expect(client.trust?.set.root.version).toBe(4);
    expect(await codeOfAsync(() => tufClient(repository, { root, store: makeMemoryStore() }).refresh())).toBe("taken");
  });

  test("of a newer program begins later, and what a rotation forgets is forgotten", async () => {
    const { repository, root } = await madeRepository();
    repository.timestamp.signed["version"] = 1000;
    await publishTuf(repository);
    const store = makeMemoryStore();
    await tufClient(repository, { root, store }).refresh();
    // The old key and a new one both count for a time; then the old one goes.
    const key = makeTufKey();
    const { keys, roles } = repository.root.signed as unknown as {
      keys: Record<string, unknown>;
      roles: { timestamp: { keyids: string[]; threshold: number } };
    };
    keys[key.keyid] = key.json;
    roles.timestamp = { keyids: [key.keyid], threshold: 1 };
    repository.timestamp.signers.push(key);
    await publishTufRoot(repository);
    repository.timestamp.signed["version"] = 0;
    await publishTuf(repository);
    const newer = repository.metadata.get("2.root.json") as Uint8Array;
    const client = tufClient(repository, { root: newer, store });
    await client.refresh();
    expect(client.trust?.set.timestamp.version).toBe(1);
  });

  test("may be pinned by its digest", async () => {
    const { repository, root } = await madeRepository();
    const options = { root, store: makeMemoryStore(), rootDigest: digestOf("sha256", root) };
    expect(await tufClient(repository, options).target("app.bin")).toBeDefined();
    const wrong = { ...options, rootDigest: digestOf("sha512", text("x")) };
    expect(codeOf(() => tufClient(repository, wrong))).toBe("TUF_ROOT_PIN");
  });

  test("that nobody signed is refused before anything is asked for", async () => {
    const { repository, root } = await madeRepository();
    const unsigned = text(new TextDecoder().decode(root).replace(/"sig":"../, flipLastHex));
    repository.requests.length = 0;
    const client = tufClient(repository, { root: unsigned, store: makeMemoryStore() });
    expect(await codeOfAsync(() => client.refresh())).toBe("TUF_THRESHOLD");
    expect(repository.requests).toEqual([]);
  });

  test.runIf(hasRootChain)("walks the public Sigstore chain from version 1 to 15 without the network", async () => {
    const asked: string[] = [];
    const fetch: Fetcher = {
      async metadata(name, { accept }) {
        asked.push(name);
        const version = Number(/^(\d+)\.root\.json$/.exec(name)?.[1] ?? Number.NaN);
        if (!(version <= 15)) return undefined;
        const bytes = sigstoreRoot(version);
        accept?.(bytes);
        return bytes;
      },
      target: async () => undefined,
    };
    const store = makeMemoryStore();
    const now = (): Date => new Date("2026-06-10T00:00:00Z");
    const client = createUpdater({ root: sigstoreRoot(1), store, fetch, now });
    expect(await codeOfAsync(() => client.refresh())).toBe("TUF_METADATA_ABSENT");
    expect(asked.slice(-2)).toEqual(["16.root.json", "timestamp.json"]);
    const rows = client.report.steps.filter(({ role, outcome }) => role === "root" && outcome === "trusted");
    expect(rows.map(({ version }) => version)).toEqual([...Array.from({ length: 15 }, (_, k) => k + 1), 15]);
    const late = createUpdater({ root: sigstoreRoot(1), store, fetch, now: () => new Date("2036-01-01T00:00:00Z") });
    expect(await codeOfAsync(() => late.refresh())).toBe("TUF_EXPIRED");
  });
});

describe("T8: the clock", () => {
  test("that steps back below the last time seen is refused", async () => {
    const { repository, root } = await madeRepository();
    const store = makeMemoryStore();
    await tufClient(repository, { root, store }).refresh();
    const behind = tufClient(repository, { root, store, now: day(-1) });
    expect(await codeOfAsync(() => behind.refresh())).toBe("TUF_CLOCK_BACK");
    expect(await codeOfAsync(() => tufClient(repository, { root, store }).refresh())).toBe("taken");
  });

  test("with dangerClock only warns, and the new time counts from then on", async () => {
    const { repository, root } = await madeRepository();
    const store = makeMemoryStore();
    await tufClient(repository, { root, store, now: day(1) }).refresh();
    const report = await tufClient(repository, { root, store, dangerClock: true }).refresh();
    expect(report.findings).toMatchObject([{ level: "warn", code: "TUF_CLOCK_BACK" }]);
    expect(await codeOfAsync(() => tufClient(repository, { root, store }).refresh())).toBe("taken");
  });

  test("that ran ahead does no harm if nothing was valid then", async () => {
    const { repository, root } = await madeRepository();
    const store = makeMemoryStore();
    const ahead = tufClient(repository, { root, store, now: day(10_000) });
    expect(await codeOfAsync(() => ahead.refresh())).toBe("TUF_EXPIRED");
    expect(await codeOfAsync(() => tufClient(repository, { root, store }).refresh())).toBe("taken");
  });

  test("that was never set is not believed: the time of the build counts, later the last time seen", async () => {
    const { repository, root } = await madeRepository();
    const store = makeMemoryStore();
    const unset = { root, store, now: () => new Date(0), floor: day(-10)() };
    const report = await tufClient(repository, unset).refresh();
    expect(report).toMatchObject({
      time: "2029-12-22T00:00:00Z",
      findings: [{ level: "warn", code: "TUF_CLOCK_BACK" }],
    });
    await tufClient(repository, { root, store }).refresh();
    expect(await tufClient(repository, unset).refresh()).toMatchObject({ time: "2030-01-01T00:00:00Z" });
    repository.timestamp.signed["expires"] = "2029-12-21T00:00:00Z";
    await publishTuf(repository);
    expect(await codeOfAsync(() => tufClient(repository, { ...unset, store: makeMemoryStore() }).refresh())).toBe(
      "TUF_EXPIRED",
    );
  });
});

test("T9: a next root that the fetcher does not get (404, 403, 410) is no newer root", async () => {
  const { repository, root } = await madeRepository();
  const report = await tufClient(repository, { root, store: makeMemoryStore() }).refresh();
  expect(report.steps).toContainEqual({
    role: "root",
    file: "2.root.json",
    from: "network",
    outcome: "absent",
    checks: [],
  });
});
