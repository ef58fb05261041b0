import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { coreError } from "./errors.ts";
import { equalBytes } from "./bytes.ts";
import { isMlDsa } from "./ml-dsa.ts";
import { ed25519Domain, ed25519phDomain, isCurvePoint, isEcdsaOverDigest, isEd25519 } from "./prehash.ts";
import { isPssBlock, makePkcs1Block, openRsaBlock } from "./rsa.ts";
import type { Backend, OpenKey, SignatureCheck } from "./crypto.ts";
import type { Algorithm } from "./algorithm.ts";
import type { HashName } from "./hash.ts";
import type { RsaKey } from "./rsa.ts";

const hashes = { sha256, sha384, sha512 } as const;

/** Pure JavaScript, synchronous: for browsers and for platforms without node:crypto. It verifies and does not sign. */
export const backend: Backend = {
  name: "web",
  hash,
  makeHasher(name) {
    const state = hashes[name].create();
    return { update: (bytes) => void state.update(bytes), finish: () => state.digest() };
  },
  openKey,
  makeSecretKey: refuseToSign,
  openSecretKey: refuseToSign,
};

function hash(name: HashName, bytes: Uint8Array): Uint8Array {
  return hashes[name](bytes);
}

function refuseToSign(): never {
  throw coreError("CORE_SIGNER_UNAVAILABLE", "the web backend only verifies");
}

function openKey({ key, algorithm }: OpenKey): SignatureCheck {
  if (key.kind === "ec") {
    if (!isCurvePoint(key.curve, key.point)) throw coreError("CORE_KEY_MALFORMED", "point is not on its curve");
    return overDigest(algorithm, (digest, signature) => isEcdsaOverDigest(key.curve, key.point, digest, signature));
  }
  if (key.kind === "rsa") return overDigest(algorithm, (digest, signature) => isRsa(key, algorithm, digest, signature));
  if (key.kind === "ml-dsa")
    return overMessage((message, signature) => isMlDsa(key.level, key.bytes, message, signature));
  if (algorithm.digestable) {
    return overDigest(algorithm, (digest, signature) => isEd25519(ed25519phDomain, key.point, digest, signature));
  }
  return overMessage((message, signature) => isEd25519(ed25519Domain, key.point, message, signature));
}

type Check = (input: Uint8Array, signature: Uint8Array) => boolean;

function overDigest(algorithm: Algorithm, isOverDigest: Check): SignatureCheck {
  const name = algorithm.hash as HashName;
  return { isOverDigest, isOverMessage: (message, signature) => isOverDigest(hash(name, message), signature) };
}

function overMessage(isOverMessage: Check): SignatureCheck {
  return { isOverMessage, isOverDigest: () => false };
}

function isRsa(key: RsaKey, algorithm: Algorithm, digest: Uint8Array, signature: Uint8Array): boolean {
  const name = algorithm.hash as HashName;
  const block = openRsaBlock(key, signature);
  if (algorithm.family === "rsa-pss") return isPssBlock({ name, hash, bits: key.bits }, digest, block);
  return equalBytes(block, makePkcs1Block(name, digest, block.length));
}
