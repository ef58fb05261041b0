/**
 * Measures what it costs to save a large target, and writes the table into docs/performance.md: `node download.ts [--quick]
 * [--folder DIR]`. DIR should be in memory: what is measured is the client, not the disk. `--quick` is small and writes nothing.
 */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

interface Outcome {
  readonly ms: number;
  readonly longestBlockMs: number;
  readonly peakBytes: number;
  readonly digest?: string;
}

const { values } = parseArgs({ options: { quick: { type: "boolean" }, folder: { type: "string" } } });
const length = (values.quick === true ? 16 : 4096) * 1024 * 1024;
const rounds = values.quick === true ? 1 : 3;
const folder = mkdtempSync(join(values.folder ?? tmpdir(), "countersign-download-"));
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

async function client(...args: readonly string[]): Promise<Outcome> {
  const { stdout } = await promisify(execFile)(process.execPath, [here("big-client.mjs"), ...args]);
  return JSON.parse(stdout) as Outcome;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** A client's outcome and that of the floor on the same bytes. */
interface Pair {
  readonly saved: Outcome;
  readonly floor: Outcome;
}

/** The smaller file: there must be memory for it twice. */
const smallLength = length / 4;

/**
 * One round: all of the file from the server; then its first quarter from a folder. So no more than one large file is in
 * memory at a time: machines that get their memory when they first touch it would be measured instead.
 */
async function round(url: string, digest: string): Promise<Record<"folder" | "web", Pair>> {
  const [source, out] = [join(folder, "targets", "big.bin"), join(folder, "out")];
  const web = await client("save", url, out, String(length), digest);
  const webFloor = await client("hash", join(out, "big.bin"));
  renameSync(join(out, "big.bin"), source);
  truncateSync(source, smallLength);
  const floor = await client("hash", source);
  const local = await client("save", folder, out, String(smallLength), floor.digest ?? "");
  for (const path of [source, join(out, "big.bin")]) rmSync(path);
  return { folder: { saved: local, floor }, web: { saved: web, floor: webFloor } };
}

/** Of the bytes that the server sends. */
function digestOfServed(): string {
  const piece = Buffer.alloc(1024 * 1024, Buffer.from(Uint8Array.from({ length: 65_536 }, (_, at) => (at * 31) >> 2)));
  const hasher = createHash("sha256");
  for (let at = 0; at < length; at += piece.length) hasher.update(piece);
  return `sha256:${hasher.digest("hex")}`;
}

type Results = readonly Awaited<ReturnType<typeof round>>[];

function rowsOf(results: Results): readonly string[] {
  return (["web", "folder"] as const).flatMap((kind) => {
    const from = kind === "folder" ? "from a folder" : "from a web server on the same machine";
    const bytes = kind === "folder" ? smallLength : length;
    const pairs = results.map((result) => result[kind]);
    const ratio = median(pairs.map(({ saved, floor }) => saved.ms / floor.ms));
    const blockMs = Math.max(...pairs.map(({ saved }) => saved.longestBlockMs));
    const peakMb = Math.max(...pairs.map(({ saved }) => saved.peakBytes)) / 1e6;
    const figures = `${median(pairs.map(({ saved }) => saved.ms)).toFixed(0)} ms and ${median(pairs.map(({ floor }) => floor.ms)).toFixed(0)} ms`;
    const most = "the most of all rounds";
    return [
      row(`save ${bytes / 1048576} MiB ${from} ÷ read and sha256`, "≤ 1.3", ratio.toFixed(2), ratio <= 1.3, figures),
      row("the same, longest block of the event loop", "≤ 50 ms", `${blockMs.toFixed(0)} ms`, blockMs <= 50, most),
      row("the same, peak memory of the process", "< 120 MB", `${peakMb.toFixed(0)} MB`, peakMb < 120, most),
    ];
  });
}

function row(what: string, must: string, measured: string, isReached: boolean, figures: string): string {
  return `| ${what} | ${must} | ${measured} | ${isReached ? "yes" : "**no**"} | ${figures} |`;
}

function writeTable(table: string): void {
  const path = here("../../../docs/performance.md");
  const [start, end] = ["<!-- tuf-download:start, written by pnpm bench:tuf-download -->", "<!-- tuf-download:end -->"];
  const page = readFileSync(path, "utf8");
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no markers for the table`);
  writeFileSync(path, `${page.slice(0, from + start.length)}\n\n${table}\n\n${page.slice(to)}`);
}

const server = spawn(process.execPath, [here("big-server.ts"), String(length)], {
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  const [address] = (await once(server.stdout, "data")) as [Buffer];
  for (const name of ["targets", "metadata", "out"]) mkdirSync(join(folder, name));
  const digest = digestOfServed();
  const results = [];
  for (let count = 0; count < rounds; count++) results.push(await round(String(address).trim(), digest));
  const machine = `Measured on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0]?.model ?? "?"}), Node ${process.versions.node}, files in memory; load averages at the end ${loadavg()
    .map((load) => load.toFixed(1))
    .join(", ")}.`;
  const head = ["| what | must be | measured | reached | figures |", "| --- | --- | --- | --- | --- |"];
  const table = [machine, "", ...head, ...rowsOf(results)].join("\n");
  process.stdout.write(`${table}\n`);
  if (values.quick !== true) writeTable(table);
} finally {
  server.kill();
  rmSync(folder, { recursive: true });
}
