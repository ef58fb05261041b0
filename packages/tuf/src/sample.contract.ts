import { existsSync, readFileSync } from "node:fs";
import {
  formatCanonicalJson,
  generateSigner,
  hex,
  TrustError,
  type AlgorithmName,
  type JsonObject,
  type Signer,
} from "@countersign/core";
import { formatSignerKey } from "./author-key.ts";

/** Public roots beside the repository; absent on most machines. */
export const rootChainData: URL = new URL("../../../../shared/data/tuf/sigstore-root-chain/", import.meta.url);
/** Whether they are there. */
export const hasRootChain: boolean = existsSync(rootChainData);

/** Root metadata of that version of the public Sigstore repository. */
export function sigstoreRoot(version: number): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`root_history/${version}.root.json`, rootChainData)));
}

/** `taken`, or the code of the refusal. Anything but a TrustError is thrown on. */
export function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return "taken";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

/** As `codeOf`, for what answers later. */
export async function codeOfAsync(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt();
    return "taken";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

/** UTF-8 of a text, as plain bytes. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A key pair, and how metadata lists it. */
export interface SampleKey {
  readonly keyid: string;
  readonly signer: Signer;
  readonly json: JsonObject;
}

/** A new key; Ed25519 unless told otherwise. */
export function makeKey(algorithm: AlgorithmName = "ed25519"): SampleKey {
  const signer = generateSigner(algorithm);
  const { keyid, key } = formatSignerKey(signer);
  return { keyid, signer, json: key };
}

/** One signature over `signed`, as metadata lists it. */
export async function signatureOf(signed: JsonObject, key: SampleKey): Promise<{ keyid: string; sig: string }> {
  const sig = await key.signer.sign({ message: formatCanonicalJson(signed) });
  return { keyid: key.keyid, sig: hex(sig) };
}

/** A metadata file, signed by these keys. */
export async function signed(content: JsonObject, ...keys: readonly SampleKey[]): Promise<Uint8Array> {
  const signatures = await Promise.all(keys.map((key) => signatureOf(content, key)));
  return bytesOf(JSON.stringify({ signed: content, signatures }, undefined, 1));
}

/** Members that all metadata has. */
export function headOf(type: string, version: number = 1): JsonObject {
  return { _type: type, spec_version: "1.0.34", version, expires: "2030-01-01T00:00:00Z" };
}

/** Root content in which each role has the same keys and threshold 1. */
export function rootContent(...keys: readonly SampleKey[]): JsonObject {
  const role = { keyids: keys.map(({ keyid }) => keyid), threshold: 1 };
  return {
    ...headOf("root"),
    consistent_snapshot: true,
    keys: Object.fromEntries(keys.map(({ keyid, json }) => [keyid, json])),
    roles: { root: role, timestamp: role, snapshot: role, targets: role },
  };
}
