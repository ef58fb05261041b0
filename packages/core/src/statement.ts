import { readObject, type ObjectReader } from "./decode.ts";
import { digestName, type Digest } from "./digest.ts";
import { coreError, type Detail, type TrustError } from "./errors.ts";
import { parseJson, type Json } from "./json.ts";

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
}

/** The most subjects a Statement may have. */
export const maxSubjects: number = 1024;
/** The most digests one subject may have. */
export const maxSubjectDigests: number = 32;

const types = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"] as const;

/**
 * Parses the payload of an envelope as a Statement (in-toto attestation framework). Other members are let be, as the
 * specification asks. Throws CORE_STATEMENT_MALFORMED and the errors of `parseJson`.
 */
export function parseStatement(payload: Uint8Array): Statement {
  const reader = readObject(parseJson(payload), "statement", malformed);
  const type = reader.oneOf("_type", types);
  const subjects = reader.array("subject", maxSubjects).map((each, index) => parseSubject(readObject(each, `statement.subject[${index}]`, malformed), each));
  if (subjects.length === 0) throw malformed({ checked: "statement.subject", expected: "at least one" });
  return { type, subjects, predicateType: reader.string("predicateType"), predicate: reader.optionalJson("predicate") ?? null };
}

/**
 * The first subject that is the artifact: it has sha256, sha384 or sha512, at least one of these is known of ours,
 * and every one that both have is equal.
 */
export function matchSubject(statement: Statement, digests: readonly Digest[]): Subject | undefined {
  return statement.subjects.find((subject) => isSubject(subject, digests));
}

function isSubject({ digest }: Subject, digests: readonly Digest[]): boolean {
  const known = digests.filter((ours) => Object.hasOwn(digest, digestName(ours)));
  return known.length > 0 && known.every((ours) => ours === `${digestName(ours)}:${digest[digestName(ours)]}`);
}

function parseSubject(reader: ObjectReader, value: Json): Subject {
  const name = reader.optionalString("name");
  reader.object("digest");
  const entries = Object.entries((value as { digest: Record<string, Json> }).digest);
  if (entries.length > maxSubjectDigests) throw malformed({ checked: "subject digests", expected: `at most ${maxSubjectDigests}`, got: String(entries.length) });
  for (const [algorithm, text] of entries) if (typeof text !== "string") throw malformed({ checked: `digest ${algorithm.slice(0, 40)}`, expected: "a string" });
  const digest = Object.fromEntries(entries) as Record<string, string>;
  return name === undefined ? { digest } : { name, digest };
}

function malformed(detail: Detail): TrustError {
  return coreError("CORE_STATEMENT_MALFORMED", detail);
}
