/**
 * `npm run bench:many` measures `countersign verify --list` of ten thousand files, each with its bundle beside it, as whole
 * processes, beside the same in the one thread of its process (`--jobs 1`), one warm thread that judges such files, and
 * one that runs `inspect` on such bundles in memory; it writes the table into docs/performance.md.
 * `--rounds 1` is quicker; `--quick` does everything small and once and writes nothing.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeBenchInstance, makeSamples, trustOf } from "./corpus.ts";
import { writeList } from "./list-file.ts";
import { repeated, seriesOf, type Patience } from "./measure.ts";
import { leavePeak, readPeakMb } from "./peak.ts";
import { command } from "./process-row.ts";
import { runNode } from "./process.ts";
import { samplePolicy } from "./sample.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" }, rounds: { type: "string" } } });
const rounds = Number(values.rounds ?? "3");
const size =
  values.quick === true
    ? { files: 70, alone: 100, patience: { min: 1, max: 1, spread: 1 } }
    : { files: 10_000, alone: 1000, patience: { min: rounds, max: rounds, spread: 1 } };

/** What one round measured. */
interface Round {
  /** Artifacts a millisecond of the whole process. */
  readonly listRate: number;
  /** Of the same in the one thread of its process, from its start to its end. */
  readonly aloneRate: number;
  /** Of one warm thread that reads the same files. */
  readonly fileRate: number;
  /** Of one warm thread that has all in memory. */
  readonly singleRate: number;
  readonly firstMs: number;
  readonly maxRssMb: number;
}

/** What one warm thread does. */
type Warm = Pick<Round, "fileRate" | "singleRate">;

const folder = mkdtempSync(join(tmpdir(), "countersign-many-"));
try {
  const table = formatTable(await measure(size.patience));
  process.stdout.write(`${table}\n`);
  if (values.quick !== true) writeTable(table);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(patience: Patience): Promise<readonly Round[]> {
  const instance = makeBenchInstance();
  const names = makeSamples(instance, size.files).map(({ artifact, bundle }, at) => {
    const path = join(folder, `file-${at}`);
    writeFileSync(path, artifact);
    writeFileSync(`${path}.sigstore.json`, bundle);
    return path;
  });
  writeFileSync(join(folder, "list"), `${names.join("\n")}\n`);
  const trust = { files: [{ source: "bench", bytes: trustOf(instance) }], now: instance.now };
  writeList(folder, makeSamples(instance, size.alone * 2), trust);
  const single = [...process.execArgv, fileURLToPath(new URL("many-single.ts", import.meta.url)), folder];
  const warm = (): Warm => JSON.parse(runNode(single).stdout) as Warm;
  const round = async (): Promise<Round> => {
    const before = warm();
    const { ms, firstMs } = await verifyAll();
    const after = warm();
    const alone = await verifyAll([], ["--jobs", "1"]);
    const mean = (name: keyof Warm): number => (before[name] + after[name]) / 2;
    // What leaves its memory behind at the end is loaded by every thread, and takes time of its own: another run.
    await verifyAll(leavePeak(folder));
    const rates = {
      listRate: size.files / ms,
      aloneRate: size.files / alone.ms,
      fileRate: mean("fileRate"),
      singleRate: mean("singleRate"),
    };
    return { ...rates, firstMs, maxRssMb: readPeakMb(folder) };
  };
  return repeated(patience, round, ({ listRate, aloneRate }) => listRate / aloneRate);
}

/** One run of the command as built: how long it took, and when its first result was there. */
async function verifyAll(
  preload: readonly string[] = [],
  more: readonly string[] = [],
): Promise<{ ms: number; firstMs: number }> {
  const start = performance.now();
  const who = ["--certificate-identity", samplePolicy.identity, "--certificate-oidc-issuer", samplePolicy.issuer];
  const trust = ["--trusted-root", join(folder, "list-root.json")];
  const argv = [...preload, command, "verify", "--list", join(folder, "list"), ...who, ...trust, ...more];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "pipe"] });
  const seen = { firstMs: 0, err: "" };
  child.stderr.on("data", (text: Buffer) => {
    if (seen.firstMs === 0) seen.firstMs = performance.now() - start;
    seen.err = `${seen.err}${text.toString()}`.slice(-4000);
  });
  const [code] = (await once(child, "close")) as [number];
  const ms = performance.now() - start;
  if (code !== 0) throw new Error(`${code}: ${seen.err}`);
  return { ms, firstMs: seen.firstMs };
}

type RateName = "listRate" | "aloneRate" | keyof Warm;

function formatTable(measured: readonly Round[]): string {
  const cores = availableParallelism();
  const rate = (name: RateName): string =>
    `${(seriesOf(measured.map((round) => round[name])).median * 1000).toFixed(0)}/s`;
  const first = seriesOf(measured.map(({ firstMs }) => firstMs)).median;
  const memory = Math.max(...measured.map(({ maxRssMb }) => maxRssMb));
  const row = (what: string, must: string, measured: string, isReached: boolean, figures: string): string =>
    `| ${what} | ${must} | ${measured} | ${isReached ? "yes" : "**no**"} | ${figures} |`;
  const shareRow = (what: string, name: RateName): string => {
    const share = seriesOf(measured.map((round) => round.listRate / round[name] / cores));
    const spread = ((share.spread * 100) / 2).toFixed(0);
    const figures = `${share.median.toFixed(2)} (± ${spread} %, ${share.count} rounds)`;
    return row(what, "≥ 0.9", figures, share.median >= 0.9, `${rate("listRate")} and ${rate(name)}`);
  };
  const load = loadavg()
    .map((each) => each.toFixed(1))
    .join(", ");
  return [
    `Measured on ${new Date().toISOString().slice(0, 10)}: ${cores} cores (${cpus()[0]?.model.trim() ?? "unknown"}), Node ${process.versions.node}; load averages at the end ${load}.`,
    "",
    "| what | must be | measured | reached | figures |",
    "| --- | --- | --- | --- | --- |",
    shareRow(
      `\`countersign verify --list\` of ${size.files} files with a bundle each, whole process, rate ÷ (${cores} cores × the same in the one thread of its process, \`--jobs 1\`)`,
      "aloneRate",
    ),
    shareRow("the same ÷ one thread that has warmed up on such files, without its start", "fileRate"),
    shareRow("the same ÷ one warm thread that has all in memory and reads no file", "singleRate"),
    row(
      "the same, until the first result is written",
      "≤ 200 ms",
      `${first.toFixed(0)} ms`,
      first <= 200,
      "start of Node included",
    ),
    row("the same, peak memory", "< 300 MB", `${memory.toFixed(0)} MB`, memory < 300, "the most of all rounds"),
  ].join("\n");
}

function writeTable(table: string): void {
  const path = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));
  const [start, end] = ["<!-- bench-many:start, written by npm run bench:many -->", "<!-- bench-many:end -->"];
  const page = readFileSync(path, "utf8");
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no markers for the table`);
  writeFileSync(path, `${page.slice(0, from + start.length)}\n\n${table}\n\n${page.slice(to)}`);
}
