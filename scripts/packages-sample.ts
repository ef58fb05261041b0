/** `node packages-sample.ts FOLDER`: a repository with bins in FOLDER/repo, for packages-sample-client.ts. Keys and times are of no account. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateSigner } from "@countersign/core";
import {
  defaultValidDays,
  editTargets,
  formatSignerKey,
  initRepository,
  makeBins,
  openWorkspace,
  publish,
  refreshOnlineRoles,
  signStaged,
} from "@countersign/tuf";
import { makeNodeDisk, takeFiles } from "@countersign/tuf/node";

const [folder = ""] = process.argv.slice(2);
const directory = join(folder, "repo");
mkdirSync(directory);
const [disk, now, signer] = [makeNodeDisk(), new Date(), generateSigner("ed25519")];
const role = { keys: [formatSignerKey(signer)], threshold: 1 };
const workspace = await initRepository(disk, directory, {
  roles: { root: role, targets: role, snapshot: role, timestamp: role },
  settings: { validDays: defaultValidDays },
  consistentSnapshot: true,
  now,
});
await makeBins(workspace, "targets", { bins: { prefix: "bin", bits: 2 }, form: "succinct", ...role }, now);
const names = ["z.bin", "b/one.bin", "b/two.bin", "a.bin"];
const sources = names.map((target, at) => {
  const path = join(folder, `content-${at}`);
  writeFileSync(path, target.repeat(1000));
  return { path, target };
});
await editTargets(workspace, "targets", await takeFiles(workspace, sources, { hashes: [] }), now);
const opened = await openWorkspace(disk, directory);
await signStaged(opened, { signers: [signer] });
await refreshOnlineRoles(opened, [signer], now);
await publish(opened, { now });
