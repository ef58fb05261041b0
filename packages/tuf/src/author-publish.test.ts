import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { generateSigner, parseUtf8, TrustError, type Signer } from "@countersign/core";
import { crashEverywhere, makeSimulatedDisk, type DiskState } from "@countersign/testkit";
import { delegate, editRole, initRepository, makeBins, rotateKeys, signStaged } from "./author.ts";
import {
  add,
  emptyState,
  everybody,
  folder,
  hireStaff,
  init,
  published,
  release,
  roleOf,
  testNow,
  type Staff,
} from "./author-sample.contract.ts";
import { nodeGenerations } from "./author.node.ts";
import { publish, stageSnapshot, stageTimestamp } from "./author-publish.ts";
import { refreshOnlineRoles } from "./author-refresh.ts";
import { defaultValidDays } from "./author-settings.ts";
import { openWorkspace, type Workspace } from "./author-workspace.ts";
import { makeNodeDisk } from "./disk.node.ts";
import { makeDirectoryFetcher } from "./fetch-directory.node.ts";
import { makeMemoryStore } from "./memory-store.ts";
import { codeOfAsync } from "./sample.contract.ts";
import { streamTarget } from "./target-stream.ts";
import { createUpdater } from "./updater.ts";
import type { Disk } from "./disk.ts";
import type { Store } from "./store.ts";

/** A client of what is published: its own program, its own store. */
interface Client {
  readonly root: Uint8Array;
  readonly store: Store;
}

/** What a client gets for these names, or the code of its refusal. */
async function ask(
  disk: Disk,
  { root, store }: Client,
  names: readonly string[],
  directory = folder,
): Promise<readonly (string | undefined)[] | string> {
  const fetcher = makeDirectoryFetcher({ metadata: `${directory}/public/metadata` }, disk);
  const updater = createUpdater({ root, store, fetch: fetcher, now: () => testNow });
  try {
    await updater.refresh();
    const contents: (string | undefined)[] = [];
    for (const target of await updater.targets(names)) {
      if (target === undefined) contents.push(undefined);
      else contents.push(await read(streamTarget(fetcher, target)));
    }
    return contents;
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of stream) text += parseUtf8(piece);
  return text;
}

function firstRoot(state: DiskState): Uint8Array {
  return state.directory(`${folder}/public/metadata`)?.current.get("1.root.json")?.current as Uint8Array;
}

/** One publication that is stopped everywhere. */
interface Scene {
  readonly staff: Staff;
  /** Stages what is to be published; all of it signed. */
  readonly stage: (workspace: Workspace) => Promise<void>;
  /** What a client may see of `app.tgz` and `new`: before, and after. */
  readonly before: readonly (string | undefined)[];
  readonly after: readonly (string | undefined)[];
}

/**
 * After every single change that publishing makes to the disk, a client that starts anew and one that has refreshed before both
 * find a valid repository: the old one, or the new one. Publishing again then ends with the new one.
 */
async function survives({ staff, stage, before, after }: Scene): Promise<number> {
  const { state: start, workspace } = await published(staff);
  await stage(workspace);
  const root = firstRoot(start);
  const primed = makeMemoryStore();
  expect(await ask(makeSimulatedDisk(start.afterKill()).disk, { root, store: primed }, ["app.tgz", "new"])).toEqual(
    before,
  );
  const files = await filesIn(primed);
  return crashEverywhere({
    powerCuts: 0,
    start: () => start.afterKill(),
    run: async (disk) => void (await publish(await openWorkspace(disk, folder), { now: testNow })),
    check: async (state, { cutAt, power }) => {
      const { disk } = makeSimulatedDisk(state);
      const where = `cut ${cutAt}, power ${power}`;
      const store = makeMemoryStore(files);
      expect([before, after], where).toContainEqual(await ask(disk, { root, store }, ["app.tgz", "new"]));
      if (!power)
        expect([before, after], where).toContainEqual(
          await ask(disk, { root, store: makeMemoryStore() }, ["app.tgz", "new"]),
        );
      // That it can be completed is looked at after each kill, and after some losses of power.
      if (power && cutAt % 4 !== 0) return;
      const again = await openWorkspace(disk, folder);
      const code = await codeOfAsync(() => publish(again, { now: testNow }));
      expect(["taken", "TUF_PUBLISH_NOTHING"], where).toContain(code);
      expect(await ask(disk, { root, store }, ["app.tgz", "new"]), where).toEqual(after);
      expect(await openWorkspace(disk, folder).then((each) => each.stagedRoles()), where).toEqual([]);
    },
  });
}

