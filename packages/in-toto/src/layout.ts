import {
  quote,
  readObject,
  type Detail,
  type Json,
  type JsonObject,
  type ObjectReader,
  type TrustError,
} from "@countersign/core";
import { readAttributeRules, type AttributeRule } from "./attestation/attribute.ts";
import { checkDraft, readExpectedPredicates, type ExpectedPredicate } from "./attestation/predicate.ts";
import {
  readCertificateParts,
  readCertificateConstraints,
  type Authorities,
  type CertificateConstraint,
} from "./certificate.ts";
import { inTotoError } from "./errors.ts";
import { readListedKey, type LayoutKey } from "./key.ts";
import { checkName } from "./name.ts";
import { formatRule, parseRule, type Rule } from "./rule.ts";
import type { Mode } from "./mode.ts";

/** What a project owner asks of a supply chain (in-toto specification 1.0 §4.3), unverified. */
export interface Layout {
  /** As it is written, `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly expires: string;
  /** The same instant, in milliseconds since 1970. */
  readonly expiresMs: number;
  readonly readme: string;
  /** Functionaries' keys by the ids that steps name. */
  readonly keys: ReadonlyMap<string, LayoutKey>;
  readonly steps: readonly Step[];
  readonly inspections: readonly Inspection[];
  /** Certificate authorities (ITE-7); empty without. */
  readonly authorities: Authorities;
  /** The whole object as it was signed, also members that are not read here. */
  readonly raw: JsonObject;
}

/** What one step must be. */
export interface Step {
  readonly name: string;
  /** How many functionaries must have done it; in compat it may be 0 or negative. */
  readonly threshold: number;
  /** Ids of the keys that may sign its link. */
  readonly pubkeys: readonly string[];
  /** Certificates that may sign it as well (ITE-7); each constraint stands for itself. */
  readonly certificateConstraints: readonly CertificateConstraint[];
  readonly expectedCommand: readonly string[];
  readonly expectedMaterials: readonly Rule[];
  readonly expectedProducts: readonly Rule[];
  /** Attestations that stand for the step in place of links (ITE-11, a draft); empty without, and in compat. */
  readonly expectedPredicates: readonly ExpectedPredicate[];
  /** What must be true of its links (ITE-11, a draft); empty without, and in compat. */
  readonly expectedAttributes: readonly AttributeRule[];
  readonly raw: JsonObject;
}

/** A command to run at verification, and what must come out of it. */
export interface Inspection {
  readonly name: string;
  readonly run: readonly string[];
  readonly expectedMaterials: readonly Rule[];
  readonly expectedProducts: readonly Rule[];
  readonly raw: JsonObject;
}

/** The most steps and inspections of a layout, and the most keys. */
export const maxLayoutItems: number = 10_000;
/** The most rules of a layout, all lists together. */
export const maxRules: number = 1_000_000;
/** The most words of a command. */
export const maxCommandWords: number = 65_536;

/**
 * Parses a layout. Strict: all members there, names of steps and inspections safe and used once, thresholds from 1, keys
 * under their own ids; compat: as the reference, missing members are empty and thresholds any integer or boolean. Members
 * that are not known are passed over. Checks no signature, no clock, no rule's references, and not whether enough keys are
 * listed: that is for verification and lint. Throws INTOTO_LAYOUT_MALFORMED, INTOTO_NAME_UNSAFE, INTOTO_RULE_MALFORMED,
 * INTOTO_KEY_MALFORMED, INTOTO_CERTIFICATE_MALFORMED, INTOTO_ATTRIBUTE_MALFORMED, INTOTO_DRAFT_UNSUPPORTED and core's
 * key errors.
 */
export function parseLayout(value: Json, mode: Mode = "strict", form: Form = "metablock"): Layout {
  const reader = readObject(value, "layout", malformed);
  checkNulls(value, "layout");
  if (reader.string("_type") !== "layout") throw malformed({ checked: "layout._type", expected: "layout" });
  if (mode === "strict") checkDraft("layout", value, "layout");
  const steps = readItems(reader, "steps").map((each, at) => parseStep(each, `layout.steps[${at}]`, mode));
  const inspections = readItems(reader, "inspect").map((each, at) =>
    parseInspection(each, `layout.inspect[${at}]`, mode),
  );
  checkItems([...steps, ...inspections]);
  if (form === "dsse" && steps.some(({ pubkeys }) => pubkeys.some((keyid) => keyid.endsWith("\n"))))
    throw malformed({ checked: "pubkeys", expected: "key ids in hex" });
  const expires = reader.string("expires");
  return {
    expires,
    expiresMs: parseExpires(expires, { mode, form }),
    readme: mode === "strict" || reader.has("readme") ? reader.string("readme") : "",
    keys: readKeys(reader, { mode, form }),
    steps,
    inspections,
    authorities: readCertificateParts(reader),
    raw: value as JsonObject,
  };
}

