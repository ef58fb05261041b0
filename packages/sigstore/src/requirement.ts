import type { Requirements } from "@countersign/core";

/** Which row of defaults applies: how the signer is known, or a named instance that differs openly. */
export type RequirementName = "certificate" | "key" | "github";

/**
 * The one table of what a verdict needs unless a policy says otherwise; numbers count distinct operators.
 * `certificate`: keyless on an instance with a CT log and a transparency log. `key`: a managed key, whose life is
 * the caller's affair, so no time. `github`: GitHub's own instance for private repositories, which keeps no log.
 */
export const requirements: Readonly<Record<RequirementName, Requirements>> = Object.freeze({
  certificate: Object.freeze({ scts: 1, logEntries: 1, times: 1 }),
  key: Object.freeze({ scts: 0, logEntries: 1, times: 0 }),
  github: Object.freeze({ scts: 0, logEntries: 0, times: 1 }),
});
