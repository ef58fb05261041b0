import { compileGlob } from "@countersign/core";

/**
 * Whether a target's path fits a pattern (specification 1.0.34 §4.5, PATHPATTERN): both are cut at `/` and have as many parts,
 * and each part fits as Python's fnmatch reads it. So `*`, `?` and `[…]` never cross a `/`, a leading dot is like any other
 * character, and `{`, `!` and `#` stand for themselves. Time grows with the length of both, whatever the pattern.
 */
export function isPathMatch(pattern: string, path: string): boolean {
  if (pattern === path && !/[*?[]/.test(pattern)) return true;
  const [patternParts, parts] = [pattern.split("/"), path.split("/")];
  return (
    patternParts.length === parts.length && patternParts.every((part, at) => isPartMatch(part, parts[at] as string))
  );
}

function isPartMatch(pattern: string, part: string): boolean {
  return pattern === "*" || (/[*?[]/.test(pattern) ? compileGlob(pattern).isMatch(part) : pattern === part);
}