/** The layout as a JSON object: what was parsed, with rules, commands and times as they are now. */
export function formatLayout(layout: Omit<Layout, "raw" | "expiresMs"> & { readonly raw?: JsonObject }): JsonObject {
  return {
    ...layout.raw,
    _type: "layout",
    expires: layout.expires,
    inspect: layout.inspections.map((each) => ({
      ...each.raw,
      _type: "inspection",
      name: each.name,
      run: each.run,
      ...formatRules(each),
    })),
    keys: Object.fromEntries([...layout.keys].map(([keyid, key]) => [keyid, key.json])),
    readme: layout.readme,
    steps: layout.steps.map(formatStep),
  };
}

function formatStep(step: Step): JsonObject {
  const { name, pubkeys, threshold, expectedCommand } = step;
  const common = { ...step.raw, _type: "step", name, ...formatRules(step) };
  if (step.expectedPredicates.length > 0) return common;
  return { ...common, pubkeys, threshold, expected_command: expectedCommand };
}

function formatRules({
  expectedMaterials,
  expectedProducts,
}: Pick<Step, "expectedMaterials" | "expectedProducts">): JsonObject {
  return {
    expected_materials: expectedMaterials.map(formatRule),
    expected_products: expectedProducts.map(formatRule),
  };
}

function readItems(reader: ObjectReader, name: string): readonly Json[] {
  return reader.array(name, maxLayoutItems);
}

function parseStep(value: Json, at: string, mode: Mode): Step {
  const reader = readObject(value, at, malformed);
  checkNulls(value, at);
  if (mode === "strict") checkType(reader, "step");
  const drafts = readDrafts(reader, value, at, mode);
  const isAttested = drafts.expectedPredicates.length > 0;
  return {
    name: readName(reader, mode),
    ...(isAttested ? readWithoutLinks(reader, at) : readForLinks(reader, mode)),
    expectedMaterials: readRules(reader, "expected_materials", mode),
    expectedProducts: readRules(reader, "expected_products", mode),
    ...drafts,
    raw: value as JsonObject,
  };
}

type LinkMembers = Pick<Step, "threshold" | "pubkeys" | "certificateConstraints" | "expectedCommand">;

function readForLinks(reader: ObjectReader, mode: Mode): LinkMembers {
  return {
    threshold: readThreshold(reader, mode),
    pubkeys: readPubkeys(readList(reader, "pubkeys", mode), mode),
    certificateConstraints: readCertificateConstraints(reader),
    expectedCommand: readCommand(reader, "expected_command", mode),
  };
}

/** A step is done by links or by attestations: who would sign the one could else be forgotten in the other. */
function readWithoutLinks(reader: ObjectReader, at: string): LinkMembers {
  const wrong = ["pubkeys", "cert_constraints", "threshold", "expectedAttributes"].find((name) => reader.has(name));
  if (wrong !== undefined)
    throw malformed({ checked: `${at}.${wrong}`, expected: "it within expectedPredicates, or none of these" });
  const command = reader.has("expected_command") ? readCommand(reader, "expected_command", "strict") : [];
  return { threshold: 1, pubkeys: [], certificateConstraints: [], expectedCommand: command };
}

/** The reference knows nothing of drafts. */
function readDrafts(
  reader: ObjectReader,
  value: Json,
  at: string,
  mode: Mode,
): Pick<Step, "expectedPredicates" | "expectedAttributes"> {
  if (mode === "compat") return { expectedPredicates: [], expectedAttributes: [] };
  checkDraft("step", value, at);
  return {
    expectedPredicates: readExpectedPredicates(reader, at),
    expectedAttributes: readAttributeRules(reader, "expectedAttributes"),
  };
}

function parseInspection(value: Json, at: string, mode: Mode): Inspection {
  const reader = readObject(value, at, malformed);
  checkNulls(value, at);
  if (mode === "strict") checkType(reader, "inspection");
  if (mode === "strict") checkDraft("inspection", value, at);
  return {
    name: readName(reader, mode),
    run: readCommand(reader, "run", mode),
    expectedMaterials: readRules(reader, "expected_materials", mode),
    expectedProducts: readRules(reader, "expected_products", mode),
    raw: value as JsonObject,
  };
}

function checkType(reader: ObjectReader, expected: string): void {
  const type = reader.string("_type");
  if (type !== expected) throw malformed({ checked: "_type", expected, got: quote(type) });
}

function readName(reader: ObjectReader, mode: Mode): string {
  const name = reader.string("name");
  return mode === "strict" ? checkName(name) : name;
}

