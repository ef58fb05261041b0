import { existsSync, globSync, readFileSync } from "node:fs";
import { exitCodes, formatErrorPage, parseErrorPage, readCatalogues, type ErrorRow } from "./error-page.ts";
import { reportAndExit, repositoryRoot } from "./report.ts";
import { parseSource } from "./syntax.ts";

/** What stands beside the catalogues. */
export interface ErrorEvidence {
  /** docs/errors.md. */
  readonly page: string;
  /** Codes that a test or a vector expects. */
  readonly expected: ReadonlySet<string>;
}

/**
 * What is wrong with the error catalogues: a code used twice or misshapen, a catalogue and docs/errors.md that differ
 * (either way), a code that no test names. That a test *reaches* the code it names is for that test to prove.
 */
export function checkErrors(rows: readonly ErrorRow[], { page, expected }: ErrorEvidence): readonly string[] {
  const documented = parseErrorPage(page);
  const codes = new Set(rows.map((row) => row.code));
  const problems = [
    ...rows.flatMap(checkRow),
    ...rows
      .filter((row, at) => rows.findIndex(({ code }) => code === row.code) !== at)
      .map(says("is in two catalogues")),
    ...rows
      .filter(({ code }) => !documented.includes(code))
      .map(says("is missing in docs/errors.md: pnpm errors:update")),
    ...documented.filter((code) => !codes.has(code)).map((code) => `docs/errors.md: ${code} is in no catalogue`),
    ...rows.filter(({ code }) => !expected.has(code)).map(says("is expected by no test and no vector")),
  ];
  if (problems.length > 0 || page === formatErrorPage(rows)) return problems;
  return ["docs/errors.md: the words differ from the catalogues: pnpm errors:update"];
}

/** Every string in a TypeScript test that is shaped like a code, however it is embedded; comments do not count. */
export function codesInTest(path: string, text: string): readonly string[] {
  const strings = parseSource(path, text).found.map(({ node }) => {
    if (node.type === "TemplateElement") return (node["value"] as { readonly raw: string }).raw;
    return node.type === "Literal" && typeof node["value"] === "string" ? node["value"] : objectKey(node["key"]);
  });
  return strings.flatMap((text) => text.match(codePattern) ?? []);
}

/** Every code under a member named `expect` or `expected` of a vector, at any depth. */
export function codesInVector(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === "expect" || name === "expected" ? (JSON.stringify(inner).match(codePattern) ?? []) : codesInVector(inner),
  );
}

/** The codes that the tests and vectors of the repository expect. */
export function readExpectedCodes(root: string): ReadonlySet<string> {
  const read = (path: string): string => readFileSync(`${root}/${path}`, "utf8");
  const tests = globSync(["{packages,apps}/*/src/**/*.{test,contract}.ts", "{scripts,interop}/**/*.test.ts"], {
    cwd: root,
  });
  // What lies in a folder named bundle or root is input of the vectors beside it, and need not even be JSON.
  const isVector = (path: string): boolean => !/\/(bundle|root)\/[^/]*$/.test(path.replaceAll("\\", "/"));
  const vectors = globSync(["packages/*/vectors/**/*.json", "interop/**/expected*.json"], { cwd: root }).filter(
    isVector,
  );
  const own = tests.filter((path) => !path.endsWith("check-errors.test.ts"));
  return new Set([
    ...own.flatMap((path) => codesInTest(path, read(path))),
    ...vectors.flatMap((path) => {
      const value: unknown = JSON.parse(read(path));
      return codesInVector(path.startsWith("interop") ? { expected: value } : value);
    }),
  ]);
}

const codePattern = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g;

function objectKey(key: unknown): string {
  const { type, name } = (key ?? {}) as { readonly type?: string; readonly name?: string };
  return type === "Identifier" ? (name ?? "") : "";
}

function checkRow(row: ErrorRow): readonly string[] {
  const problems: string[] = [];
  if (row.code.replace(codePattern, "") !== "") problems.push("is not spelt PACKAGE_WHAT_IS_WRONG");
  if (exitCodes[row.kind] === undefined) problems.push(`has no exit code for its kind ${row.kind}`);
  if (row.says === "" || row.says.endsWith(".")) problems.push("says nothing or ends in a full stop");
  if (row.fix === "") problems.push("gives no fix");
  return problems.map((text) => says(text)(row));
}

function says(text: string): (row: ErrorRow) => string {
  return ({ folder, code }) => `${folder}/src/errors.ts: ${code} ${text}`;
}

if (import.meta.main) {
  const rows = await readCatalogues(repositoryRoot);
  const path = `${repositoryRoot}/docs/errors.md`;
  const page = existsSync(path) ? readFileSync(path, "utf8") : "";
  const expected = readExpectedCodes(repositoryRoot);
  reportAndExit("errors", checkErrors(rows, { page, expected }), `${rows.length} codes`);
}
