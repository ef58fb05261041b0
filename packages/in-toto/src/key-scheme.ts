import { concatBytes, parseHex, quote, type AlgorithmName } from "@countersign/core";
import { inTotoError } from "./errors.ts";

const schemes: ReadonlyMap<string, { readonly keytypes: readonly string[]; readonly algorithm: AlgorithmName }> =
  new Map([
    ...rsaSchemes("rsassa-pss", "rsa-pss"),
    ...rsaSchemes("rsa-pkcs1v15", "rsa-pkcs1"),
    ["ed25519", { keytypes: ["ed25519"], algorithm: "ed25519" }],
    ecdsaScheme("256", "ecdsa-p256-sha256"),
    ecdsaScheme("384", "ecdsa-p384-sha384"),
    ecdsaScheme("521", "ecdsa-p521-sha512"),
  ]);

type SchemeRow = readonly [string, { readonly keytypes: readonly string[]; readonly algorithm: AlgorithmName }];

function rsaSchemes(name: string, family: "rsa-pss" | "rsa-pkcs1"): SchemeRow[] {
  const hashes = ["sha256", "sha384", "sha512"] as const;
  return hashes.map((each) => [`${name}-${each}`, { keytypes: ["rsa"], algorithm: `${family}-${each}` }]);
}

function ecdsaScheme(bits: string, algorithm: AlgorithmName): SchemeRow {
  const scheme = `ecdsa-sha2-nistp${bits}`;
  return [scheme, { keytypes: ["ecdsa", scheme], algorithm }];
}

/** The algorithm of a key type with a scheme. Throws INTOTO_KEY_UNSUPPORTED. */
export function algorithmOfScheme(keytype: string, scheme: string): AlgorithmName {
  const row = schemes.get(scheme);
  if (row?.keytypes.includes(keytype) === true) return row.algorithm;
  const got = `${quote(keytype)} with ${quote(scheme)}`;
  throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: "type and scheme", got });
}

/** The scheme and key type that in-toto writes for an algorithm. Throws INTOTO_KEY_UNSUPPORTED. */
export function schemeOfAlgorithm(algorithm: AlgorithmName): { readonly keytype: string; readonly scheme: string } {
  for (const [scheme, row] of schemes) {
    if (row.algorithm === algorithm) return { keytype: row.keytypes[0] as string, scheme };
  }
  throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: "algorithm", got: algorithm });
}

const ed25519Prefix = parseHex("302a300506032b6570032100");

/** The SubjectPublicKeyInfo of a raw Ed25519 key in hex. Throws INTOTO_KEY_MALFORMED. */
export function ed25519Spki(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw inTotoError("INTOTO_KEY_MALFORMED", { checked: "Ed25519 key", expected: "64 hex digits" });
  }
  return concatBytes(ed25519Prefix, parseHex(text.toLowerCase()));
}