/** To the reference `true` is an integer, and any integer will do. */
function readThreshold(reader: ObjectReader, mode: Mode): number {
  if (isAbsent(reader, "threshold", mode)) return 1;
  const value = reader.json("threshold");
  if (mode === "compat" && typeof value === "boolean") return Number(value);
  const isInteger = typeof value === "number" && (Number.isSafeInteger(value) || mode === "compat");
  if (isInteger && (value >= 1 || mode === "compat")) return value;
  throw malformed({ checked: "threshold", expected: "an integer from 1", got: quote(JSON.stringify(value)) });
}

/** A list that compat lets be absent. */
function readList(reader: ObjectReader, name: string, mode: Mode): readonly Json[] {
  return isAbsent(reader, name, mode) ? [] : reader.array(name, maxRules);
}

/** Whether compat takes a default. */
function isAbsent(reader: ObjectReader, name: string, mode: Mode): boolean {
  return mode === "compat" && !reader.has(name);
}

/** To the reference, a member that is `null` is there, and of the wrong type. */
function checkNulls(value: Json, at: string): void {
  const found = Object.entries(value as JsonObject).find(([name, member]) => member === null && nullRefused.has(name));
  if (found !== undefined) throw malformed({ checked: `${at}.${found[0]}`, got: "null" });
}

const nullRefused: ReadonlySet<string> = new Set([
  "expected_command",
  "expected_materials",
  "expected_products",
  "keys",
  "pubkeys",
  "readme",
  "run",
  "threshold",
]);

// A line feed at the end slips through the reference's pattern.
const keyidPatterns = { strict: /^[0-9a-f]+$/, compat: /^[0-9a-fA-F]+\n?$/ } as const;

function readPubkeys(values: readonly Json[], mode: Mode): readonly string[] {
  return values.map((each) => {
    if (typeof each === "string" && keyidPatterns[mode].test(each)) return each;
    throw malformed({ checked: "pubkeys", expected: "key ids in hex", got: quote(JSON.stringify(each)) });
  });
}

function readCommand(reader: ObjectReader, name: string, mode: Mode): readonly string[] {
  const words = readList(reader, name, mode);
  if (words.length > maxCommandWords) throw malformed({ checked: name, expected: `at most ${maxCommandWords} words` });
  return words.map((word) => {
    if (typeof word === "string") return word;
    // The reference only compares an expected command, and fails when it is to run what is no string.
    if (mode === "compat" && name === "expected_command") return JSON.stringify(word);
    throw malformed({ checked: name, expected: "a list of strings" });
  });
}

function readRules(reader: ObjectReader, name: string, mode: Mode): readonly Rule[] {
  return readList(reader, name, mode).map(parseRule);
}

function checkItems(items: readonly (Step | Inspection)[]): void {
  const names = new Set<string>();
  let rules = 0;
  for (const { name, expectedMaterials, expectedProducts } of items) {
    if (names.has(name)) throw malformed({ checked: "names", expected: "each once", got: `${quote(name)} twice` });
    names.add(name);
    rules += expectedMaterials.length + expectedProducts.length;
  }
  if (rules > maxRules) throw malformed({ checked: "rules", expected: `at most ${maxRules}`, got: `${rules}` });
}

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

function parseExpires(text: string, { mode, form }: Reading): number {
  const trimmed = mode === "compat" && form === "metablock" ? text.replace(/\n$/, "") : text;
  const ms = instant.test(trimmed) ? Date.parse(trimmed) : Number.NaN;
  // Date.parse takes 31 February for 3 March; there is no year 0.
  const isReal = !Number.isNaN(ms) && new Date(ms).toISOString() === trimmed.replace("Z", ".000Z");
  if (isReal && !trimmed.startsWith("0000")) return ms;
  throw malformed({ checked: "layout.expires", expected: "YYYY-MM-DDTHH:MM:SSZ", got: quote(text) });
}

/** How a layout is read: in compat as in-toto 1.3.1 reads it in a Metablock, 2.2.0 in an envelope. */
type Form = "metablock" | "dsse";

interface Reading {
  readonly mode: Mode;
  readonly form: Form;
}

function readKeys(reader: ObjectReader, { mode, form }: Reading): ReadonlyMap<string, LayoutKey> {
  const listed = isAbsent(reader, "keys", mode) ? {} : reader.json("keys");
  if (typeof listed !== "object" || listed === null || Array.isArray(listed))
    throw malformed({ checked: "layout.keys", expected: "an object" });
  const entries = Object.entries(listed as JsonObject);
  if (entries.length > maxLayoutItems)
    throw malformed({ checked: "layout.keys", expected: `at most ${maxLayoutItems}` });
  return new Map(
    entries.map(([keyid, key]) => {
      if (!keyidPatterns[mode].test(keyid) || (form === "dsse" && keyid.endsWith("\n")))
        throw malformed({ checked: "layout.keys", got: quote(keyid) });
      return [keyid, readListedKey(key as Json, keyid, mode, form)];
    }),
  );
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_LAYOUT_MALFORMED", detail);
}
