import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The built command. */
export const command: string = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url));
/** Debian's reference, if it is installed. */
export const reference: string | undefined = findReference("/usr/bin/in-toto-verify");

/** A program, its arguments, and where it runs. */
export interface Program {
  readonly words: readonly [program: string, ...args: string[]];
  readonly cwd: string;
  /** A file for the most memory that it held, in kilobytes; only for Node. */
  readonly rss?: string;
}

/** Milliseconds of a whole process. Throws unless it says that all went well. */
export function timed({ words: [program, ...args], cwd, rss }: Program): number {
  const all = rss === undefined ? args : [...preload(rss), ...args];
  const start = performance.now();
  const { status, stderr, error } = spawnSync(program, all, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ms = performance.now() - start;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? `${status}: ${stderr}`}`);
  return ms;
}

/** The most memory of the last process that wrote there, in megabytes. */
export function megabytesIn(rss: string): number {
  return Number(readFileSync(rss, "utf8")) / 1024;
}

function preload(rss: string): readonly string[] {
  const write = `process.getBuiltinModule("fs").writeFileSync(${JSON.stringify(rss)}, String(process.resourceUsage().maxRSS))`;
  return ["--import", `data:text/javascript,process.on("exit",()=>${encodeURIComponent(write)})`];
}

function findReference(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

/** What each contender took, in milliseconds, one number a round. */
export type Times<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/** Runs all contenders by turns, so that other work on the machine slows all of them alike; each round another is first. */
export function race<Name extends string>(contenders: Readonly<Record<Name, Program>>, rounds: number): Times<Name> {
  const names = Object.keys(contenders) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) times[name].push(timed(contenders[name]));
  }
  return times;
}

/** The middle one; of an even number the lower. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? Number.NaN;
}

/** The middle of the ratios of each round. */
export function ratioOf(over: readonly number[], under: readonly number[]): number {
  return median(over.map((ms, round) => ms / (under[round] ?? Number.NaN)));
}

/** Where a folder's process leaves its memory. */
export function rssFile(folder: string): string {
  return join(folder, "rss");
}
