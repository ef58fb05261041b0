import type { Kind } from "@countersign/core";

/** What each kind of failure means to a shell; 0 is kept for "allowed". A test compares it with pipeline's. */
export const exitCodes: Readonly<Record<Kind, 1 | 2 | 3>> = { malformed: 1, untrusted: 1, usage: 2, unavailable: 3 };
