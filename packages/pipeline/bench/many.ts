/**
 * `npm run bench:many` measures `countersign verify --list` of ten thousand files, each with its bundle beside it, as whole
 * processes, beside one warm thread that judges such files, and one that runs `inspect` on such bundles in memory; it writes the table
 * into docs/performance.md.
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
  /** Of one warm thread that reads the same files. */
  readonly fileRate: number;
  /** Of one warm thread that has all in memory. */
  readonly singleRate: number;
  readonly firstMs: number;
  readonly maxRssMb: number;
}

/** What one warm thread does alone. */
type Alone = Pick<Round, "fileRate" | "singleRate">;

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
  const alone = (): Alone => JSON.parse(runNode(single).stdout) as Alone;
  const round = async (): Promise<Round> => {
    const before = alone();
    const whole = await verifyAll();
    const after = alone();
    const mean = (name: keyof Alone): number => (before[name] + after[name]) / 2;
    const listRate = size.files / whole.ms;
    return { ...whole, listRate, fileRate: mean("fileRate"), singleRate: mean("singleRate") };
  };
  return repeated(patience, round, ({ listRate, fileRate }) => listRate / fileRate);
}

/** One run of the command as built: how long it took, when its first result was there, and the most memory that it held. */
async function verifyAll(): Promise<{ ms: number; firstMs: number; maxRssMb: number }> {
  const start = performance.now();
  const who = ["--certificate-identity", samplePolicy.identity, "--certificate-oidc-issuer", samplePolicy.issuer];
  const trust = ["--trusted-root", join(folder, "list-root.json")];
  const argv = [...leavePeak(folder), command, "verify", "--list", join(folder, "list"), ...who, ...trust];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "pipe"] });
  const seen = { firstMs: 0, err: "" };
  child.stderr.on("data", (text: Buffer) => {
    if (seen.firstMs === 0) seen.firstMs = performance.now() - start;
    seen.err = `${seen.err}${text.toString()}`.slice(-4000);
  });
  const [code] = (await once(child, "close")) as [number];
  const ms = performance.now() - start;
  if (code !== 0) throw new Error(`${code}: ${seen.err}`);
  return { ms, firstMs: seen.firstMs, maxRssMb: readPeakMb(folder) };
}

function formatTable(measured: readonly Round[]): string {
  const cores = availableParallelism();
  const rate = (name: "listRate" | keyof Alone): string =>
    `${(seriesOf(measured.map((round) => round[name])).median * 1000).toFixed(0)}/s`;
  const first = seriesOf(measured.map(({ firstMs }) => firstMs)).median;
  const memory = Math.max(...measured.map(({ maxRssMb }) => maxRssMb));
  const row = (what: string, must: string, measured: string, isReached: boolean, figures: string): string =>
    `| ${what} | ${must} | ${measured} | ${isReached ? "yes" : "**no**"} | ${figures} |`;
  const shareRow = (what: string, name: keyof Alone): string => {
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
      `\`countersign verify --list\` of ${size.files} files with a bundle each, whole process, rate ÷ (${cores} cores × the rate of one warm thread that judges such files)`,
      "fileRate",
    ),
    shareRow("the same, where the one thread has all in memory and reads no file", "singleRate"),
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
