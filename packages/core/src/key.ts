import { backend as platform } from "#crypto";
import { algorithmOf, defaultAlgorithmOf, describeKey, isAlgorithmOf } from "./algorithm.ts";
import { hex, parseUtf8 } from "./bytes.ts";
import { parseDer } from "./der.ts";
import { digestBytes, digestName } from "./digest.ts";
import { isEcdsaShape } from "./ecdsa.ts";
import { coreError, quote, TrustError } from "./errors.ts";
import { parsePem } from "./pem.ts";
import { isRsaShape } from "./rsa.ts";
import { formatRsaSpki, parseSpki } from "./spki.ts";
import type { Algorithm, AlgorithmName } from "./algorithm.ts";
import type { Backend, SecretKey, SecretKeyForm } from "./crypto.ts";
import type { Digest } from "./digest.ts";
import type { PublicKey } from "./spki.ts";

/** Longest message that Ed25519 and ML-DSA are asked about, in bytes: both need all of it in memory. */
export const maxWholeMessageBytes: number = 64 * 1024 * 1024;

/** A public key with its one algorithm, ready to check signatures. Made once, used often. */
export interface Verifier {
  /** Lower-case hex SHA-256 of the DER SubjectPublicKeyInfo. */
  readonly keyid: string;
  readonly algorithm: Algorithm;
  /** The key as DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /**
   * Whether the signature is this key's over the message. A malformed signature is simply not one.
   * Throws CORE_TOO_LARGE if Ed25519 or ML-DSA would need a message over 64 MiB.
   */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
  /**
   * Whether the signature is this key's over the message with that digest; only on algorithms that can tell from a digest.
   * Throws CORE_DIGEST_UNUSABLE for a digest of another hash function.
   */
  verifyDigest?(digest: Digest, signature: Uint8Array): boolean;
}

/** What is signed: a message, or the digest of one that is known only by it. */
export type SignerInput = { readonly message: Uint8Array } | { readonly digest: Digest };

/** A private key with its one algorithm. Signing is asynchronous because tokens and key services are. */
export interface Signer {
  /** As in `Verifier`. */
  readonly keyid: string;
  readonly algorithm: Algorithm;
  readonly spki: Uint8Array;
  /** The signature; ECDSA in DER. Rejects with CORE_DIGEST_UNUSABLE, and CORE_TOO_LARGE as `verify` does. */
  sign(input: SignerInput): Promise<Uint8Array>;
}

/**
 * Opens a DER SubjectPublicKeyInfo for one algorithm; unless named it is the key's default. Proves that the key is well
 * formed, strong enough and fit for the algorithm. Throws the errors of `parseSpki`, CORE_ALGORITHM_UNKNOWN and
 * CORE_ALGORITHM_MISMATCH.
 */
export function makeVerifier(spki: Uint8Array, algorithm?: AlgorithmName): Verifier {
  return makeVerifierOn(platform, spki, algorithm);
}

/** As `makeVerifier`, on a named backend. For tests and comparison. */
export function makeVerifierOn(backend: Backend, spki: Uint8Array, name?: AlgorithmName): Verifier {
  const own = new Uint8Array(spki);
  const key = parseSpki(own);
  const algorithm = algorithmOf(name ?? defaultAlgorithmOf(key));
  checkFits(algorithm, key);
  const check = backend.openKey({ key, spki: own, algorithm });
  let keyid: string | undefined;
  const verifier = {
    // A certificate's key is never asked for it.
    get keyid() {
      keyid ??= keyidOn(backend, own);
      return keyid;
    },
    algorithm,
    spki: own,
    verify(message: Uint8Array, signature: Uint8Array) {
      checkMessage(algorithm, message);
      return isShape(algorithm, key, signature) && check.isOverMessage(message, signature);
    },
  };
  if (!algorithm.digestable) return verifier;
  return Object.assign(verifier, {
    verifyDigest(digest: Digest, signature: Uint8Array) {
      checkDigestUsable(algorithm, digest);
      return isShape(algorithm, key, signature) && check.isOverDigest(digestBytes(digest), signature);
    },
  });
}

