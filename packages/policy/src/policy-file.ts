import {
  compileGlob,
  parseDigest,
  predicateNames,
  quote,
  readObject,
  TrustError,
  type Detail,
  type Json,
  type ObjectReader,
} from "@countersign/core";
import { policyError } from "./errors.ts";
import { loadPattern, type Match } from "./match.ts";
import { checkPolicy, type DenyList, type Policy, type SignerRule } from "./policy.ts";

/** A key that a policy names: by where it is kept, or by itself. */
export type PolicyKey = { readonly reference: string } | { readonly pem: string };

/** A policy as a file has it. Keys are not opened here: that takes the disk, or more. */
export interface PolicyFile {
  /** The policy once every key is known by its id: `keyids[i]` is that of `keys[i]`. */
  complete(keyids: readonly string[]): Policy;
  readonly keys: readonly PolicyKey[];
  /** A C2SP tlog-policy: whose cosignatures log entries must carry. */
  readonly witnesses?: string;
  /** Whether the verdict must be confirmed by an independent implementation. */
  readonly secondOpinion: boolean;
}

/** The largest policy file that is read, in bytes. */
export const maxPolicyBytes: number = 1024 * 1024;
/** The most signers, claims of one, or denied things of a kind. */
const maxListed = 1000;

/**
 * Reads a policy (docs/formats/policy.md): whom to accept, how many of them, with what evidence, and what is denied. A member
 * that is not known is refused, and so is a claim that is none of `knownClaims`, where these are given: what is misspelt must not pass for what was not asked. A text stands for itself; `glob` and
 * `pattern` match the whole value. Throws POLICY_FILE_MALFORMED, POLICY_PATTERN_INVALID and the errors of `checkPolicy`.
 */
export async function parsePolicy(value: Json, knownClaims?: ReadonlySet<string>): Promise<PolicyFile> {
  refuseNull(value, "policy");
  const reader = readObject(value, "policy", malformed);
  const version = reader.string("version");
  if (version !== "countersign.policy/v1")
    throw malformed({ checked: "version", expected: "countersign.policy/v1", got: quote(version) });
  const listed = reader
    .array("signers", maxListed)
    .map((each, index) => readObject(each, `signers[${index}]`, malformed));
  const keys: PolicyKey[] = [];
  const rules: (SignerRule | number)[] = [];
  for (const each of listed) rules.push(await readSigner(each, keys, knownClaims));
  const rest = readRest(reader);
  const witnesses = reader.optionalString("witnesses");
  const secondOpinion = reader.optionalBoolean("secondOpinion") ?? false;
  reader.refuseUnknown();
  const complete = (keyids: readonly string[]): Policy => {
    const signers = rules.map((rule): SignerRule =>
      typeof rule === "number" ? { kind: "key", keyid: keyids[rule] ?? "" } : rule,
    );
    return checkPolicy({ ...rest, signers });
  };
  // All that can be said of it without the keys is said now.
  complete(keys.map(() => "0"));
  return { complete, keys, secondOpinion, ...(witnesses !== undefined && { witnesses }) };
}

function malformed(detail: Detail): TrustError {
  return policyError("POLICY_FILE_MALFORMED", detail);
}

/** A member left empty would pass for one that is not there: a threshold without its number for a threshold of 1. */
function refuseNull(value: Json, at: string): void {
  if (value === null) throw malformed({ checked: at, expected: "a value, or no member at all", got: "nothing" });
  if (typeof value !== "object") return;
  for (const [name, inner] of Object.entries(value) as [string, Json][])
    refuseNull(inner, Array.isArray(value) ? `${at}[${name}]` : `${at}.${quote(name)}`);
}

/** A rule, or the place of a key among `keys` whose rule it will be. */
async function readSigner(
  reader: ObjectReader,
  keys: PolicyKey[],
  knownClaims: ReadonlySet<string> | undefined,
): Promise<SignerRule | number> {
  if (["key", "pem", "keyid"].some((name) => reader.has(name))) return readKeySigner(reader, keys);
  const identity = await readMatch(reader, "identity");
  const issuer = await readMatch(reader, "issuer");
  const claims = reader.optionalJson("claims");
  const extensions = claims === undefined ? undefined : await readClaims(claims, knownClaims);
  reader.refuseUnknown();
  return { kind: "certificate", identity, issuer, ...(extensions !== undefined && { extensions }) };
}

