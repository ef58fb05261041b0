import { digestOf } from "@countersign/core";
import {
  addTufTarget,
  delegateTuf,
  delegateTufBins,
  flipLastHex,
  makeTufKey,
  makeTufRepository,
  publishTuf,
  publishTufRoot,
  tufClient,
  tufFetcher,
  tufNow,
  tufRole,
  type TufRepository,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { makeMemoryStore } from "./memory-store.ts";
import { codeOf, codeOfAsync, hasRootChain, sigstoreRoot } from "./sample.contract.ts";
import { clockFile, roleFile, rootHistoryFile } from "./store-file.ts";
import { createUpdater, needTarget } from "./updater.ts";
import type { Fetcher } from "./fetch.ts";
import type { Store } from "./store.ts";

async function madeRepository(): Promise<{ repository: TufRepository; root: Uint8Array }> {
  const repository = makeTufRepository();
  addTufTarget(repository, "app.bin", "the app");
  await publishTuf(repository);
  return { repository, root: repository.metadata.get("1.root.json") as Uint8Array };
}

async function namesIn(store: Store): Promise<readonly string[]> {
  return store.open((session) => session.list());
}

async function put(store: Store, name: string, bytes: Uint8Array): Promise<void> {
  await store.open((session) => session.write(name, bytes));
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const day =
  (offset: number): (() => Date) =>
  () =>
    new Date(tufNow.getTime() + offset * 86_400_000);

describe("a refresh", () => {
  test("takes so many new roots and no more, and the next one goes on from there", async () => {
    const { repository, root } = await madeRepository();
    for (let more = 0; more < 7; more++) await publishTufRoot(repository);
    const store = makeMemoryStore();
    const reached: unknown[] = [];
    for (let run = 0; run < 4; run++) {
      const client = tufClient(repository, { root, store, maxNewRoots: 3 });
      await client.refresh();
      reached.push(client.trust?.set.root.version);
    }
    expect(reached).toEqual([4, 7, 8, 8]);
  });

  test("asks for each file once, in the order of the specification, and keeps what it trusts", async () => {
    const { repository, root } = await madeRepository();
    const store = makeMemoryStore();
    const { steps, findings, time } = await tufClient(repository, { root, store }).refresh();
    expect(repository.requests).toEqual(["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]);
    expect(await namesIn(store)).toEqual(["clock", "root.json", "snapshot.json", "targets.json", "timestamp.json"]);
    expect(time).toBe("2030-01-01T00:00:00Z");
    expect(findings).toEqual([]);
    expect(steps.map(({ role, from, outcome }) => `${role} ${from} ${outcome}`)).toEqual([
      "root anchor trusted",
      "root network absent",
      "root store trusted",
      "timestamp network trusted",
      "snapshot network trusted",
      "targets network trusted",
    ]);
    expect(steps.at(-1)?.checks.map(({ name, result }) => `${name} ${result}`)).toEqual([
      "listed passed",
      "form passed",
      "signatures passed",
      "version passed",
      "expiry passed",
    ]);
  });

  test("fetches only what is new", async () => {
    const { repository, root } = await madeRepository();
    const store = makeMemoryStore();
    await tufClient(repository, { root, store }).target("app.bin");
    repository.requests.length = 0;
    await tufClient(repository, { root, store }).target("app.bin");
    expect(repository.requests).toEqual(["2.root.json", "timestamp.json"]);
  });

  test("can be repeated, and then sees what is new", async () => {
    const { repository, root } = await madeRepository();
    const client = tufClient(repository, { root, store: makeMemoryStore() });
    expect(await client.target("new.bin")).toBeUndefined();
    addTufTarget(repository, "new.bin", "new");
    await publishTuf(repository);
    expect(await client.target("new.bin")).toBeUndefined();
    await client.refresh();
    expect(await client.target("new.bin")).toMatchObject({
      name: "new.bin",
      length: 3,
      version: 2,
      rolePath: ["targets"],
    });
  });

  test("that fails says why, keeps what was trusted before it failed, and trusts nothing", async () => {
    const { repository, root } = await madeRepository();
    repository.metadata.delete("1.targets.json");
    const store = makeMemoryStore();
    const client = tufClient(repository, { root, store });
    expect(await codeOfAsync(() => client.refresh())).toBe("TUF_METADATA_ABSENT");
    expect(client.trust).toBeUndefined();
    expect(client.report.steps.at(-1)).toMatchObject({ role: "targets", outcome: "absent" });
    expect(await namesIn(store)).toEqual(["root.json", "snapshot.json", "timestamp.json"]);
  });

  test("looks at what came even if the fetcher does not ask", async () => {
    const { repository, root } = await madeRepository();
    const { metadata, ...rest } = tufFetcher(repository);
    const fetch: Fetcher = { ...rest, metadata: (name, { maxBytes }) => metadata(name, { maxBytes }) };
    const client = tufClient(repository, { root, store: makeMemoryStore(), fetch });
    expect(await client.target("app.bin")).toBeDefined();
    repository.metadata.set("2.root.json", root);
    expect(await codeOfAsync(() => client.refresh())).toBe("TUF_ROOT_VERSION");
  });

  test("a fetcher that asks about one thing and gives another gets nowhere", async () => {
    const { repository, root } = await madeRepository();
    const { metadata, ...rest } = tufFetcher(repository);
    const fetch: Fetcher = {
      ...rest,
      async metadata(name, options) {
        const bytes = await metadata(name, options);
        return name === "1.targets.json" ? text("{}") : bytes;
      },
    };
    const client = tufClient(repository, { root, store: makeMemoryStore(), fetch });
    expect(await codeOfAsync(() => client.refresh())).toBe("TUF_LENGTH");
  });
});

describe("a target", () => {
  test("is told with all that was proved of it", async () => {
    const { repository, root } = await madeRepository();
    delegateTuf(repository, "targets", "team", { paths: ["team/*"] });
    addTufTarget(repository, "team/x y.bin", "x", "team");
    await publishTuf(repository);
    const found = await tufClient(repository, { root, store: makeMemoryStore() }).target("team/x y.bin");
    const target = needTarget("team/x y.bin", found);
    expect(target).toMatchObject({
      rolePath: ["targets", "team"],
      version: 1,
      expires: "2031-01-01T00:00:00Z",
      under: { root: 1, timestamp: 2, snapshot: 2 },
      time: "2030-01-01T00:00:00Z",
      signers: [{ kind: "key", algorithm: "ed25519" }],
    });
    const hex = target.digests[0]?.slice("sha256:".length);
    expect(target.addresses).toEqual([`team/${hex}.x y.bin`]);
  });

  test("that is not there is refused where it is needed", async () => {
    expect(codeOf(() => needTarget("x", undefined))).toBe("TUF_TARGET_UNKNOWN");
  });

  test("comes as a stream that is checked", async () => {
    const { repository, root } = await madeRepository();
    const client = tufClient(repository, { root, store: makeMemoryStore() });
    const target = needTarget("app.bin", await client.target("app.bin"));
    const read = async (): Promise<string> => {
      let whole = "";
      for await (const piece of client.stream(target)) whole += new TextDecoder().decode(piece);
      return whole;
    };
    expect(await read()).toBe("the app");
    repository.targets.set(target.addresses[0] as string, text("the apq"));
    expect(await codeOfAsync(read)).toBe("TUF_TARGET_HASH");
    repository.targets.clear();
    expect(await codeOfAsync(read)).toBe("TUF_TARGET_ABSENT");
  });

  test("without consistent snapshots is kept under its own name", async () => {
    const repository = makeTufRepository();
    repository.root.signed["consistent_snapshot"] = false;
    addTufTarget(repository, "a/b", "x");
    await publishTuf(repository);
    const root = repository.metadata.get("1.root.json") as Uint8Array;
    const target = await tufClient(repository, { root, store: makeMemoryStore() }).target("a/b");
    expect(target?.addresses).toEqual(["a/b"]);
  });

  test("many are looked for at once, and each role is fetched once", async () => {
    const { repository, root } = await madeRepository();
    const names = Array.from({ length: 40 }, (_, k) => `r${k % 8}/${k}`);
    for (let k = 0; k < 8; k++) delegateTuf(repository, "targets", `r${k}`, { paths: [`r${k}/*`] });
    for (const [k, name] of names.entries()) addTufTarget(repository, name, name, `r${k % 8}`);
    await publishTuf(repository);
    repository.requests.length = 0;
    const found = await tufClient(repository, { root, store: makeMemoryStore() }).targets([...names, "none"]);
    expect(found.map((each) => each?.name)).toEqual([...names, undefined]);
    expect(repository.requests.slice(4).toSorted()).toEqual(Array.from({ length: 8 }, (_, k) => `1.r${k}.json`));
  });
});

test("a search that fails leaves nothing under way that would use the store of somebody else", async () => {
  const { repository, root } = await madeRepository();
  for (let k = 0; k < 8; k++) {
    delegateTuf(repository, "targets", `r${k}`, { paths: [`r${k}/*`] });
    addTufTarget(repository, `r${k}/x`, "x", `r${k}`);
  }
  await publishTuf(repository);
  repository.metadata.delete("1.r0.json");
  const plain = makeMemoryStore();
  let [isOpen, strayWrites] = [false, 0];
  const store: Store = {
    open: (work, options) =>
      plain.open(async (session) => {
        isOpen = true;
        const cache = async (name: string, bytes: Uint8Array): Promise<void> => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          if (!isOpen) strayWrites++;
          await session.cache(name, bytes);
        };
        try {
          return await work({ ...session, cache });
        } finally {
          isOpen = false;
        }
      }, options),
  };
  const client = tufClient(repository, { root, store });
  const names = Array.from({ length: 8 }, (_, k) => `r${k}/x`);
  expect(await codeOfAsync(() => client.targets(names))).toBe("TUF_METADATA_ABSENT");
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(strayWrites).toBe(0);
});

describe("T3: roles in the store", () => {
  test.each([
    ["root", "root.json"],
    ["a", "a.json"],
    ["Root", "%52oot.json"],
    ["TARGETS", "%54ARGETS.json"],
    ["con", "%63on.json"],
    ["a/b", "a%2Fb.json"],
    ["../x", "%2E%2E%2Fx.json"],
    ["a%2Fb", "a%252Fb.json"],
    ["é😀", "%C3%A9%F0%9F%98%80.json"],
    ["", ".json"],
  ])("%o is kept as %s", (role, file) => {
    expect(roleFile(role)).toBe(file);
  });

  test("a long name is kept under its hash, and two long ones apart", () => {
    const files = ["x".repeat(196), `${"x".repeat(196)}y`, "é".repeat(100)].map((role) => roleFile(role));
    expect(new Set(files).size).toBe(3);
    for (const file of files) expect(file).toMatch(/^%h[0-9a-f]{64}\.json$/);
  });
});

describe("T6: a damaged store", () => {
  test.each(["root.json", "timestamp.json", "snapshot.json", "targets.json", clockFile, rootHistoryFile(2)])(
    "whose %s is empty, cut or another's is as good as new",
    async (name) => {
      const { repository, root } = await madeRepository();
      await publishTufRoot(repository);
      for (const damage of ["", '{"signed":{', "{}", "\0", JSON.stringify({ signed: {}, signatures: [] })]) {
        const store = makeMemoryStore();
        await tufClient(repository, { root, store }).refresh();
        await put(store, name, text(damage));
        expect(await tufClient(repository, { root, store }).target("app.bin")).toBeDefined();
        const after = await store.open((session) => session.read(name, 1e6));
        expect(after?.length).toBeGreaterThan(10);
      }
    },
  );

  test("whose older roots are lost is not led back to the one before by a mirror that holds the newer ones back", async () => {
    const { repository, root } = await madeRepository();
    const old = new Map(repository.metadata);
    const store = makeMemoryStore();
    for (let count = 0; count < 3; count++) await publishTufRoot(repository);
    await tufClient(repository, { root, store }).refresh();
    await store.open(async (session) => {
      for (const version of [2, 3, 4]) await session.remove(rootHistoryFile(version));
    });
    const now = new Map(repository.metadata);
    const serve = (files: ReadonlyMap<string, Uint8Array>): void => {
      repository.metadata.clear();
      for (const [name, bytes] of files) repository.metadata.set(name, bytes);
    };
    serve(old);
    expect(await codeOfAsync(() => tufClient(repository, { root, store }).refresh())).toBe("TUF_ROLLBACK");
    serve(now);
    const client = tufClient(repository, { root, store });
    await client.refresh();
    expect(client.trust?.set.root.version).toBe(4);
  });

  test("cannot lead to another root than the anchor's", async () => {
    const { repository, root } = await madeRepository();
    const other = await madeRepository();
    await publishTufRoot(other.repository);
    const store = makeMemoryStore();
    await put(store, "root.json", other.root);
    await put(store, rootHistoryFile(2), other.repository.metadata.get("2.root.json") as Uint8Array);
    for (const name of ["timestamp.json", "1.snapshot.json", "1.targets.json"]) {
      await put(store, name.replace("1.", ""), other.repository.metadata.get(name) as Uint8Array);
    }
    const client = tufClient(repository, { root, store });
    await client.refresh();
    expect(client.trust?.set.root.version).toBe(1);
    // That root says that its timestamp and snapshot may go, and they go.
    const refused = client.report.steps.filter(({ outcome }) => outcome === "refused");
    expect(refused.map(({ role, from }) => `${role} ${from}`)).toEqual(["root store", "targets store"]);
  });
});

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

test("T6: two clients of one store take turns", async () => {
  const { repository, root } = await madeRepository();
  const store = makeMemoryStore();
  const clients = Array.from({ length: 5 }, () => tufClient(repository, { root, store }));
  const found = await Promise.all(clients.map((client) => client.target("app.bin")));
  expect(found.every((each) => each?.length === 7)).toBe(true);
});

test("a call that is stopped says so, and the next one works", async () => {
  const { repository, root } = await madeRepository();
  const client = tufClient(repository, { root, store: makeMemoryStore() });
  expect(await codeOfAsync(() => client.refresh({ signal: AbortSignal.abort() }))).toBe("TUF_STORE_ABORTED");
  expect(await client.target("app.bin")).toBeDefined();
});

describe("all names", () => {
  test("come from every role, reached twice or not, once and in order", async () => {
    const { repository, root } = await madeRepository();
    delegateTuf(repository, "targets", "a", { paths: ["a/*"] });
    delegateTuf(repository, "a", "b", { paths: ["a/b/*"] });
    delegateTuf(repository, "b", "a", { keys: repository.roles.get("a")?.signers ?? [] });
    for (const [name, role] of [
      ["a/one", "a"],
      ["z", "b"],
      ["app.bin", "b"],
    ] as const)
      addTufTarget(repository, name, name, role);
    await publishTuf(repository);
    const client = tufClient(repository, { root, store: makeMemoryStore() });
    expect(await client.names()).toEqual(["a/one", "app.bin", "z"]);
    const found = await client.targets(await client.names());
    expect(found.map((target) => target?.rolePath.at(-1))).toEqual(["a", "targets", undefined]);
  });

  test("of bins without number are not computed", async () => {
    const { repository, root } = await madeRepository();
    delegateTufBins(repository, "targets", 1, "bin");
    const { delegations } = tufRole(repository, "targets").signed as {
      delegations: { succinct_roles: { bit_length: number } };
    };
    delegations.succinct_roles.bit_length = 32;
    await publishTuf(repository, "targets");
    const names = tufClient(repository, { root, store: makeMemoryStore() }).names();
    expect(await codeOfAsync(() => names)).toBe("TUF_SEARCH_LIMIT");
  });
});
