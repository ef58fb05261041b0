import { catalogue, type Detail, type ErrorMaker, type Finding } from "@countersign/core";
import { lintEntries } from "./author-lint-error.ts";

/** What lint may find. */
export type LintCode = keyof typeof lintEntries;

/** Something wrong with a repository. `fail`: clients refuse it or are not protected; `warn`: worth a look. */
export interface LintFinding extends Finding {
  readonly level: "fail" | "warn";
  readonly code: LintCode;
}

const lintError: ErrorMaker<typeof lintEntries> = catalogue(lintEntries);

/** Makes a finding in the words of the catalogue. */
export function lintFinding(level: LintFinding["level"], code: LintCode, detail: Detail): LintFinding {
  const { message, fix } = lintError(code, detail);
  return { level, code, message, fix };
}
