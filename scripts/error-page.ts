import { globSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** One error of one package, as its catalogue has it. */
export interface ErrorRow {
  /** The folder that owns it, such as `packages/core`. */
  readonly folder: string;
  readonly code: string;
  readonly kind: string;
  readonly says: string;
  readonly fix: string;
}

/** Exit code by kind, as architecture.md fixes it. */
export const exitCodes: Readonly<Record<string, number>> = { malformed: 1, untrusted: 1, usage: 2, unavailable: 3 };

/** The rows of every `*Errors` record exported by an `errors.ts` or `*-errors.ts` of a package or app, in order of folder and code. */
export async function readCatalogues(root: string): Promise<readonly ErrorRow[]> {
  const paths = globSync("{packages,apps}/*/src/{errors,*-errors}.ts", { cwd: root }).map((path) =>
    path.replaceAll("\\", "/"),
  );
  const rows = await Promise.all(paths.toSorted().map((path) => readCatalogue(root, path)));
  return rows.flat();
}

/** docs/errors.md: a table for each package. */
export function formatErrorPage(rows: readonly ErrorRow[]): string {
  const folders = [...new Set(rows.map((row) => row.folder))];
  return `${head}${folders.map((folder) => formatSection(folder, rows)).join("")}`;
}

/** The codes that have a row on the page. */
export function parseErrorPage(page: string): readonly string[] {
  return [...page.matchAll(/^\| `([A-Z][A-Z0-9_]*)` \|/gm)].map((match) => match[1] ?? "");
}

const head = `# Errors

Every error that Countersign reports on purpose. The code is stable, the message is not. The kind alone decides the exit
code: \`malformed\` and \`untrusted\` 1, \`usage\` 2, \`unavailable\` 3. Anything else that is thrown is a bug of ours and exits 3.
What a signal ends (\`CLI_INTERRUPTED\`) exits with 128 and the signal's number.

Made by \`pnpm errors:update\` from the catalogue in each package's \`src/errors.ts\`: edit there (one that few commands load may have a \`*-errors.ts\` of its own).
`;

async function readCatalogue(root: string, path: string): Promise<readonly ErrorRow[]> {
  const module = (await import(pathToFileURL(`${root}/${path}`).href)) as Readonly<Record<string, unknown>>;
  const records = Object.keys(module).filter((name) => name.endsWith("Errors"));
  const folder = path.split("/").slice(0, 2).join("/");
  const rows = records.flatMap((name) =>
    Object.entries(module[name] as Readonly<Record<string, Omit<ErrorRow, "code">>>),
  );
  return rows
    .map(([code, { kind, says, fix }]) => ({ folder, code, kind, says, fix }))
    .toSorted((a, b) => (a.code < b.code ? -1 : 1));
}

function formatSection(folder: string, rows: readonly ErrorRow[]): string {
  const lines = rows.filter((row) => row.folder === folder).map(formatRow);
  return `\n## ${folder}\n\n| code | kind | exit | says | fix |\n|---|---|---|---|---|\n${lines.join("")}`;
}

function formatRow({ code, kind, says, fix }: ErrorRow): string {
  return `| \`${code}\` | ${kind} | ${exitCodes[kind]} | ${cell(says)} | ${cell(fix)} |\n`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");
}
