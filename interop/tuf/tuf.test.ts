import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { generateSigner, type AlgorithmName, type Signer } from "@countersign/core";
import {
  createUpdater,
  defaultValidDays,
  delegate,
  editTargets,
  formatSignerKey,
  initRepository,
  makeBins,
  makeMemoryStore,
  openWorkspace,
  publish,
  refreshOnlineRoles,
  rotateKeys,
  signStaged,
  streamTarget,
  type RoleKeys,
} from "@countersign/tuf";
import { flipLastHex } from "@countersign/testkit";
import { makeDirectoryFetcher, makeNodeDisk, nodeGenerations, takeFiles } from "@countersign/tuf/node";
import { prepareGo, preparePython, type Peer } from "./peer.ts";

/** `npm run test:tuf-interop` sets it: to install python-tuf and build go-tuf takes a network and a minute. */
const isAsked = process.env["COUNTERSIGN_TUF_INTEROP"] !== undefined;
const folder = mkdtempSync(join(tmpdir(), "countersign-tuf-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const absent: Peer = { missing: "not asked for" };
const peers: readonly (readonly [name: string, peer: Peer])[] = [
  ["python-tuf", isAsked ? preparePython(folder) : absent],
  ["go-tuf", isAsked ? prepareGo(folder) : absent],
];
if (isAsked)
  for (const [name, peer] of peers)
    process.stdout.write("missing" in peer ? `skipped: ${name}: ${peer.missing}\n` : `${peer.version}\n`);

const now = new Date(Date.now());
const disk = makeNodeDisk();
let count = 0;

/** A role of these signers. */
function roleOf(signers: readonly Signer[], threshold = 1): RoleKeys {
  return { keys: signers.map(formatSignerKey), threshold };
}

interface Ours {
  readonly directory: string;
  readonly root: string;
  readonly signers: readonly Signer[];
}

/** A repository of ours with a target at the top, in a delegated role, and in bins of both forms. */
async function makeOurs(kinds: readonly AlgorithmName[], consistentSnapshot = true): Promise<Ours> {
  const directory = join(folder, `ours-${count++}`);
  mkdirSync(directory);
  const signers = kinds.map((kind) => generateSigner(kind));
  const [first, second = first, third = second] = signers as [Signer, ...Signer[]];
  const roles = {
    root: roleOf(signers, signers.length),
    targets: roleOf([first]),
    snapshot: roleOf([second]),
    timestamp: roleOf([third]),
  };
  const workspace = await initRepository(disk, directory, {
    roles,
    settings: { validDays: defaultValidDays },
    consistentSnapshot,
    now,
  });
  for (const [name, path] of [
    ["plugins", "plugins/*"],
    ["many", "m/*"],
    ["each", "e/*"],
  ] as const)
    await delegate(workspace, "targets", { name, ...roleOf([second]), paths: [path] }, now);
  const bins = { ...roleOf([third]), bins: { prefix: "bin", bits: 3 } } as const;
  await makeBins(workspace, "many", { ...bins, form: "succinct" }, now);
  await makeBins(workspace, "each", { ...bins, bins: { prefix: "ebin", bits: 3 }, form: "explicit" }, now);
  for (const [role, target] of [
    ["targets", "app.tgz"],
    ["plugins", "plugins/a.zip"],
    ["many", "m/deep.bin"],
    ["each", "e/deep.bin"],
  ] as const) {
    const path = join(folder, "content");
    writeFileSync(path, `content of ${target}`);
    await editTargets(workspace, role, await takeFiles(workspace, [{ path, target }], { hashes: ["sha512"] }), now);
  }
  await signStaged(workspace, { signers });
  await refreshOnlineRoles(workspace, signers, now);
  await publish(workspace, { now, generations: nodeGenerations });
  return { directory, root: join(directory, "public/metadata/1.root.json"), signers };
}

/** Root keys exchanged, then content changed: clients that start from the first root must follow. */
async function rotate({ directory, signers }: Ours): Promise<void> {
  const next = [generateSigner("ecdsa-p384-sha384"), generateSigner("ed25519")];
  const workspace = await openWorkspace(disk, directory);
  await rotateKeys(workspace, { role: "root", ...roleOf(next, 2) }, now);
  await signStaged(workspace, { signers: [...signers, ...next] });
  await publish(workspace, { now, generations: nodeGenerations });
}

/** Serves a folder from a process of its own while the work goes on. */
async function serving<T>(directory: string, work: (url: string) => T): Promise<T> {
  const server = fileURLToPath(new URL("server.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@countersign/source", server, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (data: Buffer) => resolve(data.toString("utf8").trim()));
      child.once("exit", () => reject(new Error("the server ended")));
    });
    return work(url);
  } finally {
    child.kill();
  }
}

