import { catalogue, type Detail, type ErrorMaker, type Finding } from "@countersign/core";
import { lintEntries } from "./lint-entry.ts";
import type { Side } from "./rule.ts";

/** What lint may find. */
export type LintCode = keyof typeof lintEntries;

/** Where in the layout. */
export interface LintPlace {
  /** The name of a step or inspection. */
  readonly item?: string;
  readonly side?: Side;
  /** Counted from 1. */
  readonly rule?: number;
}

/**
 * Something wrong with a layout. `fail`: it cannot be met, or does not protect as it seems to; `warn`: worth a look.
 */
export interface LintFinding extends Finding, LintPlace {
  readonly level: "fail" | "warn";
  readonly code: LintCode;
}

const lintError: ErrorMaker<typeof lintEntries> = catalogue(lintEntries);

/** Makes a finding in the words of the catalogue; `detail` says what was looked at, with the place in it. */
export function lintFinding(
  level: LintFinding["level"],
  code: LintCode,
  detail: Detail,
  place: LintPlace = {},
): LintFinding {
  const { message, fix } = lintError(code, detail);
  return { level, code, message, fix, ...place };
}
