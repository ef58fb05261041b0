import {
  concatBytes,
  equalBytes,
  hash,
  makeVerifier,
  parseCertificate,
  parseJson,
  quote,
  readObject,
  utf8,
  type AlgorithmName,
  type Certificate,
  type Detail,
  type Finding,
  type Json,
  type ObjectReader,
  TrustError,
  type Verifier,
} from "@countersign/core";
import { checkChainSignatures } from "./certificate.ts";
import { sigstoreError } from "./errors.ts";
import { isKeyProblem, makeDetailedVerifier } from "./key-detail.ts";
import { passOverUnknown, readLines, warningOf } from "./lenient.ts";
import { readWindow, type Window } from "./window.ts";

export { isWithin, type Window } from "./window.ts";

/** The largest trust root that is read, in bytes. */
export const maxTrustRootBytes: number = 16 * 1024 * 1024;
/** The most logs, CT logs, authorities or timestamp authorities, each, in a trust root. */
export const maxInstances: number = 256;
/** The most certificates in an authority's chain. */
export const maxAuthorityChain: number = 10;

/** A transparency or CT log whose word counts. */
export interface Log {
  readonly baseUrl: string;
  /** Host, port if any and path if any of `baseUrl`: the name that signs checkpoints. */
  readonly origin: string;
  readonly operator?: string;
  /** 32 bytes, or 4 where a trust root of version 0.2 gives only a checkpoint key id. */
  readonly logId: Uint8Array;
  readonly checkpointKeyId?: Uint8Array;
  readonly verifier: Verifier;
  readonly validFor: Window;
}

/** A certificate or timestamp authority whose word counts. */
export interface Authority {
  readonly uri: string;
  readonly operator?: string;
  /** Leaf-most first (a timestamp authority's own certificate, or the issuer of leaves), the anchor last; at least one. */
  readonly chain: readonly Certificate[];
  readonly validFor: Window;
  /** The verifier of the first certificate's key, made once an algorithm. Throws the key errors of core. */
  verifier(algorithm: AlgorithmName): Verifier;
  /** Proves the signatures inside the chain, all but the anchor's own; proved once, then remembered. */
  checkChainSignatures(): void;
}

/** Whose word counts, and when. Logs that cannot be used were passed over; `warnings` says which. */
export interface TrustRoot {
  readonly logs: readonly Log[];
  readonly ctLogs: readonly Log[];
  readonly authorities: readonly Authority[];
  readonly timestampAuthorities: readonly Authority[];
  readonly warnings: readonly Finding[];
}

// The first form of the name, and the one that sigstore_trustroot.proto asks for.
const mediaTypes: ReadonlySet<string> = new Set([
  "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
  "application/vnd.dev.sigstore.trustedroot.v0.1+json",
  "application/vnd.dev.sigstore.trustedroot.v0.2+json",
]);

/**
 * Parses a trust root of version 0.1 or 0.2 (protobuf-specs sigstore_trustroot.proto). A log with a key, hash or
 * log id that does not add up and an authority without certificates are passed over with a warning, as are unknown members; a missing or broken validity
 * window makes the whole root malformed. Does not verify the chains' signatures (see `Authority`), nor who sent the root.
 * Throws SIGSTORE_TRUST_ROOT_*, and core's errors of JSON and certificate.
 */
export function parseTrustRoot(bytes: Uint8Array): TrustRoot {
  const json = parseJson(bytes, { maxBytes: maxTrustRootBytes, maxDepth: 32 });
  const reader = readObject(json, "trust root", malformed);
  const mediaType = reader.string("mediaType");
  if (!mediaTypes.has(mediaType))
    throw sigstoreError("SIGSTORE_TRUST_ROOT_VERSION", { checked: "mediaType", got: quote(mediaType) });
  const warnings: Finding[] = [];
  const list = <T>(name: string, read: (value: Json, context: Context) => T): T[] =>
    (reader.optionalArray(name, maxInstances) ?? []).map((value, index) =>
      read(value, { at: `${name}[${index}]`, warnings }),
    );
  const root = {
    logs: list("tlogs", (value, context) => readLog(value, context, "tlog")).flat(),
    ctLogs: list("ctlogs", (value, context) => readLog(value, context, "ctlog")).flat(),
    authorities: list("certificateAuthorities", readAuthority).flat(),
    timestampAuthorities: list("timestampAuthorities", readAuthority).flat(),
    warnings,
  };
  passOver(json, ["mediaType", "tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities"], {
    at: "trust root",
    warnings,
  });
  return root;
}

