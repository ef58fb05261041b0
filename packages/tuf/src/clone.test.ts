import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { generateSigner, type Signer } from "@countersign/core";
import {
  addTufTarget,
  delegateTuf,
  makeTufRepository,
  publishTuf,
  publishTufRoot,
  tufFetcher,
  tufNow,
} from "@countersign/testkit";
import { delegate, editRole, initRepository, makeBins, rotateKeys, signStaged } from "./author.ts";
import { add, everybody, hireStaff, release, roleOf, testNow, type Staff } from "./author-sample.contract.ts";
import { nodeGenerations } from "./author.node.ts";
import { publish } from "./author-publish.ts";
import { refreshOnlineRoles } from "./author-refresh.ts";
import { defaultValidDays } from "./author-settings.ts";
import { openWorkspace, type Workspace } from "./author-workspace.ts";
import { cloneRepository, type Clone } from "./clone.ts";
import { makeNodeDisk } from "./disk.node.ts";
import { makeDirectoryFetcher } from "./fetch-directory.node.ts";
import { makeMemoryStore } from "./memory-store.ts";
import { codeOfAsync } from "./sample.contract.ts";
import { openTargetFolder } from "./target.node.ts";
import { createUpdater } from "./updater.ts";
import type { Fetcher } from "./fetch.ts";

let home = "";
let staff: Staff;
const disk = makeNodeDisk();
const [plugins, bins] = [generateSigner("ed25519"), generateSigner("ed25519")] as readonly [Signer, Signer];
const repo = (...parts: readonly string[]): string => join(home, "repo", ...parts);
const copy = (...parts: readonly string[]): string => join(home, "copy", ...parts);

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tuf-clone-"));
  staff = hireStaff();
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function make(consistentSnapshot = true): Promise<void> {
  const roles = {
    root: roleOf(staff.root),
    targets: roleOf(staff.targets),
    snapshot: roleOf(staff.snapshot),
    timestamp: roleOf(staff.timestamp),
  };
  const workspace = await initRepository(disk, repo(), {
    roles,
    settings: { validDays: defaultValidDays },
    consistentSnapshot,
    now: testNow,
  });
  await add(workspace, { "app.tgz": "app" });
  await delegate(workspace, "targets", { name: "plugins", ...roleOf([plugins]), paths: ["plugins/*"] }, testNow);
  await delegate(workspace, "targets", { name: "many", ...roleOf([plugins]), paths: ["many/*"] }, testNow);
  await makeBins(workspace, "many", { bins: { prefix: "bin", bits: 2 }, form: "succinct", ...roleOf([bins]) }, testNow);
  await add(workspace, { "plugins/a": "plugin" }, "plugins");
  await add(workspace, { "many/x": "x", "many/y": "y" }, "many");
  await put(workspace);
}

async function put(workspace: Workspace): Promise<void> {
  await signStaged(workspace, { signers: [...everybody(staff), plugins, bins] });
  await refreshOnlineRoles(workspace, everybody(staff), testNow);
  await publish(workspace, { now: testNow, generations: nodeGenerations });
}

function root(version: number, folder = repo("public")): Uint8Array {
  return new Uint8Array(readFileSync(join(folder, "metadata", `${version}.root.json`)));
}

/** A copy, and which target bytes did not have to be fetched. */
async function clone(
  anchor: Uint8Array,
  fetch: Fetcher = makeDirectoryFetcher({ metadata: repo("public/metadata") }),
): Promise<Clone & { reused: number }> {
  const targets = await openTargetFolder(copy("targets"), { storeDirectory: join(home, "store") });
  let reused = 0;
  const onTarget = (_name: string, _length: number, bytes: number): void => void (reused += bytes);
  return {
    ...(await cloneRepository({
      root: anchor,
      fetcher: fetch,
      disk,
      directory: copy(),
      targets,
      now: testNow,
      onTarget,
    })),
    reused,
  };
}

function files(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return names
    .map(
      ({ parentPath, name }) =>
        `${join(parentPath, name).slice(folder.length)} ${readFileSync(join(parentPath, name)).toString("base64")}`,
    )
    .toSorted();
}

test.each([true, false])(
  "a copy has the very files of the repository (consistent snapshots: %s)",
  async (isConsistent) => {
    await make(isConsistent);
    expect(await clone(root(1))).toMatchObject({
      versions: { root: 1, timestamp: 1, snapshot: 1, targets: 1 },
      oldestRoot: 1,
      roles: 7,
      targets: 4,
      bytes: 11,
      reused: 0,
    });
    expect(files(copy())).toEqual(files(repo("public")));
    expect(await clone(root(1))).toMatchObject({ targets: 4, reused: 11 });
  },
);

