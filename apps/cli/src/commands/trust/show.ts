import {
  describeTrustRoot,
  type AuthorityDescription,
  type LogDescription,
  type TrustRootDescription,
  type WindowDescription,
} from "@countersign/sigstore";
import type { Trust } from "@countersign/pipeline";
import { formatJson } from "../../render-json.ts";
import { plain, warningLine } from "../../render-text.ts";
import { readEachTrust } from "../../trust-look.ts";
import type { OutputOptions } from "../../options.ts";
import type { Style, Terminal } from "../../terminal.ts";
import type { TrustLookOptions } from "../../trust-options.ts";

/** `countersign trust show`: 0 says only that the roots could be read; see `trust check`. */
export async function trustShowCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as TrustLookOptions;
  const each = await readEachTrust(operands, options, terminal);
  const nowMs = terminal.now().getTime();
  const files = each.map((trust) => ({
    sources: trust.sources,
    roots: trust.roots.map((root) => describeTrustRoot(root, nowMs)),
    findings: trust.findings,
  }));
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.trust/v1", files }));
  else terminal.out(files.map((file) => textOf(file, terminal)).join("\n"));
  return 0;
}

interface FileDescription extends Pick<Trust, "sources" | "findings"> {
  readonly roots: readonly TrustRootDescription[];
}

function textOf({ sources, roots, findings }: FileDescription, terminal: Terminal): string {
  const heads = sources.map(({ source, date, ageDays }) => {
    const age = ageDays === undefined ? "of unknown age" : `of ${date?.slice(0, 10)}, ${ageDays} days old`;
    return `${terminal.style("bold", plain(source))}, ${age}`;
  });
  const body = roots.flatMap((root, index) => [
    ...(roots.length === 1 ? [] : [`root ${index + 1} of ${roots.length}`]),
    ...rootLines(root, terminal),
  ]);
  return `${[...heads, ...body, ...findings.map((finding) => warningLine(finding, terminal))].join("\n")}\n`;
}

function rootLines(root: TrustRootDescription, terminal: Terminal): readonly string[] {
  return [
    ...section("certificate authorities", root.authorities, (each) => authorityLines(each, terminal)),
    ...section("CT logs", root.ctLogs, (each) => logLines(each, terminal)),
    ...section("transparency logs", root.logs, (each) => logLines(each, terminal)),
    ...section("timestamp authorities", root.timestampAuthorities, (each) => authorityLines(each, terminal)),
  ];
}

function section<T>(name: string, all: readonly T[], lines: (each: T) => readonly string[]): readonly string[] {
  return [`  ${name}${all.length === 0 ? ": none" : ""}`, ...all.flatMap(lines)];
}

function logLines(log: LogDescription, terminal: Terminal): readonly string[] {
  return [
    headLine(log.url, log, terminal),
    detail("origin", log.origin),
    detail(
      "log id",
      `${log.logId}${log.checkpointKeyId === undefined ? "" : `, in checkpoints ${log.checkpointKeyId}`}`,
    ),
    detail("key", log.algorithm),
    ...operatorLines(log),
  ];
}

function authorityLines(authority: AuthorityDescription, terminal: Terminal): readonly string[] {
  return [
    headLine(authority.url, authority, terminal),
    ...authority.certificates.map(({ subject, notAfter }) => detail("until", `${notAfter.slice(0, 10)}  ${subject}`)),
    ...operatorLines(authority),
  ];
}

function operatorLines({ operator }: { readonly operator?: string }): readonly string[] {
  return operator === undefined ? [] : [detail("operator", operator)];
}

const styles: Readonly<Record<WindowDescription["state"], Style>> = {
  current: "green",
  ended: "dim",
  "not yet": "yellow",
};

function headLine(url: string, { from, until, state }: WindowDescription, terminal: Terminal): string {
  const window = `from ${from.slice(0, 10)}${until === undefined ? "" : ` until ${until.slice(0, 10)}`}`;
  return `    ${terminal.style(styles[state], state.padEnd(7))}  ${plain(url)}, ${window}`;
}

function detail(name: string, value: string): string {
  return `             ${name.padEnd(8)}  ${plain(value)}`;
}
