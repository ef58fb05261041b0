import { coreError, parseUtf8, TrustError, utf8 } from "@countersign/core";
import { sigstoreError } from "./errors.ts";
import { maxTrustRootBytes, parseTrustRoot, type TrustRoot } from "./trust-root.ts";

/** The most trust roots that one file may hold. */
export const maxTrustRootLines = 32;

/**
 * The trust roots of a file: one, however it is laid out, or several in JSON lines, as `gh attestation trusted-root`
 * writes them. A line that is cut or broken makes the whole file unusable: nobody could tell what it would have said.
 * Empty lines are passed over. Throws SIGSTORE_TRUST_ROOT_LINE, SIGSTORE_TRUST_ROOT_LINES and what `parseTrustRoot` throws.
 */
export function parseTrustRoots(bytes: Uint8Array): readonly TrustRoot[] {
  const lines = linesOf(bytes);
  if (lines === undefined) return [parseTrustRoot(bytes)];
  if (lines.length > maxTrustRootLines)
    throw sigstoreError("SIGSTORE_TRUST_ROOT_LINES", {
      expected: `at most ${maxTrustRootLines}`,
      got: String(lines.length),
    });
  return lines.map(({ text, number }) => parseLine(text, number));
}

interface Line {
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
}

/** The lines, if the first of them is whole and something follows it: no single document is like that. */
function linesOf(bytes: Uint8Array): readonly Line[] | undefined {
  if (bytes.length > maxTrustRootBytes)
    throw coreError("CORE_TOO_LARGE", { expected: `at most ${maxTrustRootBytes} bytes` });
  const text = parseUtf8(bytes);
  const from = text.search(/\S/);
  const end = text.indexOf("\n", from);
  if (end === -1 || text.slice(end).trim() === "" || !isObject(text.slice(from, end))) return undefined;
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ text: line.trim(), number: index + 1 }))
    .filter((line) => line.text !== "");
}

function isObject(text: string): boolean {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

function parseLine(text: string, number: number): TrustRoot {
  try {
    return parseTrustRoot(utf8(text));
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw sigstoreError("SIGSTORE_TRUST_ROOT_LINE", { checked: `line ${number}`, got: cause.message }, cause);
  }
}