test("it goes on where it was cut off, and notices what was damaged meanwhile", async () => {
  await make();
  await clone(root(1));
  const [name = ""] = readdirSync(copy("targets", "plugins"));
  truncateSync(copy("targets", "plugins", name), 2);
  writeFileSync(copy("metadata", "1.targets.json"), "{}");
  rmSync(copy("metadata", "timestamp.json"));
  expect(await clone(root(1))).toMatchObject({ reused: 5 });
  expect(files(copy())).toEqual(files(repo("public")));
});

test("it takes over new versions, and all roots, also those before the one that is trusted", async () => {
  await make();
  await clone(root(1));
  const next = generateSigner("ed25519");
  const workspace = await openWorkspace(disk, repo());
  await rotateKeys(workspace, { role: "root", ...roleOf([next]) }, testNow);
  await add(workspace, { "app.tgz": "two" });
  await release(workspace, [...everybody(staff), next]);
  staff = { ...staff, root: [next] };
  rmSync(copy("metadata", "1.root.json"));
  expect(await clone(root(2))).toMatchObject({ versions: { root: 2, targets: 2 }, oldestRoot: 1 });
  const fetch = makeDirectoryFetcher({ metadata: copy("metadata") });
  const client = createUpdater({ root: root(1), store: makeMemoryStore(), fetch, now: () => testNow });
  expect((await client.target("app.tgz"))?.length).toBe(3);
  rmSync(repo("public/metadata/1.root.json"));
  rmSync(copy(), { recursive: true });
  expect(await clone(root(2))).toMatchObject({ oldestRoot: 2 });
});

test("what does not verify is not copied, and the copy stays what it was", async () => {
  await make();
  await clone(root(1));
  const before = files(copy());
  const bad = { ...JSON.parse(readFileSync(repo("public/metadata/timestamp.json"), "utf8")), signatures: [] } as object;
  writeFileSync(repo("public/metadata/timestamp.json"), JSON.stringify(bad));
  expect(await codeOfAsync(() => clone(root(1)))).toBe("TUF_THRESHOLD");
  expect(files(copy())).toEqual(before);
});

test("T3: names that no file can have, and roles called almost as root, keep no copy from being made", async () => {
  const repository = makeTufRepository();
  addTufTarget(repository, "app.bin", "app");
  delegateTuf(repository, "targets", "x.root", { paths: ["x/*"] });
  addTufTarget(repository, "x/one", "one", "x.root");
  for (const name of ["../x", "x/../../up", "/etc/x", "a\\b", "x/", "x/..\u0000"])
    addTufTarget(repository, name, "odd", "x.root");
  await publishTuf(repository);
  const plan = { disk, directory: copy(), now: tufNow, targets: await openTargetFolder(copy("targets")) };
  const anchor = repository.metadata.get("1.root.json") as Uint8Array;
  const first = await cloneRepository({ ...plan, root: anchor, fetcher: tufFetcher(repository) });
  expect(first).toMatchObject({ roles: 2, targets: 3 });
  expect(new Set(first.skipped)).toEqual(new Set(["../x", "/etc/x", "a\\b", "x/../../up", "x/..\u0000"]));
  expect(readdirSync(home).toSorted()).toEqual(["copy"]);
  await publishTufRoot(repository);
  await publishTuf(repository);
  const again = await cloneRepository({ ...plan, root: anchor, fetcher: tufFetcher(repository) });
  expect(again.versions).toEqual({ root: 2, timestamp: 2, snapshot: 2, targets: 2 });
});

test("targets of which a mirror has wrong bytes are not put in place", async () => {
  await make();
  const [name = ""] = readdirSync(repo("public/targets/plugins"));
  writeFileSync(repo("public/targets/plugins", name), "forged");
  expect(await codeOfAsync(() => clone(root(1)))).toBe("TUF_TARGET_HASH");
  expect(existsSync(copy("targets/plugins", name))).toBe(false);
  expect(existsSync(copy("metadata"))).toBe(false);
});

test("more roles than are to be copied end it, before any file is written", async () => {
  await make();
  const fetch = makeDirectoryFetcher({ metadata: repo("public/metadata") });
  const targets = await openTargetFolder(copy("targets"));
  const plan = { root: root(1), fetcher: fetch, disk, directory: copy(), targets, now: testNow };
  expect(await codeOfAsync(() => cloneRepository({ ...plan, maxRoles: 5 }))).toBe("TUF_CLONE_ROLES");
  expect(existsSync(copy())).toBe(false);
  expect((await cloneRepository({ ...plan, maxRoles: 6 })).roles).toBe(7);
});

test("T4: four thousand million bins are a typed error on the author's side", async () => {
  await make();
  const workspace = await openWorkspace(disk, repo());
  const draft = await editRole(workspace, "plugins", testNow);
  const delegations = { keys: {}, succinct_roles: { keyids: [], threshold: 1, bit_length: 32, name_prefix: "e" } };
  await workspace.stage("plugins", { signed: { ...draft.signed, delegations }, signatures: [] });
  expect(await codeOfAsync(() => signStaged(workspace, { signers: [plugins] }))).toBe("TUF_BINS_COUNT");
});
