import { readFileSync, writeFileSync } from "node:fs";

/** One measured figure and what it must reach. */
export interface Row {
  readonly what: string;
  readonly must: string;
  readonly measured: string;
  readonly isReached: boolean;
  /** The absolute figures behind it. */
  readonly figures: string;
}

const start = "<!-- bench:start, written by pnpm bench -->";
const end = "<!-- bench:end -->";

/** The rows as a Markdown table under a line that says where and when. */
export function formatTable(rows: readonly Row[], machine: string): string {
  const lines = rows.map(
    ({ what, must, measured, isReached, figures }) =>
      `| ${what} | ${must} | ${measured} | ${isReached ? "yes" : "**no**"} | ${figures} |`,
  );
  const head = ["| what | must be | measured | reached | figures |", "| --- | --- | --- | --- | --- |"];
  return [machine, "", ...head, ...lines].join("\n");
}

/** Replaces what stands between the page's two markers. Throws if they are not there. */
export function writeTable(path: string, table: string): void {
  const page = readFileSync(path, "utf8");
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no markers for the table`);
  writeFileSync(path, `${page.slice(0, from + start.length)}\n\n${table}\n\n${page.slice(to)}`);
}
