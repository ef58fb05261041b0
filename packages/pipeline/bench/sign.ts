/**
 * Measures a whole `countersign sign` against a local Sigstore in another process, less the time that its services took:
 * `npm run bench:sign` writes the row into docs/performance.md, `--quick` does one round and writes nothing.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { command } from "./process-row.ts";
import { repeated, seriesOf } from "./measure.ts";
import { runNode } from "./process.ts";

/** The most that signing one file may take beyond what the services take, in milliseconds. */
const limitMs = 150;
const isQuick = process.argv.includes("--quick");
const patience = isQuick ? { min: 1, max: 1, spread: 1 } : { min: 21, max: 41, spread: 0.06 };

interface Round {
  readonly whole: number;
  readonly services: number;
  readonly bareNode: number;
}

const folder = mkdtempSync(join(tmpdir(), "countersign-bench-"));
const server = fork(fileURLToPath(new URL("sign-server.ts", import.meta.url)), [folder]);
try {
  await once(server, "message");
  const rounds = await measure(server);
  const row = formatRow(rounds);
  process.stdout.write(`${row}\n`);
  if (!isQuick) writeRow(row);
} finally {
  server.disconnect();
  rmSync(folder, { recursive: true });
}

async function measure(services: ChildProcess): Promise<readonly Round[]> {
  const file = join(folder, "small.txt");
  writeFileSync(file, "a small file\n");
  const flags = ["token.jwt", "signing_config.json", "trusted_root.json"].map((name) => join(folder, name));
  const [token = "", config = "", root = ""] = flags;
  const sign = [command, "sign", file, "--identity-token", token, "--signing-config", config, "--trusted-root", root];
  const round = async (): Promise<Round> => {
    await taken(services);
    const whole = runNode(sign).ms;
    return { whole, services: await taken(services), bareNode: runNode(["-e", "0"]).ms };
  };
  // The first ones read from the disk and let the server's own code grow warm.
  for (let at = 0; at < 5; at++) await round();
  return repeated(patience, round, (each) => each.whole - each.services);
}

/** The milliseconds that the services took since the last question. */
async function taken(services: ChildProcess): Promise<number> {
  services.send("take");
  const [ms] = (await once(services, "message")) as [number];
  return ms;
}

function formatRow(rounds: readonly Round[]): string {
  const of = (value: (round: Round) => number): number => seriesOf(rounds.map(value)).median;
  const beyond = seriesOf(rounds.map((round) => round.whole - round.services));
  const spread = ((beyond.spread * 100) / 2).toFixed(0);
  const parts = [
    "`countersign sign` of a small file, whole process, less the time of the services",
    `≤ ${limitMs} ms`,
    `${beyond.median.toFixed(0)} ms (± ${spread} %, ${beyond.count} rounds)`,
    beyond.median <= limitMs ? "yes" : "**no**",
    `${of((round) => round.whole).toFixed(0)} ms in all, ${of((round) => round.services).toFixed(0)} ms of them Fulcio, TSA and Rekor; \`node -e 0\`: ${of((round) => round.bareNode).toFixed(0)} ms`,
  ];
  return `| ${parts.join(" | ")} |`;
}

function writeRow(row: string): void {
  const path = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));
  const [start, end] = ["<!-- bench-sign:start, written by npm run bench:sign -->", "<!-- bench-sign:end -->"];
  const page = readFileSync(path, "utf8");
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no markers for the row`);
  const head = "| what | must be | measured | reached | figures |\n| --- | --- | --- | --- | --- |";
  const table = `Measured on ${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}.\n\n${head}\n${row}`;
  writeFileSync(path, `${page.slice(0, from + start.length)}\n\n${table}\n\n${page.slice(to)}`);
}
