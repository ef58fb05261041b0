/**
 * Measures the ratios that docs/performance.md promises: `pnpm bench` prints the table and writes it into that page;
 * `--quick` does everything small and once, writes nothing, and only shows that the bench itself still works.
 * `--only verify,process,file,list` measures some rows and writes nothing.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureFile } from "./file-row.ts";
import { measureList } from "./list-row.ts";
import { seriesOf, type Patience, type Series } from "./measure.ts";
import { measureProcess } from "./process-row.ts";
import { formatTable, writeTable, type Row } from "./table.ts";
import { measureVerify } from "./verify-row.ts";

/** How much is measured. */
interface Size {
  readonly bundles: number;
  readonly warmUp: number;
  readonly list: number;
  readonly megabytes: number;
  readonly rounds: Readonly<Record<"verify" | "process" | "file" | "list", Patience>>;
}

const once: Patience = { min: 1, max: 1, spread: 1 };
const quick: Size = {
  bundles: 10,
  warmUp: 10,
  list: 70,
  megabytes: 32,
  rounds: { verify: once, process: once, file: once, list: once },
};
const full: Size = {
  bundles: 200,
  warmUp: 600,
  list: 1000,
  megabytes: 4096,
  rounds: {
    verify: { min: 5, max: 9, spread: 0.02 },
    process: { min: 21, max: 41, spread: 0.06 },
    file: { min: 5, max: 7, spread: 0.04 },
    list: { min: 5, max: 9, spread: 0.05 },
  },
};

const { values } = parseArgs({ options: { quick: { type: "boolean" }, only: { type: "string" } } });
const folder = mkdtempSync(join(tmpdir(), "countersign-bench-"));
try {
  const rows: Row[] = [];
  for await (const row of measureRows(values.quick === true ? quick : full)) {
    rows.push(row);
    process.stdout.write(
      `${row.isReached ? "reached" : "MISSED "} ${row.what}: ${row.measured} (${row.must}); ${row.figures}\n`,
    );
  }
  const table = formatTable(rows, describeMachine());
  process.stdout.write(`\n${table}\n`);
  if (values.quick !== true && values.only === undefined) {
    writeTable(fileURLToPath(new URL("../../../docs/performance.md", import.meta.url)), table);
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function* measureRows(size: Size): AsyncIterable<Row> {
  const wanted = values.only?.split(",");
  const isWanted = (name: string): boolean => wanted === undefined || wanted.includes(name);
  // Whole processes first: forking this one costs more the larger it has grown, and that would flatter the ratios.
  if (isWanted("process")) yield* processRows(size);
  if (isWanted("file")) yield* fileRows(size);
  if (isWanted("verify")) yield* verifyRows(size);
  if (isWanted("list")) yield* listRows(size);
}

async function* verifyRows({ bundles, warmUp, rounds }: Size): AsyncIterable<Row> {
  const results = await measureVerify(bundles, warmUp, rounds.verify);
  const each = (name: keyof (typeof results)[number]): string =>
    micros(seriesOf(results.map((round) => round[name])).median / bundles);
  const over = seriesOf(results.map((round) => round.verify / round.checks));
  const inspect = seriesOf(results.map((round) => round.inspect / round.checks));
  const opened = seriesOf(results.map((round) => round.verify / round.opened));
  const faster = seriesOf(results.map((round) => round.foreign / round.verify));
  yield {
    what: `verify ${bundles} distinct bundles ÷ their signature checks alone`,
    must: "≤ 1.4",
    measured: ratio(over),
    isReached: over.median <= 1.4,
    figures: `${each("verify")} and ${each("checks")} a bundle; the whole of \`inspect\`: ${ratio(inspect)}; ÷ checks with all keys open: ${ratio(opened)} (${each("opened")})`,
  };
  yield {
    what: "the same, @sigstore/verify ÷ Countersign",
    must: "≥ 5",
    measured: ratio(faster),
    isReached: faster.median >= 5,
    figures: `${each("foreign")} and ${each("verify")} a bundle`,
  };
}

async function* processRows({ rounds }: Size): AsyncIterable<Row> {
  const results = await measureProcess(folder, rounds.process);
  const each = (name: keyof (typeof results)[number]): string =>
    millis(seriesOf(results.map((round) => round[name])).median);
  const over = seriesOf(results.map((round) => round.verify / round.bareNode));
  const other = seriesOf(results.map((round) => round.verify / round.sigstoreVersion));
  yield {
    what: "`countersign verify` of a small file ÷ `node -e 0`, whole processes",
    must: "≤ 2.5",
    measured: ratio(over),
    isReached: over.median <= 2.5,
    figures: `${each("verify")} and ${each("bareNode")}`,
  };
  yield {
    what: "the same ÷ `@sigstore/cli --version`",
    must: "< 1",
    measured: ratio(other),
    isReached: other.median < 1,
    figures: `${each("verify")} and ${each("sigstoreVersion")}`,
  };
}

async function* fileRows({ megabytes, rounds }: Size): AsyncIterable<Row> {
  const results = await measureFile(folder, megabytes, rounds.file);
  const each = (name: keyof (typeof results)[number]): string =>
    millis(seriesOf(results.map((round) => round[name])).median);
  const over = seriesOf(results.map((round) => round.verify / round.openssl));
  const memory = Math.max(...results.map((round) => round.maxRssMb));
  yield {
    what: `verify a file of ${megabytes} MiB ÷ \`openssl dgst -sha256\``,
    must: "≤ 1.15",
    measured: ratio(over),
    isReached: over.median <= 1.15,
    figures: `${each("verify")} and ${each("openssl")}`,
  };
  yield memoryRow("the same, peak memory", memory, 150);
}

async function* listRows({ list, rounds }: Size): AsyncIterable<Row> {
  const results = await measureList(folder, list, rounds.list);
  const cores = availableParallelism();
  const share = seriesOf(results.map((round) => round.listRate / round.singleRate / cores));
  const each = (name: "listRate" | "singleRate"): string =>
    `${(seriesOf(results.map((round) => round[name])).median * 1000).toFixed(0)}/s`;
  yield {
    what: `${list} distinct bundles as one list, rate ÷ (${cores} cores × the rate of one)`,
    must: "≥ 0.9",
    measured: ratio(share),
    isReached: share.median >= 0.9,
    figures: `${each("listRate")} and ${each("singleRate")}`,
  };
  yield memoryRow("the same, peak memory", Math.max(...results.map((round) => round.maxRssMb)), 250);
}

function memoryRow(what: string, megabytes: number, limit: number): Row {
  const measured = `${megabytes.toFixed(0)} MB`;
  return { what, must: `< ${limit} MB`, measured, isReached: megabytes < limit, figures: "the most of all rounds" };
}

function ratio({ median, spread, count }: Series): string {
  return `${median.toFixed(2)} (± ${((spread * 100) / 2).toFixed(0)} %, ${count} rounds)`;
}

function micros(ms: number): string {
  return `${(ms * 1000).toFixed(0)} µs`;
}

function millis(ms: number): string {
  return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
}

function describeMachine(): string {
  const [processor] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const load = loadavg()
    .map((each) => each.toFixed(1))
    .join(", ");
  const parts = [
    `${availableParallelism()} cores (${processor?.model.trim() ?? "unknown"})`,
    `${memory} GB`,
    `${process.platform} ${process.arch}`,
    `Node ${process.versions.node} with OpenSSL ${process.versions.openssl}`,
  ];
  return `Measured on ${new Date().toISOString().slice(0, 10)}: ${parts.join(", ")}; load averages at the end ${load}.`;
}