/** The union: what any of the roots vouches for counts. Nothing is taken away, also not by a root with a narrower window. */
export function mergeTrustRoots(roots: readonly TrustRoot[]): TrustRoot {
  return {
    logs: roots.flatMap((root) => root.logs),
    ctLogs: roots.flatMap((root) => root.ctLogs),
    authorities: roots.flatMap((root) => root.authorities),
    timestampAuthorities: roots.flatMap((root) => root.timestampAuthorities),
    warnings: roots.flatMap((root) => root.warnings),
  };
}

/** The name a log at this URL signs its checkpoints with: the URL without its scheme and closing slash. */
export function originOf(baseUrl: string): string {
  // Without the flag that ignores case, which loads tables of Unicode.
  return baseUrl.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\//, "").replace(/\/$/, "");
}

interface Context {
  readonly at: string;
  readonly warnings: Finding[];
}

function malformed(detail: Detail): TrustError {
  return sigstoreError("SIGSTORE_TRUST_ROOT_MALFORMED", detail);
}

function passOver(value: Json, known: readonly string[], { at, warnings }: Context): void {
  warnings.push(
    ...passOverUnknown(value, known, (got) => sigstoreError("SIGSTORE_TRUST_ROOT_MEMBER", { checked: at, got })),
  );
}

/** One log, or none if it cannot be used. */
function readLog(value: Json, context: Context, kind: "tlog" | "ctlog"): Log[] {
  const reader = readObject(value, context.at, malformed);
  const baseUrl = reader.optionalString("baseUrl") ?? "";
  const key = reader.object("publicKey");
  const rawBytes = key.bytes("rawBytes");
  const validFor = windowOf(key.optionalObject("validFor"), `${context.at}.publicKey`);
  const checkpointKeyId = readKeyId(reader.optionalObject("checkpointKeyId"), context.at);
  const logId = readKeyId(reader.optionalObject("logId"), context.at) ?? checkpointKeyId;
  if (logId === undefined) throw malformed({ checked: context.at, expected: "logId or checkpointKeyId" });
  const operator = reader.optionalString("operator") ?? "";
  const names = { hashAlgorithm: readName(reader, "hashAlgorithm"), keyDetails: readName(key, "keyDetails") };
  passOver(value, ["baseUrl", "hashAlgorithm", "publicKey", "logId", "checkpointKeyId", "operator"], context);
  const verifier = makeLogVerifier(rawBytes, names, context);
  if (verifier === undefined) return [];
  const log = {
    baseUrl,
    origin: originOf(baseUrl),
    ...(operator !== "" && { operator }),
    logId,
    ...(checkpointKeyId && { checkpointKeyId }),
    verifier,
    validFor,
  };
  return isItsId(log, kind, context) ? [log] : [];
}

interface Names {
  readonly hashAlgorithm: string;
  readonly keyDetails: string;
}

/** An enum's name; numbers, which protobuf JSON allows as well, are no names we know. */
function readName(reader: ObjectReader, name: string): string {
  const value = reader.optionalJson(name) ?? "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function makeLogVerifier(rawBytes: Uint8Array, names: Names, { at, warnings }: Context): Verifier | undefined {
  const skip = (got: string): undefined => {
    warnings.push(warningOf(sigstoreError("SIGSTORE_TRUST_ROOT_LOG_SKIPPED", { checked: at, got })));
  };
  if (names.hashAlgorithm !== "SHA2_256") return skip(`hash algorithm ${quote(names.hashAlgorithm)}`);
  try {
    return makeDetailedVerifier(rawBytes, names.keyDetails);
  } catch (error) {
    if (!isKeyProblem(error)) throw error;
    return skip(error.message);
  }
}

/**
 * Whether the ids are the key's own: SHA-256 of the SubjectPublicKeyInfo (RFC 6962 §3.2), for a checkpoint also the
 * signed-note key id that holds name and type (C2SP signed-note), each whole or cut to 4 bytes.
 */
