import { compileGlob as compileShellGlob, maxPatternChars, type Glob } from "@countersign/core";
import { inTotoError } from "./errors.ts";

/** Compiles an artifact pattern: as core's `compileGlob`. Throws INTOTO_RULE_MALFORMED for one over `maxPatternChars`. */
export function compileGlob(pattern: string): Glob {
  if (pattern.length <= maxPatternChars) return compileShellGlob(pattern);
  throw inTotoError("INTOTO_RULE_MALFORMED", {
    checked: "pattern",
    expected: `at most ${maxPatternChars} characters`,
    got: `${pattern.length}`,
  });
}
