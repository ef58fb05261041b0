import {
  checkDigestUsable,
  digestBytes,
  digestOf,
  makeVerifier,
  parseSpki,
  type Algorithm,
  type AlgorithmName,
  type Curve,
  type Digest,
  type HashName,
  type Signer,
  type SignerInput,
  type Verifier,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import type { ChooseAlgorithm } from "./key-file.node.ts";

/** A private key that stays where it is, with a token or a service. Nothing that it answers is believed unchecked. */
export interface RemoteKey {
  /** DER SubjectPublicKeyInfo, as it was answered. */
  readonly spki: Uint8Array;
  /** What it signs with, its usual algorithm first; an empty list if nothing that is known here. */
  readonly algorithms: readonly AlgorithmName[];
  /** Signs the raw digest of the algorithm's hash, or the message where it has none; ECDSA in DER. */
  readonly sign: (input: Uint8Array, algorithm: Algorithm) => Promise<Uint8Array>;
}

/**
 * A signer over such a key. Every signature is verified with the public half before it is given out.
 * Throws SIGSTORE_KEY_ALGORITHM and the errors of `makeVerifier`; its `sign` rejects with SIGSTORE_KEY_SIGNATURE,
 * CORE_DIGEST_UNUSABLE, and what the holder of the key throws.
 */
export function remoteSigner(key: RemoteKey, choose?: ChooseAlgorithm): Signer {
  const verifier = remoteVerifier(key, choose);
  const { keyid, algorithm, spki } = verifier;
  return { keyid, algorithm, spki, sign: (input) => signChecked(key, verifier, input) };
}

/** The public half of such a key, for the algorithm chosen. Throws SIGSTORE_KEY_ALGORITHM and the errors of `makeVerifier`. */
export function remoteVerifier({ spki, algorithms }: RemoteKey, choose?: ChooseAlgorithm): Verifier {
  const [usual] = algorithms;
  const name = usual === undefined ? undefined : (choose?.(spki, usual) ?? usual);
  if (name !== undefined && algorithms.includes(name)) return makeVerifier(spki, name);
  const expected = algorithms.length === 0 ? "an algorithm that is known here" : algorithms.join(", ");
  throw sigstoreError("SIGSTORE_KEY_ALGORITHM", { expected, got: name ?? "none" });
}

async function signChecked(key: RemoteKey, verifier: Verifier, input: SignerInput): Promise<Uint8Array> {
  const { algorithm } = verifier;
  const isGood =
    algorithm.hash === undefined
      ? await signMessage(key, verifier, input)
      : await signDigest(key, verifier, digestFor(input, algorithm, algorithm.hash));
  if (isGood !== undefined) return isGood;
  throw sigstoreError("SIGSTORE_KEY_SIGNATURE", { checked: algorithm.name });
}

function digestFor(input: SignerInput, algorithm: Algorithm, name: HashName): Digest {
  if ("message" in input) return digestOf(name, input.message);
  checkDigestUsable(algorithm, input.digest);
  return input.digest;
}

async function signDigest(key: RemoteKey, verifier: Verifier, digest: Digest): Promise<Uint8Array | undefined> {
  const signature = await key.sign(digestBytes(digest), verifier.algorithm);
  return verifier.verifyDigest?.(digest, signature) === true ? signature : undefined;
}

async function signMessage(key: RemoteKey, verifier: Verifier, input: SignerInput): Promise<Uint8Array | undefined> {
  if ("digest" in input) checkDigestUsable(verifier.algorithm, input.digest);
  const message = "message" in input ? input.message : new Uint8Array(0);
  const signature = await key.sign(message, verifier.algorithm);
  return verifier.verify(message, signature) ? signature : undefined;
}

const curveHashes: Readonly<Record<Curve, HashName>> = { p256: "sha256", p384: "sha384", p521: "sha512" };

/** What a holder that leaves the choice to us signs with, the usual first: ECDSA by the curve's hash, RSA by any padding and hash. */
export function algorithmsOf(spki: Uint8Array): readonly AlgorithmName[] {
  const key = parseSpki(spki);
  if (key.kind === "ec") return [`ecdsa-${key.curve}-${curveHashes[key.curve]}`];
  if (key.kind === "ed25519") return ["ed25519"];
  if (key.kind === "ml-dsa") return [];
  const hashes = ["sha256", "sha384", "sha512"] as const;
  return [...hashes.map((hash) => `rsa-pkcs1-${hash}` as const), ...hashes.map((hash) => `rsa-pss-${hash}` as const)];
}
