import * as crypto from "node:crypto";
import { createRequire } from "node:module";
import { equalBytes } from "./bytes.ts";
import { coreError } from "./errors.ts";
import { formatPem } from "./pem.ts";
import { isPssBlock, makePkcs1Block, makePssBlock } from "./rsa.ts";
import type { KeyObject, SigningOptions } from "node:crypto";
import type { Algorithm } from "./algorithm.ts";
import type { Backend, OpenKey, SecretKey, SecretKeyForm, SignatureCheck } from "./crypto.ts";
import type { HashName } from "./hash.ts";
import type { RsaKey } from "./rsa.ts";
import type { PublicKey } from "./spki.ts";

type Prehash = typeof import("./prehash.ts");
type MlDsa = typeof import("./ml-dsa.ts");

/** OpenSSL through node:crypto, one KeyObject a key; noble, loaded when first needed, for what OpenSSL's face in Node lacks. */
export const backend: Backend = {
  name: "node",
  hash,
  makeHasher(name) {
    const state = crypto.createHash(name);
    return { update: (bytes) => void state.update(bytes), finish: () => plain(state.digest()) };
  },
  openKey,
  makeSecretKey,
  openSecretKey,
};

function hash(name: HashName, bytes: Uint8Array): Uint8Array {
  return bytesOf(crypto.hash(name, bytes, "binary"));
}

