import { TrustError } from "@countersign/core";
import { withoutTokens } from "./failure.ts";
import { formatJson } from "./render-json.ts";
import { plain, row } from "./render-text.ts";
import type { AskedLog, NewBundle } from "./signing-run.ts";
import type { Terminal } from "./terminal.ts";
import type { Done } from "./unfinished.ts";

/** What became of each bundle of a run that failed, in JSON and in words. */
export function doneOf(failure: unknown, bundles: readonly NewBundle[], terminal: Terminal): Done {
  return {
    inJson: (json) => formatJson({ ...(JSON.parse(json) as object), bundles: bundles.map(rowOf) }),
    inText: () => (isWorthWords(bundles) ? textOf(bundles, failure, terminal) : ""),
  };
}

/** Of one file that no log was asked about all is said by the error. */
function isWorthWords(bundles: readonly NewBundle[]): boolean {
  return bundles.length > 1 || bundles.some(({ logs, rescued }) => logs.length > 0 || rescued !== undefined);
}

/** All but the bundle itself may repeat a token that stood in the wrong place. */
function rowOf({ file, path, logs, isWritten, error, rescued }: NewBundle): object {
  const facts = {
    ...(file !== undefined && { file }),
    bundle: path,
    status: isWritten ? "written" : "not-written",
    logEntries: logs.map(({ url, logIndex }) => ({ url, ...(logIndex !== undefined && { logIndex: `${logIndex}` }) })),
    ...(error instanceof TrustError && { error: problemOf(error) }),
    ...(rescued?.savedTo !== undefined && { savedTo: rescued.savedTo }),
  };
  const told = JSON.parse(withoutTokens(JSON.stringify(facts))) as object;
  return rescued === undefined ? told : { ...told, unwritten: JSON.parse(rescued.text) as object };
}

function problemOf({ code, kind, message, fix }: TrustError): object {
  return { code, kind, message, fix };
}

function textOf(bundles: readonly NewBundle[], failure: unknown, terminal: Terminal): string {
  return withoutTokens(bundles.flatMap((bundle) => linesOf(bundle, failure, terminal)).join("\n") + "\n");
}

function linesOf(bundle: NewBundle, failure: unknown, terminal: Terminal): string[] {
  const name = plain(bundle.path === "-" ? "standard output" : bundle.path);
  if (bundle.isWritten) return [`${terminal.style("green", "written:")} ${name}`];
  return [
    `${terminal.style("red", "not written:")} ${name}${reasonOf(bundle, failure)}`,
    ...bundle.logs.map((log) => row("log", entryOf(log))),
    ...placesOf(bundle).map((place) => row("bundle", place)),
  ];
}

function reasonOf({ error }: NewBundle, failure: unknown): string {
  if (error === undefined) return "";
  return error === failure || !(error instanceof TrustError) ? ": see above" : `: ${error.message} [${error.code}]`;
}

function entryOf({ url, logIndex }: AskedLog): string {
  return `${plain(url)}: ${logIndex === undefined ? "asked, and may have an entry" : `entry ${logIndex}`}`;
}

function placesOf({ rescued }: NewBundle): readonly string[] {
  if (rescued === undefined) return [];
  const { isOnStandardOutput, savedTo } = rescued;
  return [
    ...(isOnStandardOutput ? ["on standard output"] : []),
    ...(savedTo === undefined ? [] : [`in ${plain(savedTo)}`]),
  ];
}
