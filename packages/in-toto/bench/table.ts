import { readFileSync, writeFileSync } from "node:fs";

/** One measured figure and what it must reach. */
export interface Row {
  readonly what: string;
  readonly must: string;
  readonly measured: string;
  readonly isReached: boolean;
  /** The absolute figures behind it, and when they were measured. */
  readonly figures: string;
}

const start = "<!-- bench-in-toto:start, written by npm run bench:in-toto -->";
const end = "<!-- bench-in-toto:end -->";
const head = ["| in-toto | must be | measured | reached | figures |", "| --- | --- | --- | --- | --- |"];

/** A row of a Markdown table. */
export function formatRow({ what, must, measured, isReached, figures }: Row): string {
  return `| ${what} | ${must} | ${measured} | ${isReached ? "yes" : "**no**"} | ${figures} |`;
}

/** Puts the rows between the page's markers; rows that are there and were not measured now stay. */
export function writeRows(path: string, rows: readonly Row[], order: readonly string[]): void {
  const page = readFileSync(path, "utf8");
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no markers for the table`);
  const old = page
    .slice(from, to)
    .split("\n")
    .filter((line) => line.startsWith("| ") && !head.includes(line));
  const lines = new Map([...old, ...rows.map(formatRow)].map((line) => [line.split(" | ")[0]?.slice(2) ?? "", line]));
  const sorted = [...lines]
    .filter(([what]) => order.includes(what))
    .toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  const table = [...head, ...sorted.map(([, line]) => line)].join("\n");
  writeFileSync(path, `${page.slice(0, from + start.length)}\n\n${table}\n\n${page.slice(to)}`);
}