/** The bytes of a text that has one in each character. Node hands a digest out as text in half the time of a Buffer. */
function bytesOf(latin1: string): Uint8Array {
  const bytes = new Uint8Array(latin1.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = latin1.charCodeAt(at);
  return bytes;
}

/** A Uint8Array that is no Buffer: Buffer's `slice` shares memory, which nobody expects. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

// Not at the top: making `require`, and `import.meta` itself, would cost each start 3 ms.
const load = (name: string): unknown => createRequire(import.meta.url)(name);
const loadPrehash = (): Prehash => load("#prehash") as Prehash;
const loadMlDsa = (): MlDsa => load("#ml-dsa") as MlDsa;

function openKey({ key, spki, algorithm }: OpenKey): SignatureCheck {
  const handle = openHandle(key, spki);
  if (handle === undefined) return openMlDsa(key);
  // Node looks into an options object by way of errors that it throws and catches; the bare key costs 10 us less.
  const options = algorithm.family === "rsa-pss" ? { key: handle, ...optionsOf(algorithm) } : handle;
  const isOverDigest = digestCheck(key, handle, algorithm);
  if (algorithm.family === "ed25519ph")
    return { isOverDigest, isOverMessage: (message, signature) => isOverDigest(hash("sha512", message), signature) };
  const name = algorithm.hash ?? null;
  return { isOverDigest, isOverMessage: (message, signature) => crypto.verify(name, message, options, signature) };
}

/** The KeyObject; undefined if this Node has no ML-DSA. */
function openHandle(key: PublicKey, spki: Uint8Array): KeyObject | undefined {
  try {
    // PEM, since Node finds out what anything but a string is by way of errors that it throws and catches (20 us).
    return crypto.createPublicKey(formatPem("PUBLIC KEY", spki));
  } catch (error) {
    if (key.kind === "ml-dsa") return undefined;
    throw coreError("CORE_KEY_MALFORMED", key.kind === "ec" ? "point is not on its curve" : "", error);
  }
}

function openMlDsa(key: PublicKey): SignatureCheck {
  if (key.kind !== "ml-dsa") throw coreError("CORE_KEY_UNSUPPORTED");
  return {
    isOverMessage: (message, signature) => loadMlDsa().isMlDsa(key.level, key.bytes, message, signature),
    isOverDigest: () => false,
  };
}

function optionsOf(algorithm: Algorithm): SigningOptions {
  if (algorithm.family === "ecdsa") return { dsaEncoding: "der" };
  if (algorithm.family === "rsa-pkcs1") return { padding: crypto.constants.RSA_PKCS1_PADDING };
  if (algorithm.family !== "rsa-pss") return {};
  return { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST };
}

type Check = (digest: Uint8Array, signature: Uint8Array) => boolean;

function digestCheck(key: PublicKey, handle: KeyObject, algorithm: Algorithm): Check {
  if (key.kind === "ec")
    return (digest, signature) => loadPrehash().isEcdsaOverDigest(key.curve, key.point, digest, signature);
  if (key.kind === "rsa")
    return (digest, signature) => isRsaBlock(key, algorithm, digest, openBlock(handle, signature));
  if (key.kind === "ml-dsa" || algorithm.family !== "ed25519ph") return () => false;
  return (digest, signature) => {
    const prehash = loadPrehash();
    return prehash.isEd25519(prehash.ed25519phDomain, key.point, digest, signature);
  };
}

function openBlock(handle: KeyObject, signature: Uint8Array): Uint8Array {
  return plain(crypto.publicDecrypt({ key: handle, padding: crypto.constants.RSA_NO_PADDING }, signature));
}

function isRsaBlock(key: RsaKey, algorithm: Algorithm, digest: Uint8Array, block: Uint8Array): boolean {
  const name = algorithm.hash as HashName;
  if (algorithm.family === "rsa-pss") return isPssBlock({ name, hash, bits: key.bits }, digest, block);
  return equalBytes(block, makePkcs1Block(name, digest, block.length));
}

function makeSecretKey(algorithm: Algorithm, rsaBits: number): SecretKey {
  if (algorithm.family === "ecdsa")
    return secretKey(
      crypto.generateKeyPairSync("ec", { namedCurve: curveNames[algorithm.curve ?? "p256"] }).privateKey,
    );
  if (algorithm.family === "ed25519" || algorithm.family === "ed25519ph")
    return secretKey(crypto.generateKeyPairSync("ed25519").privateKey);
  if (algorithm.family !== "ml-dsa")
    return secretKey(crypto.generateKeyPairSync("rsa", { modulusLength: rsaBits }).privateKey);
  try {
    return secretKey(crypto.generateKeyPairSync(`ml-dsa-${algorithm.level ?? 44}`).privateKey);
  } catch {
    throw coreError("CORE_SIGNER_UNAVAILABLE", algorithm.name);
  }
}

const curveNames = { p256: "P-256", p384: "P-384", p521: "P-521" } as const;

function openSecretKey(form: SecretKeyForm, der: Uint8Array): SecretKey {
  let handle: KeyObject;
  try {
    handle = crypto.createPrivateKey({ key: view(der), format: "der", type: form });
  } catch {
    // The cause is dropped, so that nothing of the key can be in it.
    throw coreError("CORE_PRIVATE_KEY_MALFORMED");
  }
  return secretKey(handle);
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function secretKey(handle: KeyObject): SecretKey {
  return {
    spki: plain(crypto.createPublicKey(handle).export({ format: "der", type: "spki" })),
    signMessage(algorithm, message) {
      if (algorithm.family === "ed25519ph") return signDigest(handle, algorithm, hash("sha512", message));
      return plain(crypto.sign(algorithm.hash ?? null, message, { key: handle, ...optionsOf(algorithm) }));
    },
    signDigest: (algorithm, digest) => signDigest(handle, algorithm, digest),
  };
}

function signDigest(handle: KeyObject, algorithm: Algorithm, digest: Uint8Array): Uint8Array {
  if (algorithm.curve !== undefined)
    return loadPrehash().signEcdsaDigest(algorithm.curve, secretScalar(handle), digest);
  if (algorithm.family === "ed25519ph") return loadPrehash().signEd25519ph(secretScalar(handle), digest);
  return plain(
    crypto.privateEncrypt(
      { key: handle, padding: crypto.constants.RSA_NO_PADDING },
      rsaBlock(handle, algorithm, digest),
    ),
  );
}

function rsaBlock(handle: KeyObject, algorithm: Algorithm, digest: Uint8Array): Uint8Array {
  const name = algorithm.hash as HashName;
  const bits = handle.asymmetricKeyDetails?.modulusLength ?? 0;
  if (algorithm.family === "rsa-pkcs1") return makePkcs1Block(name, digest, Math.ceil(bits / 8));
  return makePssBlock({ name, hash, bits }, digest, crypto.randomBytes(digest.length));
}

/** The private number of an EC or Ed25519 key, at its full length. */
function secretScalar(handle: KeyObject): Uint8Array {
  return new Uint8Array(Buffer.from(handle.export({ format: "jwk" }).d ?? "", "base64url"));
}