function isItsId(log: Log, kind: "tlog" | "ctlog", { at, warnings }: Context): boolean {
  const ids = [hash("sha256", log.verifier.spki), ...(kind === "tlog" ? noteKeyIds(log) : [])];
  const isOurs = (id: Uint8Array): boolean => ids.some((whole) => equalBytes(whole.subarray(0, id.length), id));
  if (isOurs(log.logId) && (log.checkpointKeyId === undefined || isOurs(log.checkpointKeyId))) return true;
  warnings.push(
    warningOf(sigstoreError("SIGSTORE_TRUST_ROOT_LOG_SKIPPED", { checked: at, got: "a log id that is not its key's" })),
  );
  return false;
}

const ed25519PrefixBytes = 12;

function noteKeyIds({ origin, verifier }: Log): Uint8Array[] {
  const name = utf8(`${origin}\n`);
  const { family } = verifier.algorithm;
  if (family === "ed25519")
    return [hash("sha256", concatBytes(name, Uint8Array.of(1), verifier.spki.subarray(ed25519PrefixBytes)))];
  if (family !== "rsa-pkcs1") return [];
  return [hash("sha256", concatBytes(name, Uint8Array.of(0xff), utf8("PKIX-RSA-PKCS#1v1.5"), verifier.spki))];
}

function readKeyId(reader: ObjectReader | undefined, at: string): Uint8Array | undefined {
  if (reader === undefined) return undefined;
  const keyId = reader.bytes("keyId");
  if (keyId.length !== 32 && keyId.length !== 4)
    throw malformed({ checked: `${at} key id`, expected: "32 or 4 bytes", got: `${keyId.length}` });
  return keyId;
}

/** One authority, or none if it names no certificate or one that cannot be read: then it vouches for nobody. */
function readAuthority(value: Json, context: Context): Authority[] {
  const reader = readObject(value, context.at, malformed);
  const uri = reader.optionalString("uri") ?? "";
  const operator = reader.optionalString("operator") ?? "";
  const validFor = windowOf(reader.optionalObject("validFor"), context.at);
  const certificates = reader.optionalObject("certChain")?.optionalArray("certificates", maxAuthorityChain) ?? [];
  const ders = certificates.map((each, index) => readDer(each, `${context.at}.certificates[${index}]`));
  passOver(value, ["subject", "uri", "certChain", "validFor", "operator"], context);
  const chain = readChain(ders, context);
  return chain.length === 0 ? [] : [makeAuthority({ uri, ...(operator !== "" && { operator }), chain, validFor })];
}

/** The certificates; none, with a warning, if one of them cannot be read or there is none. */
function readChain(ders: readonly Uint8Array[], { at, warnings }: Context): readonly Certificate[] {
  const skip = (detail: Detail): readonly Certificate[] => {
    const error = sigstoreError("SIGSTORE_TRUST_ROOT_AUTHORITY_SKIPPED", { checked: `${at}.certChain`, ...detail });
    warnings.push(warningOf(error));
    return [];
  };
  if (ders.length === 0) return skip({ expected: "at least one certificate" });
  try {
    return ders.map((der) => parseCertificate(der));
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return skip({ got: error.message });
  }
}

function readDer(value: Json, at: string): Uint8Array {
  return readLines(readObject(value, at, malformed), "rawBytes", { at, error: malformed });
}

function makeAuthority(parts: Omit<Authority, "verifier" | "checkChainSignatures">): Authority {
  const verifiers = new Map<AlgorithmName, Verifier>();
  let proved = false;
  return {
    ...parts,
    verifier(algorithm) {
      const known = verifiers.get(algorithm);
      if (known !== undefined) return known;
      const made = makeVerifier((parts.chain[0] as Certificate).spki, algorithm);
      verifiers.set(algorithm, made);
      return made;
    },
    checkChainSignatures() {
      if (proved) return;
      checkChainSignatures(parts.chain);
      proved = true;
    },
  };
}

function windowOf(reader: ObjectReader | undefined, at: string): Window {
  const wrong = (detail: Detail): TrustError => sigstoreError("SIGSTORE_TRUST_ROOT_WINDOW", detail);
  if (reader === undefined) throw wrong({ checked: at, expected: "validFor" });
  return readWindow(reader, `${at}.validFor`, wrong);
}
