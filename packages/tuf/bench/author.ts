// What a release costs the author of a large repository:  node --conditions=@countersign/source packages/tuf/bench/author.ts [--quick]
//
// 100,000 targets in 256 bins lie on a real disk, every write synced. Ten targets change; measured is all from there to the
// published repository: hashing and keeping the files, ten bins, snapshot and timestamp signed anew, everything put in place.
// Rewrites its table in docs/performance.md unless --quick, which only shows that the bench works.
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateSigner, type Signer } from "@countersign/core";
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
  type TargetEntry,
} from "@countersign/tuf";
import { makeNodeDisk, takeFiles, type Source } from "@countersign/tuf/node";

const isQuick = process.argv.includes("--quick");
const targets = isQuick ? 2000 : 100_000;
const rounds = isQuick ? 1 : 5;
const changes = 10;
const mustMs = 2000;

const now = new Date(Date.now());
const disk = makeNodeDisk();
const signer = generateSigner("ed25519");
const signers: readonly Signer[] = [signer];

/** A repository whose target files lie where readers look for them. */
async function prepare(directory: string): Promise<void> {
  const role = { keys: [formatSignerKey(signer)], threshold: 1 };
  const roles = { root: role, targets: role, snapshot: role, timestamp: role };
  const settings = { validDays: defaultValidDays };
  const workspace = await initRepository(disk, directory, { roles, settings, consistentSnapshot: true, now });
  await makeBins(workspace, "targets", { bins: { prefix: "bin", bits: 8 }, form: "succinct", ...role }, now);
  const entries = new Map<string, TargetEntry>();
  mkdirSync(join(directory, "public", "targets"), { recursive: true });
  for (let at = 0; at < targets; at++) {
    const content = `content of file ${at}`;
    const sha256 = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(directory, "public", "targets", `${sha256}.file-${at}.bin`), content);
    entries.set(`file-${at}.bin`, { length: content.length, hashes: { sha256 } });
  }
  await editTargets(workspace, "targets", entries, now);
  await release(directory);
}

async function release(directory: string): Promise<void> {
  const workspace = await openWorkspace(disk, directory);
  await signStaged(workspace, { signers });
  await refreshOnlineRoles(workspace, signers, now);
  await publish(workspace, { now });
}

/** Milliseconds from ten changed files to the published repository. */
async function measure(directory: string, sources: readonly Source[]): Promise<number> {
  const start = performance.now();
  const workspace = await openWorkspace(disk, directory);
  await editTargets(workspace, "targets", await takeFiles(workspace, sources, { hashes: [] }), now);
  await release(directory);
  return performance.now() - start;
}

function changed(folder: string): readonly Source[] {
  return Array.from({ length: changes }, (_, at) => {
    const path = join(folder, `new-${at}`);
    writeFileSync(path, randomBytes(64));
    return { path, target: `file-${at * Math.floor(targets / changes)}.bin` };
  });
}

function report(times: readonly number[]): void {
  const middle = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  const worst = Math.max(...times);
  process.stdout.write(
    `${targets} targets in 256 bins, ${changes} changes: ${middle.toFixed(0)} ms (most ${worst.toFixed(0)} ms)\n`,
  );
  if (isQuick) return;
  const page = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));
  const [processor] = cpus();
  const table = [
    `Measured on ${now.toISOString().slice(0, 10)}: ${cpus().length} cores (${processor?.model.trim() ?? ""}), ${process.platform} ${process.arch}, Node ${process.versions.node}.`,
    "",
    "| what | must be | measured | reached | figures |",
    "| --- | --- | --- | --- | --- |",
    `| ${targets.toLocaleString("en")} targets in 256 bins: ${changes} changed files hashed, signed and published | < 2 s | ${(middle / 1000).toFixed(2)} s | ${worst < mustMs ? "yes" : "**no**"} | middle of ${times.length} rounds, the most ${(worst / 1000).toFixed(2)} s; every write synced |`,
  ].join("\n");
  const marked = /(<!-- bench:tuf-author:start[^>]*-->\n)[\s\S]*?(\n<!-- bench:tuf-author:end -->)/;
  const text = readFileSync(page, "utf8");
  if (!marked.test(text)) throw new Error("docs/performance.md has lost its markers");
  writeFileSync(
    page,
    text.replace(marked, (_, start: string, end: string) => `${start}\n${table}\n${end}`),
  );
}

const home = mkdtempSync(join(tmpdir(), "tuf-author-bench-"));
try {
  const directory = join(home, "repo");
  mkdirSync(directory);
  await prepare(directory);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await measure(directory, changed(home)));
  report(times);
} finally {
  rmSync(home, { recursive: true, force: true });
}
