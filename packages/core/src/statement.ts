import { readObject, type ObjectReader } from "./decode.ts";
import { digestName } from "./digest.ts";
import { coreError, quote } from "./errors.ts";
import { parseJson } from "./json.ts";
import type { Digest } from "./digest.ts";
import type { Detail, TrustError } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";

/** An in-toto Statement (v0.1 or v1), unverified until an envelope around its bytes is. */
export interface Statement {
  readonly type: "https://in-toto.io/Statement/v0.1" | "https://in-toto.io/Statement/v1";
  readonly subjects: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: Json;
}

/** What a Statement is about; digests by algorithm name, as written. */
export interface Subject {
  readonly name?: string;
  readonly digest: Readonly<Record<string, string>>;
  /** What the signer says of it besides (resource_descriptor.md); cosign puts `-a` there. */
  readonly annotations?: JsonObject;
}

/** The most subjects a Statement may have. */
export const maxSubjects: number = 1024;
/** The most digests one subject may have. */
export const maxSubjectDigests: number = 32;

const types = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"] as const;

/**
 * Parses the payload of an envelope as a Statement (in-toto attestation framework, statement.md and digest_set.md): at
 * least one subject, each with at least one digest. Other members are let be, as the specification asks. Does not look
 * into digests and predicate: old producers wrote predicates that are no objects. Throws CORE_STATEMENT_MALFORMED and
 * the errors of `parseJson`.
 */
export function parseStatement(payload: Uint8Array): Statement {
  const reader = readObject(parseJson(payload), "statement", malformed);
  const type = reader.oneOf("_type", types);
  const subjects = reader
    .array("subject", maxSubjects)
    .map((each, index) => parseSubject(each, `statement.subject[${index}]`));
  if (subjects.length === 0) throw malformed({ checked: "statement.subject", expected: "at least one" });
  const predicateType = reader.string("predicateType");
  if (predicateType === "") throw malformed({ checked: "statement.predicateType", expected: "a URI", got: "nothing" });
  return { type, subjects, predicateType, predicate: reader.optionalJson("predicate") ?? null };
}

/**
 * The first subject that is the artifact with these digests: of sha256, sha384 and sha512 it has at least one that we
 * know too, and every one that both know is equal. Digests by other names, and hex in capitals, match nothing.
 */
export function matchSubject(statement: Statement, digests: readonly Digest[]): Subject | undefined {
  const ours = digests.map((digest): NamedHex => [digestName(digest), digest.slice(digestName(digest).length + 1)]);
  return statement.subjects.find((subject) => isSubject(subject, ours));
}

type NamedHex = readonly [name: string, hex: string];

function isSubject({ digest }: Subject, ours: readonly NamedHex[]): boolean {
  const known = ours.filter(([name]) => Object.hasOwn(digest, name));
  return known.length > 0 && known.every(([name, hex]) => digest[name] === hex);
}

function parseSubject(value: Json, at: string): Subject {
  const reader = readObject(value, at, malformed);
  const name = reader.optionalString("name");
  reader.object("digest");
  const digest = parseDigests(reader.json("digest") as JsonObject, `${at}.digest`);
  const annotations = reader.has("annotations") ? readAnnotations(reader) : undefined;
  return { ...(name !== undefined && { name }), digest, ...(annotations !== undefined && { annotations }) };
}

function readAnnotations(reader: ObjectReader): JsonObject {
  reader.object("annotations");
  return reader.json("annotations") as JsonObject;
}

function parseDigests(value: JsonObject, at: string): Readonly<Record<string, string>> {
  const entries = Object.entries(value);
  if (entries.length === 0 || entries.length > maxSubjectDigests)
    throw malformed({ checked: at, expected: `1 to ${maxSubjectDigests}`, got: String(entries.length) });
  const wrong = entries.find(([, text]) => typeof text !== "string");
  if (wrong !== undefined)
    throw malformed({ checked: at, expected: "a string", got: `another value of ${quote(wrong[0])}` });
  // fromEntries defines members, so that one named __proto__ stays a member.
  return Object.fromEntries(entries) as Record<string, string>;
}

function malformed(detail: Detail): TrustError {
  return coreError("CORE_STATEMENT_MALFORMED", detail);
}
