import { isAbsolute, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { isDigestOperand } from "./artifact.node.ts";
import { fingerprintOf, refusedRule } from "./fingerprint.ts";
import { formatJson, visible } from "./render-json.ts";
import type { WholeFormat } from "./rendering.ts";
import type { Result } from "./result.ts";
import { version } from "./version.ts";

/** The most results of a run that GitHub takes: with more it refuses the whole file. */
const maxResults = 25_000;

/**
 * SARIF 2.1.0 (OASIS) as GitHub's code scanning reads it: a result for each artifact that was not allowed, `fail` or `open` (could
 * not be told, §3.27.9), since every result becomes an alert there, whatever its kind; and in each a file and a line, without
 * which the whole file is refused. How many were allowed stands in the run's properties.
 */
export const formatSarif: WholeFormat = (results, { summary, exitCode, at }) => {
  const against = results.filter(({ verdict }) => verdict !== "allowed");
  const shown = against.slice(0, maxResults);
  const rules = new Map<string, SarifRule>();
  for (const result of shown) if (!rules.has(ruleIdOf(result))) rules.set(ruleIdOf(result), ruleOf(result));
  const indexes = new Map([...rules.keys()].map((id, index) => [id, index]));
  const invocation = {
    executionSuccessful: true,
    exitCode,
    endTimeUtc: at,
    ...noticeOf(against.length - shown.length),
  };
  return formatJson({
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "countersign", semanticVersion: version, version, rules: [...rules.values()] } },
        columnKind: "utf16CodeUnits",
        invocations: [invocation],
        results: shown.map((result) => sarifResultOf(result, indexes.get(ruleIdOf(result)) ?? -1)),
        properties: { summary },
      },
    ],
  });
};

function noticeOf(leftOut: number): object {
  if (leftOut === 0) return {};
  const text = `${leftOut} more that were not allowed are left out`;
  return { toolExecutionNotifications: [{ level: "warning", message: { text } }] };
}

interface SarifRule {
  readonly id: string;
  readonly shortDescription: { readonly text: string };
  readonly fullDescription: { readonly text: string };
  readonly help: { readonly text: string };
}

function ruleIdOf({ code }: Result): string {
  return code ?? refusedRule;
}

function ruleOf(result: Result): SarifRule {
  const id = ruleIdOf(result);
  const full = `An artifact was not allowed: ${id}. Codes are explained in docs/errors.md.`;
  return {
    id,
    shortDescription: { text: id },
    fullDescription: { text: full },
    help: { text: messageText(result.fix ?? "See docs/errors.md") },
  };
}

const kinds = {
  refused: { kind: "fail", level: "error" },
  // The specification knows no level for what is not a failure.
  unknown: { kind: "open", level: "none" },
} as const;

function sarifResultOf(result: Result, ruleIndex: number): object {
  const { name, verdict, reason } = result;
  return {
    ruleId: ruleIdOf(result),
    ruleIndex,
    ...kinds[verdict === "refused" ? "refused" : "unknown"],
    message: { text: messageText(`${name}: ${reason}`) },
    locations: [locationOf(name)],
    // The name that GitHub tells alerts of one run from those of the next by.
    partialFingerprints: { primaryLocationLineHash: fingerprintOf(result) },
  };
}

/** In message text `{0}` and `[text](target)` mean something (§3.11.5, §3.11.6). */
function messageText(text: string): string {
  return visible(text).replace(/[{}[\]\\]/g, (char) => (/[{}]/.test(char) ? char + char : `\\${char}`));
}

function locationOf(name: string): object {
  const physicalLocation = { artifactLocation: { uri: uriOf(name) }, region: { startLine: 1 } };
  if (!isDigestOperand(name) && name !== "-") return { physicalLocation };
  return { physicalLocation, logicalLocations: [{ name: visible(name), kind: "resource" }] };
}

function uriOf(path: string): string {
  if (isAbsolute(path)) return pathToFileURL(path).href;
  // A lone surrogate cannot be encoded.
  const parts = path.toWellFormed().replaceAll(sep, "/").split("/");
  return parts
    .filter((part) => part !== ".")
    .map(encodeURIComponent)
    .join("/");
}
