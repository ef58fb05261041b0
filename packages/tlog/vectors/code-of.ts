import { TrustError } from "@countersign/core";

/** The code of the TrustError that a check ends in, or "accepted"; anything else that is thrown goes on. */
export async function codeOf(check: () => unknown): Promise<string> {
  try {
    await check();
    return "accepted";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

/** As `codeOf`, for checks that are synchronous. */
export function codeOfSync(check: () => unknown): string {
  try {
    check();
    return "accepted";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}
