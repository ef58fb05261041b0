import { attempt, quote } from "@countersign/core";
import { lintFinding, type LintFinding } from "./author-lint-finding.ts";
import { targetSegments } from "./target-name.ts";
import { folded } from "./target-place.ts";
import type { Targets } from "./metadata.ts";

/**
 * Targets that some clients cannot store under their names: no client can, or none on Windows, or not beside another target, of
 * which the name differs in capitals or accents only, or is a folder of theirs.
 */
export function lintNames(parsed: ReadonlyMap<string, Targets>): readonly LintFinding[] {
  const names = new Set([...parsed.values()].flatMap(({ targets }) => [...targets.names()]));
  const byFold = new Map<string, string>();
  const findings: LintFinding[] = [];
  for (const name of names) {
    const other = byFold.get(folded(name));
    if (other === undefined) byFold.set(folded(name), name);
    if (!isTaken(name, "posix")) findings.push(finding("fail", name, "no client can store it"));
    else if (!isTaken(name, "windows")) findings.push(finding("warn", name, "Windows does not take it"));
    else if (other !== undefined)
      findings.push(finding("warn", name, `the same as ${quote(other)} where case does not count`));
  }
  for (const name of names) {
    const file = foldersOf(name).find((folder) => byFold.has(folded(folder)));
    if (file !== undefined)
      findings.push(finding("warn", name, `${quote(file)} is a target too, and cannot be a folder beside it`));
  }
  return findings;
}

function isTaken(name: string, naming: "posix" | "windows"): boolean {
  return attempt(() => targetSegments(name, naming)) !== undefined;
}

function foldersOf(name: string): readonly string[] {
  const parts = name.split("/");
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("/"));
}

function finding(level: "fail" | "warn", name: string, got: string): LintFinding {
  return lintFinding(level, "TUF_LINT_TARGET_NAME", { checked: quote(name), got });
}
