import { fingerprintOf, refusedRule } from "./fingerprint.ts";
import { formatJson } from "./render-json.ts";
import type { WholeFormat } from "./rendering.ts";

/** GitLab's code quality report: an issue for each artifact that was not allowed. */
export const formatGitlab: WholeFormat = (results) =>
  formatJson(
    results
      .filter(({ verdict }) => verdict !== "allowed")
      .map((result) => ({
        description: result.reason,
        check_name: result.code ?? refusedRule,
        fingerprint: fingerprintOf(result),
        severity: result.verdict === "refused" ? "blocker" : "major",
        location: { path: result.name.replace(/^(?:\.\/)+/, ""), lines: { begin: 1 } },
      })),
  );
