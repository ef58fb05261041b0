import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { formatPem } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { P224Backend, P224Secret } from "./p224.ts";

/** P-224 by OpenSSL. */
export const backend: P224Backend = {
  openKey(spki) {
    const key = openPoint(spki);
    return (message, signature) => verify("sha256", message, { key, dsaEncoding: "der" }, signature);
  },
  openSecretKey,
  weakHash: (name, bytes) => new Uint8Array(createHash(name).update(bytes).digest()),
  openAnyCurve(pem, hash) {
    const key = attempt(() => createPublicKey(pem));
    if (key?.asymmetricKeyType !== "ec")
      throw inTotoError("INTOTO_KEY_MALFORMED", { checked: "EC key", expected: "a point on a curve" });
    const spki = new Uint8Array(key.export({ format: "der", type: "spki" }));
    return { spki, verify: (message, signature) => verify(hash, message, { key, dsaEncoding: "der" }, signature) };
  },
};

function openPoint(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey(formatPem("PUBLIC KEY", spki));
  } catch (error) {
    throw inTotoError("INTOTO_KEY_MALFORMED", { checked: "P-224 key", expected: "a point on the curve" }, error);
  }
}

function openSecretKey(pem: string): P224Secret | undefined {
  const key = attempt(() => createPrivateKey(pem));
  if (key?.asymmetricKeyDetails?.namedCurve !== "secp224r1") return undefined;
  const spki = new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }));
  return { spki, sign: (message) => new Uint8Array(sign("sha256", message, { key, dsaEncoding: "der" })) };
}

function attempt<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch {
    return undefined;
  }
}
