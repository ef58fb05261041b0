/**
 * Measures what it costs to see a repository for the first time, and writes the table into docs/performance.md:
 * `node main.ts [--quick] [--python PYTHON]`. PYTHON must be able to import python-tuf; without it that row is left out.
 * `--quick` is small and writes nothing. Node says that it strips types by way of an experiment; what is timed has none.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { writeRepository, type Plan } from "./repository.ts";
import { targetName } from "./target-name.ts";

interface Outcome {
  readonly ms: number;
  readonly peakBytes: number;
}

const { values } = parseArgs({ options: { quick: { type: "boolean" }, python: { type: "string" } } });
const isQuick = values.quick === true;
const rounds = isQuick ? 1 : 5;
const plans = {
  small: { targets: isQuick ? 100 : 1000, bits: 0 },
  large: { targets: isQuick ? 1000 : 100_000, bits: 0 },
  bins: { targets: isQuick ? 200 : 16_384, bits: isQuick ? 4 : 14 },
} as const;
const lookUps = isQuick ? 10 : 100;
const folder = mkdtempSync(join(tmpdir(), "countersign-tuf-"));
const servers: ChildProcess[] = [];
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const sideFile = compileSide();

/**
 * The sides as plain JavaScript, which is what programs are when they update themselves: Node's compiler of types leaves megabytes
 * behind that would have to be collected while the clock runs.
 */
function compileSide(): string {
  // Where imports are found as from here.
  const own = mkdtempSync(join(here("../node_modules"), ".bench-tuf-"));
  for (const name of ["side", "floor", "target-name"]) {
    const script = stripTypeScriptTypes(readFileSync(here(`${name}.ts`), "utf8"));
    writeFileSync(join(own, `${name}.mjs`), script.replaceAll(/from "(\.\/[a-z-]+)\.ts"/g, 'from "$1.mjs"'));
  }
  return join(own, "side.mjs");
}

interface Place {
  readonly url: string;
  readonly folder: string;
}

async function serve(name: string, plan: Plan): Promise<Place> {
  const own = join(folder, name);
  mkdirSync(own);
  await writeRepository(own, plan);
  const server = spawn(process.execPath, [here("server.ts"), own], { stdio: ["ignore", "pipe", "inherit"] });
  servers.push(server);
  const [address] = (await once(server.stdout, "data")) as [Buffer];
  return { url: String(address).trim(), folder: own };
}

async function run(
  side: string,
  place: Place,
  count: number = 0,
  floorFile: string = "1.targets.json",
): Promise<Outcome> {
  const args = [sideFile, side, place.url, place.folder, String(count), floorFile];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Outcome;
}

async function runPython(python: string, place: Place, count: number): Promise<Outcome> {
  const names = Array.from({ length: count }, (_, at) => targetName(at * 7));
  const { stdout } = await promisify(execFile)(python, [here("python_side.py"), place.url, place.folder, ...names]);
  return JSON.parse(stdout) as Outcome;
}

/** Both sides by turns: what other work slows one side down slows the other one down as well. */
async function compare(
  one: () => Promise<Outcome>,
  other: () => Promise<Outcome>,
  times: number = rounds,
): Promise<Comparison> {
  const [ones, others]: [Outcome[], Outcome[]] = [[], []];
  for (let count = 0; count < times; count++) {
    ones.push(await one());
    others.push(await other());
  }
  const ratio = median(ones.map(({ ms }, at) => ms / (others[at]?.ms ?? Number.NaN)));
  const figures = `${median(ones.map(({ ms }) => ms)).toFixed(0)} ms and ${median(others.map(({ ms }) => ms)).toFixed(0)} ms`;
  return { ratio, figures, peakBytes: Math.max(...ones.map(({ peakBytes }) => peakBytes)) };
}

interface Comparison {
  readonly ratio: number;
  readonly figures: string;
  readonly peakBytes: number;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

function row(what: string, must: string, measured: string, isReached: boolean, figures: string): string {
  return `| ${what} | ${must} | ${measured} | ${isReached ? "yes" : "**no**"} | ${figures} |`;
}

async function* measureRows(): AsyncGenerator<string> {
  const small = await serve("small", plans.small);
  const first = await compare(
    () => run("tuf-js", small),
    () => run("own", small),
    // Short runs are the first to feel what else the machine does.
    rounds * 3,
  );
  yield row(
    `first refresh, ${plans.small.targets} flat targets, tuf-js ÷ Countersign`,
    "≥ 5",
    first.ratio.toFixed(1),
    first.ratio >= 5,
    first.figures,
  );
  const large = await serve("large", plans.large);
  const second = await compare(
    () => run("own", large),
    () => run("floor", large),
  );
  yield row(
    `first refresh, ${plans.large.targets} flat targets ÷ naive floor of that file`,
    "≤ 1.2",
    second.ratio.toFixed(2),
    second.ratio <= 1.2,
    second.figures,
  );
  const megabytes = second.peakBytes / 1e6;
  yield row(
    "the same, peak memory",
    "< 300 MB",
    `${megabytes.toFixed(0)} MB`,
    megabytes < 300,
    "the most of all rounds",
  );
  const bins = await serve("bins", plans.bins);
  const about = `first refresh and ${lookUps} look-ups, ${2 ** plans.bins.bits} bins`;
  const third = await compare(
    () => run("own", bins, lookUps),
    () => run("floor", bins, 0, "1.snapshot.json"),
  );
  yield row(`${about} ÷ naive floor of the snapshot`, "≤ 4", third.ratio.toFixed(2), third.ratio <= 4, third.figures);
  const { python } = values;
  if (python === undefined) return;
  const fourth = await compare(
    () => run("own", bins, lookUps),
    () => runPython(python, bins, lookUps),
  );
  yield row(`${about} ÷ python-tuf`, "< 1", fourth.ratio.toFixed(2), fourth.ratio < 1, fourth.figures);
}

function writeTable(table: string): void {
  const path = here("../../../docs/performance.md");
  const [start, end] = ["<!-- bench-tuf:start, written by npm run bench:tuf -->", "<!-- bench-tuf:end -->"];
  const page = readFileSync(path, "utf8");
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no markers for the table`);
  writeFileSync(path, `${page.slice(0, from + start.length)}\n\n${table}\n\n${page.slice(to)}`);
}

try {
  const rows: string[] = [];
  for await (const each of measureRows()) {
    rows.push(each);
    process.stdout.write(`${each}\n`);
  }
  const loads = loadavg().map((load) => load.toFixed(1));
  const machine = `Measured on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0]?.model ?? "?"}), Node ${process.versions.node}; ${rounds} rounds by turns, ${rounds * 3} of the first row; load averages at the end ${loads.join(", ")}.`;
  const head = ["| TUF | must be | measured | reached | figures |", "| --- | --- | --- | --- | --- |"];
  if (!isQuick) writeTable([machine, "", ...head, ...rows].join("\n"));
} finally {
  for (const server of servers) server.kill();
  rmSync(folder, { recursive: true });
  rmSync(dirname(sideFile), { recursive: true });
}