async function filesIn(store: Store): Promise<ReadonlyMap<string, Uint8Array>> {
  return store.open(async (session) => {
    const files = new Map<string, Uint8Array>();
    for (const name of await session.list()) files.set(name, (await session.read(name, 1_000_000)) as Uint8Array);
    return files;
  });
}

describe("T6: publishing that is cut off after any change leaves readers a valid repository", () => {
  test("when targets change", async () => {
    const staff = hireStaff();
    const stage = async (workspace: Workspace): Promise<void> => {
      await add(workspace, { "app.tgz": "two", new: "n" });
      await signStaged(workspace, { signers: everybody(staff) });
      await refreshOnlineRoles(workspace, everybody(staff), testNow);
    };
    expect(await survives({ staff, stage, before: ["one", undefined], after: ["two", "n"] })).toBeGreaterThan(20);
  });

  test("when a key is exchanged at once and both sign: root comes last", async () => {
    const staff = hireStaff();
    const timestamp = generateSigner("ed25519");
    const stage = async (workspace: Workspace): Promise<void> => {
      await rotateKeys(workspace, { role: "timestamp", ...roleOf([timestamp]) }, testNow);
      await add(workspace, { new: "n" });
      await signStaged(workspace, { signers: everybody(staff) });
      await refreshOnlineRoles(workspace, [...everybody(staff), timestamp], testNow);
    };
    const cuts = await survives({ staff, stage, before: ["one", undefined], after: ["one", "n"] });
    expect(cuts).toBeGreaterThan(20);
  });

  test("when a key is added, or all of root's keys change: root comes first", async () => {
    const staff = hireStaff();
    const [root, timestamp] = [generateSigner("ed25519"), generateSigner("ed25519")];
    const stage = async (workspace: Workspace): Promise<void> => {
      await rotateKeys(workspace, { role: "timestamp", ...roleOf([...staff.timestamp, timestamp]) }, testNow);
      await rotateKeys(workspace, { role: "root", ...roleOf([root]) }, testNow);
      await add(workspace, { new: "n" });
      await signStaged(workspace, { signers: [...everybody(staff), root] });
      await refreshOnlineRoles(workspace, [...staff.snapshot, timestamp], testNow);
    };
    const cuts = await survives({ staff, stage, before: ["one", undefined], after: ["one", "n"] });
    expect(cuts).toBeGreaterThan(20);
  });

  test("when targets move into delegated roles and bins", async () => {
    const staff = hireStaff();
    const bins = generateSigner("ed25519");
    const stage = async (workspace: Workspace): Promise<void> => {
      await makeBins(
        workspace,
        "targets",
        { bins: { prefix: "bin", bits: 1 }, form: "explicit", ...roleOf([bins]) },
        testNow,
      );
      await add(workspace, { new: "n" });
      await signStaged(workspace, { signers: [...everybody(staff), bins] });
      await refreshOnlineRoles(workspace, everybody(staff), testNow);
    };
    const cuts = await survives({ staff, stage, before: ["one", undefined], after: ["one", "n"] });
    expect(cuts).toBeGreaterThan(20);
  });

  test("when it is the first: there is nothing, or all of it", async () => {
    const staff = hireStaff();
    const { disk, state: start } = makeSimulatedDisk(emptyState());
    const workspace = await init(disk, staff);
    await add(workspace, { "app.tgz": "one" });
    await signStaged(workspace, { signers: everybody(staff) });
    await refreshOnlineRoles(workspace, everybody(staff), testNow);
    await crashEverywhere({
      powerCuts: 0,
      start: () => start.afterKill(),
      run: async (each) => void (await publish(await openWorkspace(each, folder), { now: testNow })),
      check: async (state) => {
        const left = makeSimulatedDisk(state).disk;
        const root = firstRoot(state);
        if (root?.length > 0)
          expect(["TUF_METADATA_ABSENT", ["one"]]).toContainEqual(
            await ask(left, { root, store: makeMemoryStore() }, ["app.tgz"]),
          );
        await codeOfAsync(async () => publish(await openWorkspace(left, folder), { now: testNow }));
        expect(await ask(left, { root: firstRoot(state), store: makeMemoryStore() }, ["app.tgz"])).toEqual(["one"]);
      },
    });
  });
});