/** Refuses a digest that the algorithm does not sign over, with CORE_DIGEST_UNUSABLE: it must never be taken for the message. */
export function checkDigestUsable(algorithm: Algorithm, digest: Digest): void {
  if (algorithm.digestable && digestName(digest) === algorithm.hash) return;
  const expected = algorithm.digestable ? `a ${algorithm.hash} digest` : "the whole message";
  throw coreError("CORE_DIGEST_UNUSABLE", { checked: algorithm.name, expected, got: `a ${digestName(digest)} digest` });
}

/**
 * Reads one public key from PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`) or from DER SubjectPublicKeyInfo, and gives it as DER
 * SubjectPublicKeyInfo that `parseSpki` accepts. Throws CORE_KEY_MALFORMED, CORE_KEY_UNSUPPORTED, CORE_KEY_WEAK and the errors of
 * `parsePem` and `parseUtf8`.
 */
export function parsePublicKey(pemOrDer: string | Uint8Array): Uint8Array {
  const spki =
    typeof pemOrDer === "string" || pemOrDer[0] !== 0x30 ? readPublicPem(pemOrDer) : new Uint8Array(pemOrDer);
  parseSpki(spki);
  return spki;
}

/** How large a new RSA key may be, in bits. */
export type RsaBits = 2048 | 3072 | 4096;

/** A new private key in memory; `rsaBits` counts for RSA alone. Throws CORE_SIGNER_UNAVAILABLE where the platform cannot sign. */
export function generateSigner(algorithm: AlgorithmName, rsaBits: RsaBits = 3072): Signer {
  return generateSignerOn(platform, algorithm, rsaBits);
}

/** As `generateSigner`, on a named backend. */
export function generateSignerOn(backend: Backend, name: AlgorithmName, rsaBits: RsaBits = 3072): Signer {
  const algorithm = algorithmOf(name);
  return makeSigner(backend, backend.makeSecretKey(algorithm, rsaBits), algorithm);
}

/**
 * Reads an unencrypted PEM private key: PKCS#8, SEC1 (EC) or PKCS#1 (RSA). Without a name it signs by the key's default
 * algorithm. Throws CORE_PRIVATE_KEY_MALFORMED, CORE_PRIVATE_KEY_ENCRYPTED, CORE_SIGNER_UNAVAILABLE, CORE_ALGORITHM_MISMATCH
 * and the errors of `parseSpki` for its public half. No error repeats any of the input.
 */
export function parsePrivateKey(pem: string, algorithm?: AlgorithmName): Signer {
  return parsePrivateKeyOn(platform, pem, algorithm);
}

/** As `parsePrivateKey`, on a named backend. */
export function parsePrivateKeyOn(backend: Backend, pem: string, name?: AlgorithmName): Signer {
  const { form, der } = readPrivatePem(pem);
  const secret = backend.openSecretKey(form, der);
  const key = parseSpki(secret.spki);
  const algorithm = algorithmOf(name ?? defaultAlgorithmOf(key));
  checkFits(algorithm, key);
  return makeSigner(backend, secret, algorithm);
}

function makeSigner(backend: Backend, secret: SecretKey, algorithm: Algorithm): Signer {
  return {
    keyid: keyidOn(backend, secret.spki),
    algorithm,
    spki: secret.spki,
    // oxlint-disable-next-line typescript/require-await -- errors must reject, not throw
    async sign(input) {
      if ("digest" in input) {
        const { digest } = input;
        checkDigestUsable(algorithm, digest);
        return orUnfit(() => secret.signDigest(algorithm, digestBytes(digest)));
      }
      const { message } = input;
      checkMessage(algorithm, message);
      return orUnfit(() => secret.signMessage(algorithm, message));
    },
  };
}

