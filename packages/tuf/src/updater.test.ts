import {
  addTufTarget,
  delegateTuf,
  delegateTufBins,
  makeTufRepository,
  publishTuf,
  publishTufRoot,
  tufClient,
  tufFetcher,
  tufRole,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { makeMemoryStore } from "./memory-store.ts";
import { codeOf, codeOfAsync } from "./sample.contract.ts";
import { needTarget } from "./updater.ts";
import type { Fetcher } from "./fetch.ts";
import type { Store } from "./store.ts";
import { madeRepository, namesIn, text } from "./updater.contract.ts";

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
