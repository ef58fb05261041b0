import { digestOf, utf8 } from "@countersign/core";
import type { Result } from "./result.ts";

/** What tells a result of one run from those of the next: hex of SHA-256 over name and code. */
export function fingerprintOf({ name, code = refusedRule }: Result): string {
  return digestOf("sha256", utf8(JSON.stringify([name, code]))).slice("sha256:".length);
}

/** The rule of what was refused without a code. */
export const refusedRule = "COUNTERSIGN_REFUSED";