function lengthOf(target: string): number {
  return `content of ${target}`.length;
}

describe.each(peers)("%s", (name, peer) => {
  if ("missing" in peer) {
    test.skip(`reads ours and writes for us (${peer.missing})`, () => {});
    return;
  }

  const present = peer;

  async function readBy({ directory, root }: Ours): Promise<unknown> {
    const out = join(folder, `out-${count++}`);
    mkdirSync(out);
    const names = ["app.tgz", "plugins/a.zip", "m/deep.bin", "e/deep.bin", "nothing"];
    return serving(join(directory, "public"), (url) => present.read({ root, url, out }, names));
  }

  // go-tuf compares path_hash_prefixes with base64 where the specification has hex: it never finds such bins.
  const explicit = name === "go-tuf" ? null : lengthOf("e/deep.bin");
  const expected = {
    "app.tgz": lengthOf("app.tgz"),
    "plugins/a.zip": lengthOf("plugins/a.zip"),
    "m/deep.bin": lengthOf("m/deep.bin"),
    "e/deep.bin": explicit,
    nothing: null,
  };
  const kinds: readonly (readonly AlgorithmName[])[] = [
    ["ed25519"],
    ["ecdsa-p256-sha256", "rsa-pss-sha256", "ed25519"],
  ];

  test.each(kinds)("reads what we publish, signed by %s", async (...list) => {
    expect(await readBy(await makeOurs(list))).toEqual(expected);
  });

  test("follows our exchange of root keys from the first root", async () => {
    const ours = await makeOurs(["ed25519", "ecdsa-p256-sha256"]);
    await rotate(ours);
    expect(await readBy(ours)).toEqual(expected);
  });

  test("reads what we publish without consistent snapshots", async () => {
    expect(await readBy(await makeOurs(["ed25519"], false))).toEqual(expected);
  });

  test("refuses it once a signature is damaged", async () => {
    const ours = await makeOurs(["ed25519"]);
    const path = join(ours.directory, "public/metadata/timestamp.json");
    writeFileSync(path, readFileSync(path, "utf8").replace(/"sig":"../, flipLastHex));
    await expect(readBy(ours)).rejects.toThrow(/signature|signed|threshold|verif/i);
  });

  test("publishes what we read", async () => {
    const directory = join(folder, `theirs-${count++}`);
    peer.author(directory);
    const root = new Uint8Array(readFileSync(join(directory, "metadata/1.root.json")));
    const fetcher = makeDirectoryFetcher({ metadata: join(directory, "metadata") });
    const updater = createUpdater({ root, store: makeMemoryStore(), fetch: fetcher, now: () => now });
    const names = name === "python-tuf" ? ["app.tgz", "plugins/a.zip", "b/deep.bin"] : ["app.tgz"];
    const contents: string[] = [];
    for (const target of await updater.targets(names)) {
      let text = "";
      if (target !== undefined)
        for await (const piece of streamTarget(fetcher, target)) text += Buffer.from(piece).toString("utf8");
      contents.push(text);
    }
    expect(contents).toEqual(["the app", "a plugin", "in a bin"].slice(0, names.length));
    expect(await updater.target("nothing")).toBeUndefined();
  });
});