function readKeySigner(reader: ObjectReader, keys: PolicyKey[]): SignerRule | number {
  const reference = reader.optionalString("key");
  const pem = reader.optionalString("pem");
  const keyid = reader.optionalString("keyid");
  reader.refuseUnknown();
  if ([reference, pem, keyid].filter((each) => each !== undefined).length !== 1 || reference === "" || pem === "")
    throw malformed({ checked: "signer", expected: "one of key, pem and keyid" });
  if (keyid !== undefined) {
    if (!/^[0-9a-f]{64}$/.test(keyid))
      throw malformed({ checked: "keyid", expected: "64 lower-case hex digits", got: quote(keyid) });
    return { kind: "key", keyid };
  }
  keys.push(pem === undefined ? { reference: reference ?? "" } : { pem });
  return keys.length - 1;
}

async function readClaims(value: Json, known: ReadonlySet<string> | undefined): Promise<ReadonlyMap<string, Match>> {
  const reader = readObject(value, "claims", malformed);
  const names = Object.keys(value as object);
  if (names.length > maxListed) throw malformed({ checked: "claims", expected: `at most ${maxListed}` });
  const claims = new Map<string, Match>();
  for (const name of names) {
    if (known?.has(name) === false)
      throw malformed({ checked: "claims", expected: [...known].join(", "), got: quote(name) });
    claims.set(name, await readMatch(reader, name));
  }
  return claims;
}

const matchForms = "a text, or one of exact, glob and pattern";

async function readMatch(reader: ObjectReader, name: string): Promise<Match> {
  const value = reader.json(name);
  if (typeof value === "string") return { exact: value };
  if (typeof value !== "object")
    throw malformed({ checked: name, expected: `${matchForms}; a number stands in quotes`, got: `a ${typeof value}` });
  const inner = reader.object(name);
  const glob = inner.optionalString("glob");
  const pattern = inner.optionalString("pattern");
  const exact = inner.optionalString("exact");
  inner.refuseUnknown();
  if ([glob, pattern, exact].filter((each) => each !== undefined).length !== 1)
    throw malformed({ checked: name, expected: matchForms });
  if (exact !== undefined) return { exact };
  return glob === undefined ? { pattern: await loadPattern(pattern ?? "") } : { glob: compileGlob(glob) };
}

function readRest(reader: ObjectReader): Omit<Policy, "signers"> {
  const threshold = reader.has("threshold") ? reader.number("threshold") : undefined;
  const predicateType = reader.optionalString("predicateType");
  const require = reader.optionalObject("require");
  const deny = reader.optionalObject("deny");
  return {
    ...(threshold !== undefined && { threshold }),
    ...(predicateType !== undefined && { predicateType: typeOf(predicateType) }),
    ...(require !== undefined && { require: readRequire(require) }),
    ...(deny !== undefined && { deny: readDeny(deny) }),
  };
}

/** The type that an alias of `--type` stands for; any other text is one itself, since Statements may hold any. */
function typeOf(nameOrType: string): string {
  return predicateNames.find(({ aliases }) => aliases.includes(nameOrType))?.uri ?? nameOrType;
}

function readRequire(reader: ObjectReader): NonNullable<Policy["require"]> {
  const numbers = (["scts", "logEntries", "times"] as const).flatMap((name) =>
    reader.has(name) ? [[name, reader.number(name)] as const] : [],
  );
  reader.refuseUnknown();
  return Object.fromEntries(numbers);
}

function readDeny(reader: ObjectReader): DenyList {
  const certificates = reader.optionalArray("certificates", maxListed)?.map((each) => digestOf(each));
  const keys = reader.optionalArray("keys", maxListed)?.map(textOf);
  const logEntries = reader.optionalArray("logEntries", maxListed)?.map((each, index) => {
    const entry = readObject(each, `deny.logEntries[${index}]`, malformed);
    const place = { logId: entry.string("logId"), index: String(entry.integer("index")) };
    entry.refuseUnknown();
    return place;
  });
  reader.refuseUnknown();
  return { ...(certificates && { certificates }), ...(keys && { keys }), ...(logEntries && { logEntries }) };
}

function textOf(value: Json): string {
  if (typeof value === "string") return value;
  throw malformed({ checked: "deny", expected: "texts" });
}

function digestOf(value: Json): ReturnType<typeof parseDigest> {
  try {
    return parseDigest(textOf(value));
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw malformed({ checked: "deny.certificates", expected: "sha256:<64 lower-case hex digits>" });
  }
}
