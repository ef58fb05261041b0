import {
  formatCanonicalJson,
  generateSigner,
  hex,
  type AlgorithmName,
  type JsonObject,
  type Signer,
} from "@countersign/core";
import { formatSignerKey } from "@countersign/tuf";
import type { LooseObject } from "./json.ts";

/** A key pair, and how TUF metadata lists its public half. */
export interface TufKey {
  readonly keyid: string;
  readonly signer: Signer;
  readonly json: JsonObject;
}

/** A new key. */
export function makeTufKey(algorithm: AlgorithmName = "ed25519"): TufKey {
  const signer = generateSigner(algorithm);
  const { keyid, key } = formatSignerKey(signer);
  return { keyid, signer, json: key };
}

/** A metadata file over `signed` with a signature of each key, as repositories write it. */
export async function signTuf(signed: LooseObject, keys: readonly TufKey[]): Promise<Uint8Array> {
  const message = formatCanonicalJson(signed as JsonObject);
  const signatures = await Promise.all(
    keys.map(async ({ keyid, signer }) => ({ keyid, sig: hex(await signer.sign({ message })) })),
  );
  return new TextEncoder().encode(JSON.stringify({ signatures, signed }));
}
