import { existsSync } from "node:fs";
import { describeBundle, type BundleDescription } from "@countersign/pipeline";
import { quote } from "@countersign/core";
import { readSmallFile, readStandardInput } from "../input.node.ts";
import type { OutputOptions } from "../options.ts";
import { formatJson } from "../render-json.ts";
import { plain, shellQuoted } from "../render-text.ts";
import type { Terminal } from "../terminal.ts";

/** `countersign inspect BUNDLE`, or `-`: what the bundle claims, marked as unverified. Exit code 0 says only that it could be read. */
export async function inspectCommand(
  operands: readonly string[],
  options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const [path = ""] = operands;
  const description = describeBundle(path === "-" ? await readStandardInput() : readSmallFile(path, "bundle"));
  const verify = verifyCommandFor(path, description);
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.description/v1", ...description, verify }));
  else terminal.out(formatDescription(path, description, verify));
  return 0;
}

/** The command to paste, with a blank where the reader must say whom they expect: a bundle does not name its own judge. */
export function verifyCommandFor(path: string, { signer }: BundleDescription): string {
  const file = path.endsWith(".sigstore.json") ? path.slice(0, -".sigstore.json".length) : "";
  const bundle = path === "-" ? "BUNDLE" : shellQuoted(path);
  const operands = existsSync(file) ? shellQuoted(file) : `FILE --bundle ${bundle}`;
  const who =
    signer.kind === "key" ? "--key '<KEY.PUB>'" : "--certificate-identity '<WHO>' --certificate-oidc-issuer '<ISSUER>'";
  return `countersign verify ${operands} ${who}`;
}

/** A description in words. Everything that came from outside is escaped. */
export function formatDescription(path: string, description: BundleDescription, verify: string): string {
  const rows: (readonly [string, string])[] = [
    ...signerRows(description),
    ...contentRows(description),
    ...description.logEntries.map(logRow),
    ...description.timestamps.map((time) => ["timestamp", time] as const),
  ];
  return [
    `UNVERIFIED: ${plain(path)} claims the following; whoever made the file chose every word.`,
    "",
    ...rows.map(([name, value]) => `  ${name.padEnd(11)} ${value}`),
    "",
    "To find out whether it is true, fill in whom you expect, from a source other than this file:",
    `  ${verify}`,
    "",
  ].join("\n");
}

function signerRows({ signer, mediaType }: BundleDescription): (readonly [string, string])[] {
  const format = ["format", quote(mediaType)] as const;
  if (signer.kind === "key") return [format, ["key hint", signer.hint === "" ? "none" : quote(signer.hint)]];
  return [
    format,
    ...signer.identities.map((identity) => ["identity", quote(identity)] as const),
    ["issuer", signer.issuer === undefined ? "none that can be read" : quote(signer.issuer)],
    ...Object.entries(signer.extensions ?? {}).map(([name, value]) => ["claim", `${name} ${quote(value)}`] as const),
    ["certificate", `valid from ${signer.notBefore} to ${signer.notAfter}`],
  ];
}

const maxSubjects = 20;

function contentRows({ content }: BundleDescription): (readonly [string, string])[] {
  if (content.kind === "message")
    return [["signed", content.digest === undefined ? "a file" : `a file with digest ${plain(content.digest)}`]];
  const subjects = content.subjects
    .slice(0, maxSubjects)
    .map((subject) => ["subject", formatSubject(subject)] as const);
  const rest = content.subjects.length - subjects.length;
  return [
    [
      "signed",
      `an attestation of type ${content.predicateType === undefined ? quote(content.payloadType) : quote(content.predicateType)}`,
    ],
    ...subjects,
    ...(rest > 0 ? [["subject", `and ${rest} more`] as const] : []),
  ];
}

function formatSubject(subject: { readonly name?: string; readonly digest: Readonly<Record<string, string>> }): string {
  const digests = Object.entries(subject.digest).map(([name, value]) => `${plain(name)}:${plain(value)}`);
  return [...(subject.name === undefined ? [] : [quote(subject.name)]), ...digests].join(" ");
}

function logRow(entry: BundleDescription["logEntries"][number]): readonly [string, string] {
  const time = entry.integratedTime === undefined ? "" : ` at ${entry.integratedTime}`;
  return ["log", `${quote(entry.log)} entry ${entry.index} (${plain(entry.kind)})${time}`];
}
