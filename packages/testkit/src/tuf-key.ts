import {
  formatCanonicalJson,
  formatPem,
  generateSigner,
  hex,
  type AlgorithmName,
  type JsonObject,
  type Signer,
} from "@countersign/core";
import { computeKeyId } from "@countersign/tuf";
import type { LooseObject } from "./json.ts";

/** A key pair, and how TUF metadata lists its public half. */
export interface TufKey {
  readonly keyid: string;
  readonly signer: Signer;
  readonly json: JsonObject;
}

const schemes: Readonly<Partial<Record<AlgorithmName, readonly [keytype: string, scheme: string]>>> = {
  ed25519: ["ed25519", "ed25519"],
  "ecdsa-p256-sha256": ["ecdsa", "ecdsa-sha2-nistp256"],
  "ecdsa-p384-sha384": ["ecdsa", "ecdsa-sha2-nistp384"],
  "ecdsa-p521-sha512": ["ecdsa", "ecdsa-sha2-nistp521"],
  "rsa-pss-sha256": ["rsa", "rsassa-pss-sha256"],
  "rsa-pkcs1-sha256": ["rsa", "rsa-pkcs1v15-sha256"],
};

/** A new key. */
export function makeTufKey(algorithm: AlgorithmName = "ed25519"): TufKey {
  const signer = generateSigner(algorithm);
  const [keytype, scheme] = schemes[algorithm] ?? [algorithm, algorithm];
  const text = keytype === "ed25519" ? hex(signer.spki.subarray(-32)) : formatPem("PUBLIC KEY", signer.spki);
  const json = { keytype, scheme, keyval: { public: text } };
  return { keyid: computeKeyId(json), signer, json };
}

/** A metadata file over `signed` with a signature of each key, as repositories write it. */
export async function signTuf(signed: LooseObject, keys: readonly TufKey[]): Promise<Uint8Array> {
  const message = formatCanonicalJson(signed as JsonObject);
  const signatures = await Promise.all(
    keys.map(async ({ keyid, signer }) => ({ keyid, sig: hex(await signer.sign({ message })) })),
  );
  return new TextEncoder().encode(JSON.stringify({ signatures, signed }));
}
