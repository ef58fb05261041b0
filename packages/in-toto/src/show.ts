import { quote } from "@countersign/core";
import type { AttributeRule } from "./attestation/attribute.ts";
import { readHashes } from "./hashes.ts";
import { formatRule, type Rule } from "./rule.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Link } from "./link.ts";
import type { LayoutKey } from "./key.ts";
import type { Inspection, Layout, Step } from "./layout.ts";
import type { Metadata } from "./metadata.ts";

/** The most lines of one list that people are shown. */
export const maxShownLines: number = 100;

/**
 * A layout or link in words, one fact a line, everything from outside escaped. It shows what the file claims, says so,
 * and checks no signature.
 */
export function showMetadata(metadata: Metadata): string {
  const lines = metadata.type === "layout" ? layoutLines(metadata.layout) : linkLines(metadata.link);
  const signers = metadata.signatures.map(({ keyid }) => plain(keyid));
  return [
    `UNVERIFIED ${metadata.type}, as ${metadata.form === "dsse" ? "a DSSE envelope" : "a Metablock"}`,
    ...(signers.length === 0 ? [fact("signed by", "nobody")] : signers.map((keyid) => fact("signed by", keyid))),
    ...lines,
    "",
  ].join("\n");
}

function layoutLines(layout: Layout): string[] {
  const authorities = [...layout.authorities.roots.keys()].map(plain);
  return [
    fact("expires", layout.expires),
    ...(layout.readme === "" ? [] : [fact("readme", plain(layout.readme))]),
    ...cut([...layout.keys.values()]).map((key) => fact("key", `${plain(key.keyid)}  ${keyText(key)}`)),
    ...authorities.map((id) => fact("authority", id)),
    ...layout.steps.flatMap((step, at) => stepLines(step, at + 1)),
    ...layout.inspections.flatMap(inspectionLines),
  ];
}

function keyText({ check, keytype, scheme }: LayoutKey): string {
  if (check.kind !== "sigstore") return `${plain(keytype)}, ${plain(scheme)}`;
  const { identity, issuer } = check.identity;
  return `Sigstore: ${quote(identity)} vouched for by ${quote(issuer)}`;
}

function stepLines(step: Step, number: number): string[] {
  return [
    "",
    `step ${number}: ${plain(step.name)}`,
    ...(step.expectedPredicates.length === 0 ? [fact("who", whoText(step))] : predicateLines(step)),
    ...step.expectedAttributes.map((rule) => fact("attribute", attributeText(rule))),
    ...(step.expectedCommand.length === 0 ? [] : [fact("command", commandText(step.expectedCommand))]),
    ...ruleLines("materials", step.expectedMaterials),
    ...ruleLines("products", step.expectedProducts),
  ];
}

function predicateLines({ expectedPredicates }: Step): string[] {
  return expectedPredicates.flatMap(
    ({ predicateType, functionaries, threshold, expectedProducts, expectedAttributes }) => [
      fact(
        "attested",
        `${plain(predicateType)}  by ${threshold} of ${functionaries.map((id) => plain(id.slice(0, 8))).join(", ") || "nobody"}`,
      ),
      ...(expectedProducts.length === 0 ? [] : ruleLines("products", expectedProducts)),
      ...cut(expectedAttributes).map((rule) => fact("attribute", attributeText(rule))),
    ],
  );
}

function attributeText({ text, warn, allowIfNoClaim }: AttributeRule): string {
  return `${plain(text)}${allowIfNoClaim ? "  (or no claim)" : ""}${warn ? "  (only warns)" : ""}`;
}

function inspectionLines(inspection: Inspection): string[] {
  return [
    "",
    `inspection: ${plain(inspection.name)}`,
    fact("run", commandText(inspection.run)),
    ...ruleLines("materials", inspection.expectedMaterials),
    ...ruleLines("products", inspection.expectedProducts),
  ];
}

/** Who may have done the step: keys by the eight digits that stand in the names of their links. */
function whoText({ threshold, pubkeys, certificateConstraints }: Step): string {
  const who = [
    ...pubkeys.map((keyid) => plain(keyid.slice(0, 8))),
    ...certificateConstraints.map(({ commonName }) => `a certificate of ${quote(commonName)}`),
  ];
  return `${threshold} of ${who.length === 0 ? "nobody" : who.join(", ")}`;
}

function ruleLines(side: string, rules: readonly Rule[]): string[] {
  if (rules.length === 0) return [fact(side, "anything (no rules)")];
  return cut(rules).map((rule, at) => fact(at === 0 ? side : "", formatRule(rule).map(plain).join(" ")));
}

function linkLines(link: Link): string[] {
  const returned = link.byproducts["return-value"];
  return [
    fact("step", plain(link.name)),
    fact("command", commandText(link.command)),
    ...(returned === undefined ? [] : [fact("returned", plain(JSON.stringify(returned)))]),
    ...artifactLines("materials", link.materials),
    ...artifactLines("products", link.products),
  ];
}

function artifactLines(side: string, artifacts: Artifacts): string[] {
  const shown: string[] = [];
  for (const [path, hashes] of artifacts) {
    if (shown.length === maxShownLines) break;
    const texts = [...readHashes(hashes)].map(([name, value]) => `${plain(name)}:${plain(value)}`);
    shown.push(`  ${texts.join(" ")}  ${plain(path)}`);
  }
  const more = artifacts.size - shown.length;
  return ["", `${side}: ${artifacts.size}`, ...shown, ...(more === 0 ? [] : [`  and ${more} more`])];
}

function commandText(words: readonly string[]): string {
  return words.length === 0 ? "none" : words.map(wordText).join(" ");
}

function wordText(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quote(word);
}

function fact(name: string, value: string): string {
  return `  ${name.padEnd(9)} ${value}`;
}

/** Escaped, without quotes. */
function plain(hostile: string): string {
  return quote(hostile).slice(1, -1).replaceAll('\\"', '"').replaceAll("\\\\", "\\");
}

function cut<T>(values: readonly T[]): readonly T[] {
  return values.slice(0, maxShownLines);
}
