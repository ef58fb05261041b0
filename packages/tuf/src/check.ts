import { TrustError, type Check } from "@countersign/core";

/**
 * Runs one check and notes how it came out: a report says what was looked at, not only what was wrong. The words come from
 * the check itself. Throws on what it throws.
 */
export function runCheck(checks: Check[], name: string, check: () => string): void {
  try {
    checks.push({ name, result: "passed", detail: check() });
  } catch (error) {
    if (error instanceof TrustError) checks.push({ name, result: "failed", detail: error.message, code: error.code });
    throw error;
  }
}
