/**
 * Measures what docs/performance.md says of in-toto, and writes it there: `npm run bench:in-toto`. Needs a build, and
 * Debian's in-toto for the rows that compare with it. `--quick` does everything small and once, writes nothing, and only
 * shows that the bench works; `--only large,each,many,record,small` measures some rows and leaves the others as they are.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { ChainShape } from "./chain.ts";
import { median, ratioOf, type Times } from "./process.ts";
import { measureRecord } from "./record.ts";
import { formatRow, writeRows, type Row } from "./table.ts";
import { measureVerify, type VerifyTimes } from "./verify.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" }, only: { type: "string" } } });
const isQuick = values.quick === true;
const folder = mkdtempSync(join(tmpdir(), "countersign-bench-"));

const names = {
  large: "verify 10 steps × 100,000 artifacts, in-toto-verify ÷ Countersign",
  floor: "the same, Countersign ÷ naive floor",
  memory: "the same, peak memory",
  each: "verify 2 steps × 10,000 artifacts, one MATCH each, in-toto-verify ÷ Countersign",
  many: "verify 100 steps × 1,000 artifacts, in-toto-verify ÷ Countersign",
  record: "record 10,000 files, 1 GB, ÷ `openssl dgst -sha256`",
  recordMemory: "the same record, peak memory",
  small: "verify 3 steps × 10 artifacts ÷ `node -e 0`",
} as const;

const sections: Readonly<Record<string, () => Promise<readonly Row[]> | readonly Row[]>> = {
  large: largeRows,
  each: eachRows,
  many: manyRows,
  record: recordRows,
  small: smallRows,
};

try {
  const wanted = values.only?.split(",") ?? Object.keys(sections);
  for (const name of wanted) {
    const measure = sections[name];
    if (measure === undefined) throw new Error(`no such row: ${name}`);
    // oxlint-disable-next-line no-await-in-loop -- one at a time, or they slow each other
    const rows = await measure();
    for (const row of rows) process.stdout.write(`${formatRow(row)}\n`);
    if (!isQuick)
      writeRows(fileURLToPath(new URL("../../../docs/performance.md", import.meta.url)), rows, Object.values(names));
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function largeRows(): Promise<readonly Row[]> {
  const shape: ChainShape = { steps: isQuick ? 2 : 10, artifacts: isQuick ? 1000 : 100_000, rules: "all" };
  const measured = await measureVerify(folder, shape, ["reference", "floor"], isQuick ? 1 : 2);
  const { countersign = [], floor = [] } = measured.times;
  const over = ratioOf(countersign, floor);
  return [
    ...fasterRow(names.large, measured, 9),
    {
      what: names.floor,
      must: "≤ 0.6",
      measured: over.toFixed(2),
      isReached: over <= 0.6,
      figures: figuresOf({ countersign, floor }),
    },
    memoryRow(names.memory, measured.megabytes, 700),
  ];
}

async function eachRows(): Promise<readonly Row[]> {
  const shape: ChainShape = { steps: 2, artifacts: isQuick ? 100 : 10_000, rules: "each" };
  return fasterRow(names.each, await measureVerify(folder, shape, ["reference"], isQuick ? 1 : 5), 50);
}

async function manyRows(): Promise<readonly Row[]> {
  const shape: ChainShape = { steps: isQuick ? 5 : 100, artifacts: isQuick ? 10 : 1000, rules: "all" };
  return fasterRow(names.many, await measureVerify(folder, shape, ["reference"], isQuick ? 1 : 9), 6);
}

async function smallRows(): Promise<readonly Row[]> {
  const shape: ChainShape = { steps: 3, artifacts: 10, rules: "all" };
  const { times } = await measureVerify(folder, shape, ["node"], isQuick ? 1 : 41);
  const { countersign = [], node = [] } = times;
  const over = ratioOf(countersign, node);
  return [
    {
      what: names.small,
      must: "≤ 3",
      measured: over.toFixed(2),
      isReached: over <= 3,
      figures: figuresOf({ countersign, node }),
    },
  ];
}

function recordRows(): readonly Row[] {
  const { times, megabytes } = isQuick
    ? measureRecord(folder, 100, 1024, 1)
    : measureRecord(folder, 10_000, 102_400, 9);
  const over = ratioOf(times.countersign, times.openssl);
  return [
    { what: names.record, must: "≤ 1.2", measured: over.toFixed(2), isReached: over <= 1.2, figures: figuresOf(times) },
    memoryRow(names.recordMemory, megabytes, 150),
  ];
}

/** Without the reference there is nothing to say. */
function fasterRow(what: string, { times }: VerifyTimes, least: number): readonly Row[] {
  const { countersign = [], reference } = times;
  if (reference === undefined) {
    process.stdout.write(`skipped, install Debian's in-toto: ${what}\n`);
    return [];
  }
  const faster = ratioOf(reference, countersign);
  const figures = figuresOf({ countersign, reference });
  return [{ what, must: `≥ ${least}`, measured: faster.toFixed(1), isReached: faster >= least, figures }];
}

function memoryRow(what: string, megabytes: number, limit: number): Row {
  return {
    what,
    must: `< ${limit} MB`,
    measured: `${megabytes.toFixed(0)} MB`,
    isReached: megabytes < limit,
    figures: "the last round",
  };
}

function figuresOf(times: Times<string>): string {
  const all = Object.entries(times).map(([name, each]) => `${name} ${median(each).toFixed(0)} ms`);
  const rounds = Object.values(times)[0]?.length ?? 0;
  const where = `${availableParallelism()} cores, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`;
  return `${all.join(", ")}; ${rounds} round${rounds === 1 ? "" : "s"}; ${where}`;
}