/** Numbers of a key that do not belong together are noticed only when they are used; the cause could tell of them. */
function orUnfit(sign: () => Uint8Array): Uint8Array {
  try {
    return sign();
  } catch (error) {
    if (error instanceof TrustError) throw error;
    throw coreError("CORE_PRIVATE_KEY_MALFORMED");
  }
}

function keyidOn(backend: Backend, spki: Uint8Array): string {
  return hex(backend.hash("sha256", spki));
}

function checkFits(algorithm: Algorithm, key: PublicKey): void {
  if (isAlgorithmOf(algorithm, key)) return;
  throw coreError("CORE_ALGORITHM_MISMATCH", { checked: algorithm.name, got: describeKey(key) });
}

function checkMessage(algorithm: Algorithm, message: Uint8Array): void {
  if (algorithm.digestable || message.length <= maxWholeMessageBytes) return;
  const expected = `at most ${maxWholeMessageBytes} bytes`;
  throw coreError("CORE_TOO_LARGE", { checked: `message for ${algorithm.name}`, expected, got: `${message.length}` });
}

/** FIPS 204 table 2. */
const mlDsaBytes = { 44: 2420, 65: 3309, 87: 4627 } as const;

/** Everything about a signature that can be told without the message; the same on every backend. */
function isShape(algorithm: Algorithm, key: PublicKey, signature: Uint8Array): boolean {
  if (key.kind === "ec") return isEcdsaShape(key.curve, signature);
  if (key.kind === "rsa") return isRsaShape(key, signature);
  return signature.length === (key.kind === "ml-dsa" ? mlDsaBytes[key.level] : 64);
}

function readPublicPem(pem: string | Uint8Array): Uint8Array {
  const blocks = parsePem(typeof pem === "string" ? pem : parseUtf8(pem));
  const [block] = blocks;
  if (block === undefined || blocks.length !== 1)
    throw coreError("CORE_KEY_MALFORMED", { expected: "one PEM block", got: `${blocks.length}` });
  if (block.label === "PUBLIC KEY") return block.bytes;
  if (block.label === "RSA PUBLIC KEY") return formatRsaSpki(block.bytes);
  throw coreError("CORE_KEY_MALFORMED", { expected: "BEGIN PUBLIC KEY", got: `BEGIN ${quote(block.label)}` });
}

/** Each form, and the tag of the member after its version, by which the forms differ. */
const privateForms: ReadonlyMap<string, { readonly form: SecretKeyForm; readonly secondTag: number }> = new Map([
  ["PRIVATE KEY", { form: "pkcs8", secondTag: 0x30 }],
  ["EC PRIVATE KEY", { form: "sec1", secondTag: 0x04 }],
  ["RSA PRIVATE KEY", { form: "pkcs1", secondTag: 0x02 }],
]);

/** openssl ecparam writes a block of parameters before the key; nothing else may stand beside it. */
function readPrivatePem(pem: string): { form: SecretKeyForm; der: Uint8Array } {
  if (/-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem)) throw coreError("CORE_PRIVATE_KEY_ENCRYPTED");
  const blocks = orMalformed(() => parsePem(pem)).filter((block) => block.label !== "EC PARAMETERS");
  const [block] = blocks;
  const kind = privateForms.get(block?.label ?? "");
  if (block === undefined || kind === undefined || blocks.length !== 1) throw coreError("CORE_PRIVATE_KEY_MALFORMED");
  // OpenSSL would take any form under any label, and bytes after its end.
  if (orMalformed(() => parseDer(block.bytes)).children[1]?.raw[0] !== kind.secondTag) {
    throw coreError("CORE_PRIVATE_KEY_MALFORMED");
  }
  return { form: kind.form, der: block.bytes };
}

/** Drops the cause: it may quote a line of the key. */
function orMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch {
    throw coreError("CORE_PRIVATE_KEY_MALFORMED");
  }
}