describe("publishing", () => {
  test("without consistent snapshots exchanges all files at once", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tuf-plain-"));
    try {
      const staff = hireStaff();
      const steps: string[] = [];
      const seen: unknown[] = [];
      let client: Client | undefined;
      const look = async (step: string): Promise<void> => {
        steps.push(step);
        if (client !== undefined)
          seen.push(await ask(makeNodeDisk(), { ...client, store: makeMemoryStore() }, ["app.tgz"], directory));
      };
      const disk = watched(makeNodeDisk(), look);
      const roles = {
        root: roleOf(staff.root),
        targets: roleOf(staff.targets),
        snapshot: roleOf(staff.snapshot),
        timestamp: roleOf(staff.timestamp),
      };
      await initRepository(disk, directory, {
        roles,
        settings: { validDays: defaultValidDays },
        consistentSnapshot: false,
        now: testNow,
      });
      const generations = {
        ...nodeGenerations,
        replaceLink: async (to: string, path: string) => (await nodeGenerations.replaceLink(to, path), look("link")),
      };
      const put = async (content: string): Promise<void> => {
        const each = await openWorkspace(disk, directory);
        await add(each, { "app.tgz": content });
        await signStaged(each, { signers: everybody(staff) });
        await refreshOnlineRoles(each, everybody(staff), testNow);
        await publish(each, { now: testNow, generations });
      };
      await put("one");
      client = {
        root: new Uint8Array(readFileSync(join(directory, "public/metadata/1.root.json"))),
        store: makeMemoryStore(),
      };
      await put("two");
      await put("six");
      expect(new Set(seen.map((each) => JSON.stringify(each)))).toEqual(new Set(['["one"]', '["two"]', '["six"]']));
      expect(seen.length).toBeGreaterThan(50);
      expect(await makeNodeDisk().list(`${directory}/generations`)).toHaveLength(2);
      const again = await openWorkspace(disk, directory);
      expect(await codeOfAsync(() => publish(again, { now: testNow }))).toBe("TUF_PUBLISH_NOTHING");
      await add(again, { "app.tgz": "ten" });
      expect(await codeOfAsync(() => release(again, everybody(staff)))).toBe("TUF_PUBLISH_SWAP");
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("refuses what readers would refuse", async () => {
    const staff = hireStaff();
    const invalid = async (stage: (workspace: Workspace) => Promise<unknown>, now = testNow): Promise<string> => {
      const { workspace } = await published(staff);
      await stage(workspace);
      return codeOfAsync(() => publish(workspace, { now }));
    };
    const [ada] = [generateSigner("ed25519")] as readonly [Signer];
    const sign = (workspace: Workspace, signers: readonly Signer[]): Promise<unknown> =>
      signStaged(workspace, { signers });
    // Ready targets that no snapshot names; a snapshot that no timestamp names.
    expect(await invalid(async (w) => (await add(w, { x: "x" }), sign(w, staff.targets)))).toBe("TUF_PUBLISH_INVALID");
    expect(await invalid(async (w) => (await stageSnapshot(w, testNow), sign(w, staff.snapshot)))).toBe(
      "TUF_PUBLISH_INVALID",
    );
    // Expired, though well signed.
    expect(
      await invalid(
        async (w) => (await stageTimestamp(w, testNow), sign(w, staff.timestamp)),
        new Date("2026-07-15T00:00:00Z"),
      ),
    ).toBe("TUF_PUBLISH_INVALID");
    // A delegation to a role that is not ready.
    const plan = { name: "plugins", paths: ["*"], ...roleOf([ada]) };
    expect(
      await invalid(async (w) => {
        await delegate(w, "targets", plan, testNow);
        await sign(w, staff.targets);
        await refreshOnlineRoles(w, everybody(staff), testNow);
      }),
    ).toBe("TUF_PUBLISH_INVALID");
    // All keys of the timestamp exchanged at once, and the old ones do not sign.
    expect(
      await invalid(async (w) => {
        await rotateKeys(w, { role: "timestamp", ...roleOf([ada]) }, testNow);
        await sign(w, staff.root);
        await refreshOnlineRoles(w, [ada], testNow);
      }),
    ).toBe("TUF_PUBLISH_GAP");
  });

  test("a delegator's new keys must have signed what is published already", async () => {
    const staff = hireStaff();
    const { workspace } = await published(staff);
    const [ada, bob] = [generateSigner("ed25519"), generateSigner("ed25519")];
    await delegate(workspace, "targets", { name: "plugins", paths: ["*"], ...roleOf([ada]) }, testNow);
    await release(workspace, [...everybody(staff), ada]);
    const again = await openWorkspace(workspace.disk, folder);
    await rotateKeys(again, { role: "plugins", ...roleOf([bob]) }, testNow);
    await signStaged(again, { signers: staff.targets });
    await refreshOnlineRoles(again, everybody(staff), testNow);
    expect(await codeOfAsync(() => publish(again, { now: testNow }))).toBe("TUF_PUBLISH_INVALID");
  });

  test.each([
    ["../../escaped", { sha256: "0".repeat(64) }, "TUF_TARGET_PATH"],
    ["a", { sha256: "../../../escaped" }, "TUF_PUBLISH_INVALID"],
    ["a", { sha256: "0".repeat(64), other: "../../../escaped" }, "TUF_TARGET_ENTRY"],
    ["a", {}, "TUF_PUBLISH_INVALID"],
  ] as const)("T3: metadata that a delegate made leads nowhere: %s", async (path, hashes, code) => {
    const staff = hireStaff();
    const { state, workspace } = await published(staff);
    const draft = await editRole(workspace, "targets", testNow);
    const targets = { ...(draft.signed["targets"] as object), [path]: { length: 1, hashes } };
    await workspace.stage("targets", { signed: { ...draft.signed, targets }, signatures: [] });
    const before = state.directories().length;
    expect(await codeOfAsync(() => release(workspace, everybody(staff)))).toBe(code);
    expect([...(state.directory(folder)?.current.keys() ?? [])]).toEqual(["repository.json"]);
    expect(state.directories().length).toBe(before);
  });

  test("refuses files that are missing or no more what was added", async () => {
    const staff = hireStaff();
    const { workspace } = await published(staff);
    await add(workspace, { x: "right" });
    const [name = ""] = await workspace.disk.list(`${folder}/files`);
    const file = await workspace.disk.reopen(`${folder}/files/${name}`);
    await file?.write(new Uint8Array([1]), 0);
    await file?.close();
    expect(await codeOfAsync(() => release(workspace, everybody(staff)))).toBe("TUF_TARGET_FILE_MISSING");
    await workspace.disk.remove(`${folder}/files/${name}`);
    expect(await codeOfAsync(() => release(workspace, everybody(staff)))).toBe("TUF_TARGET_FILE_MISSING");
    await add(workspace, { x: "right" });
    expect((await release(workspace, everybody(staff))).targets).toBe(1);
  });
});

/** Tells of each change after it was made. */
function watched(disk: Disk, look: (step: string) => Promise<void>): Disk {
  const after = <A extends readonly unknown[], T>(
    step: string,
    work: (...given: A) => Promise<T>,
  ): ((...given: A) => Promise<T>) => {
    return async (...given) => {
      const result = await work(...given);
      await look(step);
      return result;
    };
  };
  return {
    ...disk,
    makeDirectory: after("makeDirectory", disk.makeDirectory),
    create: after("create", disk.create),
    rename: after("rename", disk.rename),
    remove: after("remove", disk.remove),
  };
}
