import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { isDigestOperand } from "./artifact.node.ts";
import { formatJson, visible } from "./render-json.ts";
import type { WholeFormat } from "./rendering.ts";
import type { Result } from "./result.ts";
import { version } from "./version.ts";

/** The rule of what was allowed; every other rule is an error code. */
const allowedRule = "COUNTERSIGN_ALLOWED";

/** SARIF 2.1.0 (OASIS): a result for each artifact; `fail`, `open` (could not be told) or `pass` (§3.27.9). */
export const formatSarif: WholeFormat = (results, { exitCode, at }) => {
  const rules = new Map<string, SarifRule>();
  for (const result of results) if (!rules.has(ruleIdOf(result))) rules.set(ruleIdOf(result), ruleOf(result));
  const indexes = new Map([...rules.keys()].map((id, index) => [id, index]));
  return formatJson({
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "countersign", semanticVersion: version, version, rules: [...rules.values()] } },
        columnKind: "utf16CodeUnits",
        invocations: [{ executionSuccessful: true, exitCode, endTimeUtc: at }],
        results: results.map((result) => sarifResultOf(result, indexes.get(ruleIdOf(result)) ?? -1)),
      },
    ],
  });
};

interface SarifRule {
  readonly id: string;
  readonly shortDescription: { readonly text: string };
  readonly help: { readonly text: string };
}

function ruleIdOf({ code, verdict }: Result): string {
  return code ?? (verdict === "allowed" ? allowedRule : "COUNTERSIGN_REFUSED");
}

function ruleOf(result: Result): SarifRule {
  const id = ruleIdOf(result);
  const isAllowed = result.verdict === "allowed";
  return {
    id,
    shortDescription: { text: isAllowed ? "The artifact was signed by whom was asked for" : id },
    help: { text: isAllowed ? "Nothing to do" : (result.fix ?? "See docs/errors.md") },
  };
}

const kinds = {
  allowed: { kind: "pass", level: "none" },
  refused: { kind: "fail", level: "error" },
  // The specification knows no level for what is not a failure.
  unknown: { kind: "open", level: "none" },
} as const;

function sarifResultOf(result: Result, ruleIndex: number): object {
  const { name, verdict, reason } = result;
  // In message text `{0}` and `[text](target)` mean something (§3.11.5, §3.11.6).
  const text = visible(`${name}: ${reason}`).replace(/[{}[\]\\]/g, (char) =>
    /[{}]/.test(char) ? char + char : `\\${char}`,
  );
  return { ruleId: ruleIdOf(result), ruleIndex, ...kinds[verdict], message: { text }, locations: [locationOf(name)] };
}

function locationOf(name: string): object {
  if (isDigestOperand(name) || name === "-") return { logicalLocations: [{ name: visible(name), kind: "resource" }] };
  return { physicalLocation: { artifactLocation: { uri: uriOf(name) } } };
}

function uriOf(path: string): string {
  if (isAbsolute(path)) return pathToFileURL(path).href;
  // A lone surrogate cannot be encoded.
  return path.toWellFormed().split(/[/\\]/).map(encodeURIComponent).join("/");
}
