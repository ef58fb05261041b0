import { TrustError } from "@countersign/core";

/** `accepted`, or the code of the TrustError that `check` ends in. Anything else that is thrown is a bug and goes on. */
export function outcomeOf(check: () => unknown): string {
  try {
    check();
    return "accepted";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}
