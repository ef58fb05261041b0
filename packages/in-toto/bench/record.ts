/**
 * Recording against openssl over the same files, whole processes by turns, page cache warm:
 * `node packages/in-toto/bench/record.ts [files] [bytes each] [rounds]`, after a build.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Medians of one row, and the most memory that recording took. */
export interface RecordRow {
  readonly files: number;
  readonly bytes: number;
  readonly recordMs: number;
  /** `countersign layout run -p tree -- true`, with the link signed and written; absent if the command is not built. */
  readonly cliMs?: number;
  readonly oneThreadMs: number;
  /** Materials and products of the same unchanged files. */
  readonly twiceMs: number;
  readonly opensslMs: number;
  /** Debian's in-toto-run, products only; absent if it is not installed. */
  readonly referenceMs?: number;
  readonly peakMb: number;
}

/** Makes the tree in a temporary directory, measures, and removes it. */
export function measureRecord(files: number, fileBytes: number, rounds: number): RecordRow {
  const root = mkdtempSync(join(tmpdir(), "countersign-bench-"));
  try {
    makeTree(join(root, "tree"), files, fileBytes);
    return measureTree(root, files, files * fileBytes, rounds);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function makeTree(root: string, files: number, fileBytes: number): void {
  const block = randomBytes(fileBytes);
  for (let at = 0; at < files; at++) {
    const folder = join(root, `d${at % 100}`);
    if (at < 100) mkdirSync(folder, { recursive: true });
    block.writeUInt32LE(at);
    writeFileSync(join(folder, `f${at}.bin`), block);
  }
}

function measureTree(root: string, files: number, bytes: number, rounds: number): RecordRow {
  const peaks: number[] = [];
  const cli = cliOf(root);
  const reference = referenceOf(root);
  const contenders = new Map<string, () => void>([
    ["record", () => void peaks.push(record(root, files, "{}", 1))],
    ...(cli === undefined ? [] : [["cli", cli] as const]),
    ["oneThread", () => void record(root, files, "{ maxThreads: 1 }", 1)],
    ["twice", () => void record(root, files, "{}", 2)],
    ["openssl", () => shell(root, "find tree -type f -print0 | xargs -0 openssl dgst -sha256")],
    ...(reference === undefined ? [] : [["reference", reference] as const]),
  ]);
  const times = new Map([...contenders.keys()].map((name) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, work] of contenders) {
      const start = performance.now();
      work();
      // The first round warms the page cache.
      if (round >= 0) times.get(name)?.push(performance.now() - start);
    }
  }
  const ms = (name: string): number => median(times.get(name) ?? []);
  return {
    files,
    bytes,
    recordMs: ms("record"),
    ...(cli === undefined ? {} : { cliMs: ms("cli") }),
    oneThreadMs: ms("oneThread"),
    twiceMs: ms("twice"),
    opensslMs: ms("openssl"),
    ...(reference === undefined ? {} : { referenceMs: ms("reference") }),
    peakMb: Math.max(...peaks),
  };
}

const library = new URL("../dist/index.node.js", import.meta.url).href;

/** Records the tree in a process of its own; returns the peak of its memory in MB. */
function record(root: string, files: number, options: string, times: number): number {
  const program = `const { recordArtifacts } = await import(${JSON.stringify(library)});
    let memory;
    for (let at = 0; at < ${times}; at++) {
      const done = await recordArtifacts(["tree"], { nowMs: Date.now() + 60000, memory, ...${options} });
      if (done.artifacts.size !== ${files}) throw new Error("files are missing");
      memory = done.memory;
    }
    console.log(process.resourceUsage().maxRSS / 1024);`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { cwd: root });
  if (status !== 0) throw new Error("recording failed");
  return Number(stdout.toString());
}

const command = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url));

function cliOf(root: string): (() => void) | undefined {
  if (!existsSync(command)) return undefined;
  shell(root, "openssl genpkey -algorithm ed25519 -out ed25519");
  return () => shell(root, `'${process.execPath}' '${command}' layout run -n bench -k ed25519 -p tree -- true`);
}

function referenceOf(root: string): (() => void) | undefined {
  if (!existsSync("/usr/bin/in-toto-run")) return undefined;
  shell(root, "openssl genrsa -traditional -out key 2048");
  return () => shell(root, "/usr/bin/in-toto-run -q -n bench -k key -p tree -x");
}

function shell(cwd: string, command: string): void {
  const { status } = spawnSync("sh", ["-c", `${command} >/dev/null 2>&1`], { cwd });
  if (status !== 0) throw new Error(`${command}: exit code ${status}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? Number.NaN;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [files = 10_000, fileBytes = 102_400, rounds = 5] = process.argv.slice(2).map(Number);
  const row = measureRecord(files, fileBytes, rounds);
  const ratio = (ms: number): string => `${Math.round(ms)} ms, ${(ms / row.opensslMs).toFixed(2)} × openssl`;
  console.log(`${row.files} files, ${row.bytes / 1e6} MB; openssl dgst -sha256: ${Math.round(row.opensslMs)} ms`);
  console.log(`record: ${ratio(row.recordMs)}, peak ${Math.round(row.peakMb)} MB`);
  if (row.cliMs !== undefined) console.log(`countersign layout run: ${ratio(row.cliMs)}`);
  console.log(`record, one thread: ${ratio(row.oneThreadMs)}`);
  console.log(`record as materials and products: ${ratio(row.twiceMs)}`);
  if (row.referenceMs !== undefined) console.log(`in-toto-run, products only: ${ratio(row.referenceMs)}`);
}
