import { parseJson, quote, readObject, TrustError, type Detail, type Json } from "@countersign/core";
import { tufError } from "./errors.ts";
import { isPathMatch } from "./path-pattern.ts";
import { checkStoreName } from "./store.ts";
import type { TrustedTarget } from "./trusted-target.ts";

/** Which repositories must agree on which targets (TAP 4). The user's own file: nobody signs it. */
export interface RepositoryMap {
  /** Addresses of the mirrors of each repository, by its name. */
  readonly repositories: ReadonlyMap<string, readonly string[]>;
  /** In the order in which they are tried. */
  readonly mapping: readonly Mapping[];
}

/** One row of a map. */
export interface Mapping {
  /** Shell patterns, as in delegations. */
  readonly paths: readonly string[];
  readonly repositories: readonly string[];
  /** How many of them must say the same of a target. */
  readonly threshold: number;
  /** Whether the search ends here for a target that its paths fit. */
  readonly terminating: boolean;
}

/** Most repositories and rows of a map. */
export const maxMapRows = 1000;
/** Most mirrors of one repository, and most patterns of one row. */
export const maxMapItems = 1000;

/** What a search by a map found. */
export interface MapFinding {
  /** Of the first repository that agreed. */
  readonly target: TrustedTarget;
  /** Those that agreed, in the map's order. */
  readonly repositories: readonly string[];
}

/**
 * Parses `map.json`. A repository's name is a folder's too. `threshold` may be missing, then all must agree. Throws
 * TUF_MAP_MALFORMED.
 */
export function parseMap(bytes: Uint8Array): RepositoryMap {
  const reader = readObject(parseText(bytes), "map", malformed);
  const listed = Object.entries(reader.json("repositories") ?? {});
  if (listed.length === 0 || listed.length > maxMapRows)
    throw malformed({ checked: "repositories", expected: `1 to ${maxMapRows} of them`, got: String(listed.length) });
  const repositories = new Map(listed.map(([name, urls]) => [name, readRepository(name, urls as Json)]));
  const rows = reader.array("mapping", maxMapRows);
  return { repositories, mapping: rows.map((row, at) => readMapping(row, `mapping[${at}]`, repositories)) };
}

/**
 * Looks for a target as TAP 4 says: of the first row whose paths fit and of whose repositories `threshold` say the same length
 * and hashes. `ask` gives what one repository says, or rejects. Undefined if nobody who was asked lists it. If a row does not reach
 * its threshold because some repository could not be asked or was not to be trusted, that error is thrown: with it, it might have.
 * Throws TUF_MAP_DISAGREEMENT if some list the target, and too few the same.
 */
export async function findByMap(
  { mapping }: RepositoryMap,
  name: string,
  ask: (repository: string) => Promise<TrustedTarget | undefined>,
): Promise<MapFinding | undefined> {
  let problem: TrustError | undefined;
  for (const row of mapping) {
    if (!row.paths.some((pattern) => isPathMatch(pattern, name))) continue;
    const answers = await askRow(row, ask);
    const agreed = answers.find(({ repositories }) => repositories.length >= row.threshold);
    if (agreed !== undefined) return agreed;
    if (answers.length > 0) problem ??= disagreement(name, row, answers);
    if (row.terminating) break;
  }
  if (problem !== undefined) throw problem;
  return undefined;
}

function disagreement(name: string, { repositories, threshold }: Mapping, answers: readonly MapFinding[]): TrustError {
  const said = answers.map(({ repositories: names, target }) => `${listed(names)} ${target.digests.join(" ")}`);
  const silent = repositories.filter((each) => !answers.some((answer) => answer.repositories.includes(each)));
  const got = [...said, ...(silent.length === 0 ? [] : [`${listed(silent)} nothing`])].join("; ");
  return tufError("TUF_MAP_DISAGREEMENT", {
    checked: quote(name),
    expected: `the same from ${threshold} of ${listed(repositories)}`,
    got,
  });
}

function listed(names: readonly string[]): string {
  return names.map((each) => quote(each)).join(", ");
}

/** What was said, each with those who said it; nothing if nobody lists the target. */
async function askRow(
  { repositories, threshold }: Mapping,
  ask: (repository: string) => Promise<TrustedTarget | undefined>,
): Promise<readonly MapFinding[]> {
  const answers = await Promise.allSettled(repositories.map(ask));
  const groups = new Map<string, { target: TrustedTarget; repositories: string[] }>();
  for (const [at, answer] of answers.entries()) {
    if (answer.status === "rejected" || answer.value === undefined) continue;
    const said = `${answer.value.length} ${answer.value.digests.toSorted().join(" ")}`;
    const group = groups.get(said) ?? { target: answer.value, repositories: [] };
    groups.set(said, group);
    group.repositories.push(repositories[at] as string);
  }
  const said = [...groups.values()];
  const failed = answers.find((answer) => answer.status === "rejected");
  if (failed !== undefined && !said.some((group) => group.repositories.length >= threshold)) throw failed.reason;
  return said;
}

function parseText(bytes: Uint8Array): Json {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw tufError("TUF_MAP_MALFORMED", error.message, error);
  }
}

function malformed(detail: Detail): TrustError {
  return tufError("TUF_MAP_MALFORMED", detail);
}

function readRepository(name: string, urls: Json): readonly string[] {
  try {
    checkStoreName(name);
  } catch (error) {
    throw tufError(
      "TUF_MAP_MALFORMED",
      { checked: `repository ${quote(name)}`, expected: "a plain folder's name" },
      error,
    );
  }
  return readTexts(urls, `repositories.${quote(name)}`);
}

function readTexts(value: Json | undefined, at: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxMapItems)
    throw malformed({ checked: at, expected: `a list of 1 to ${maxMapItems} texts` });
  return value.map((item: Json) => {
    if (typeof item === "string") return item;
    throw malformed({ checked: at, expected: "texts only" });
  });
}

function readMapping(row: Json, at: string, known: ReadonlyMap<string, unknown>): Mapping {
  const reader = readObject(row, at, malformed);
  const repositories = [...new Set(readTexts(reader.json("repositories"), `${at}.repositories`))];
  const stranger = repositories.find((name) => !known.has(name));
  if (stranger !== undefined)
    throw malformed({ checked: `${at}.repositories`, expected: "names under repositories", got: quote(stranger) });
  const threshold = reader.has("threshold") ? reader.number("threshold") : repositories.length;
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold > repositories.length)
    throw malformed({ checked: `${at}.threshold`, expected: `1 to ${repositories.length}`, got: String(threshold) });
  const paths = readTexts(reader.json("paths"), `${at}.paths`);
  return { paths, repositories, threshold, terminating: reader.optionalBoolean("terminating") ?? false };
}
