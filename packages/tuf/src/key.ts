import {
  concatBytes,
  formatCanonicalJson,
  hash,
  hex,
  makeVerifier,
  parseHex,
  parsePublicKey,
  TrustError,
  type AlgorithmName,
  type Json,
  type JsonObject,
  type ObjectReader,
  type Verifier,
} from "@countersign/core";

/** A public key as root or delegating metadata lists it (specification 1.0.34 §4.2). */
export interface Key {
  /** What it is listed under. Nobody has to have computed it from the key, and one key may be listed twice. */
  readonly keyid: string;
  readonly keytype: string;
  readonly scheme: string;
  /** As the metadata has it, with the members that nobody here knows. */
  readonly json: JsonObject;
  /** What can be done with it; worked out when it is first asked for. */
  use(): KeyUse;
}

/** `identity` is TAP 18's: a Sigstore certificate for that identity by that issuer. An `unusable` key counts for nothing. */
export type KeyUse =
  | { readonly kind: "verifier"; readonly material: string; readonly verifier: Verifier }
  | { readonly kind: "identity"; readonly material: string; readonly identity: string; readonly issuer: string }
  | { readonly kind: "unusable"; readonly reason: string };

/**
 * Reads a listed key. Only the form is checked: a type or scheme that is not known here, and a key that is damaged or weak,
 * is kept, counts for nothing and says so in `use()`. Throws the reader's error.
 */
export function readKey(keyid: string, reader: ObjectReader, json: Json): Key {
  const keytype = reader.string("keytype");
  const scheme = reader.string("scheme");
  const keyval = reader.object("keyval");
  let known: KeyUse | undefined;
  const use = (): KeyUse => (known ??= openKey(keytype, scheme, keyval));
  return { keyid, keytype, scheme, json: json as JsonObject, use };
}

/** The id that securesystemslib and go-tuf compute from a listed key. No client may ask for it: GitHub's root has others. */
export function computeKeyId(key: JsonObject): string {
  return hex(hash("sha256", formatCanonicalJson(key)));
}

function openKey(keytype: string, scheme: string, keyval: ObjectReader): KeyUse {
  try {
    if (keytype === "sigstore-oidc") return openIdentity(scheme, keyval);
    const row = schemes.get(scheme);
    if (row === undefined || !row.keytypes.includes(keytype)) return unusable("type and scheme are not known");
    const verifier = makeVerifier(readSpki(row, keyval.string("public")), row.algorithm);
    return { kind: "verifier", material: verifier.keyid, verifier };
  } catch (error) {
    if (error instanceof TrustError) return unusable(error.message);
    throw error;
  }
}

function openIdentity(scheme: string, keyval: ObjectReader): KeyUse {
  if (scheme !== "Fulcio") return unusable("type and scheme are not known");
  const identity = keyval.string("identity");
  const issuer = keyval.string("issuer");
  return { kind: "identity", material: JSON.stringify([issuer, identity]), identity, issuer };
}

function unusable(reason: string): KeyUse {
  return { kind: "unusable", reason };
}

interface SchemeRow {
  readonly keytypes: readonly string[];
  readonly algorithm: AlgorithmName;
  /** DER that makes a SubjectPublicKeyInfo of a bare key, and the length of that key, in bytes. */
  readonly bare?: { readonly prefix: Uint8Array; readonly bytes: number };
}

const schemes: ReadonlyMap<string, SchemeRow> = new Map([
  ["ed25519", { keytypes: ["ed25519"], algorithm: "ed25519", bare: bare("302a300506032b6570032100", 32) }],
  ecdsaScheme("256", "ecdsa-p256-sha256", bare("3059301306072a8648ce3d020106082a8648ce3d030107034200", 65)),
  ecdsaScheme("384", "ecdsa-p384-sha384", bare("3076301006072a8648ce3d020106052b81040022036200", 97)),
  ecdsaScheme("521", "ecdsa-p521-sha512", bare("30819b301006072a8648ce3d020106052b8104002303818600", 133)),
  ...rsaSchemes("rsassa-pss", "rsa-pss"),
  ...rsaSchemes("rsa-pkcs1v15", "rsa-pkcs1"),
]);

/** How metadata lists keys of each algorithm: by the first type that a scheme has, for older files have others. */
export const listedSchemes: ReadonlyMap<AlgorithmName, { readonly keytype: string; readonly scheme: string }> = new Map(
  [...schemes].map(([scheme, { algorithm, keytypes }]) => [algorithm, { keytype: keytypes[0] ?? scheme, scheme }]),
);

function bare(prefix: string, bytes: number): NonNullable<SchemeRow["bare"]> {
  return { prefix: parseHex(prefix), bytes };
}

function ecdsaScheme(
  bits: string,
  algorithm: AlgorithmName,
  point: NonNullable<SchemeRow["bare"]>,
): readonly [string, SchemeRow] {
  const scheme = `ecdsa-sha2-nistp${bits}`;
  return [scheme, { keytypes: ["ecdsa", scheme], algorithm, bare: point }];
}

function rsaSchemes(name: string, family: "rsa-pss" | "rsa-pkcs1"): readonly (readonly [string, SchemeRow])[] {
  const hashes = ["sha256", "sha384", "sha512"] as const;
  return hashes.map((each) => [`${name}-${each}`, { keytypes: ["rsa"], algorithm: `${family}-${each}` }]);
}

/** Old roots of Sigstore have EC points in hex, Ed25519 keys come in hex nearly everywhere; all else is PEM. */
function readSpki(row: SchemeRow, text: string): Uint8Array {
  const isBare = row.bare !== undefined && text.length === row.bare.bytes * 2 && /^[0-9a-fA-F]+$/.test(text);
  if (isBare) return concatBytes(row.bare.prefix, parseHex(text.toLowerCase()));
  return parsePublicKey(text);
}
