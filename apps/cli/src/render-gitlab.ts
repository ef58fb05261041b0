import { digestOf, utf8 } from "@countersign/core";
import { formatJson } from "./render-json.ts";
import type { WholeFormat } from "./rendering.ts";

/** GitLab's code quality report: an issue for each artifact that was not allowed. */
export const formatGitlab: WholeFormat = (results) =>
  formatJson(
    results
      .filter(({ verdict }) => verdict !== "allowed")
      .map(({ name, verdict, reason, code = "COUNTERSIGN_REFUSED" }) => ({
        description: reason,
        check_name: code,
        fingerprint: digestOf("sha256", utf8(JSON.stringify([name, code]))).slice("sha256:".length),
        severity: verdict === "refused" ? "blocker" : "major",
        location: { path: name.replace(/^(?:\.\/)+/, ""), lines: { begin: 1 } },
      })),
  );
