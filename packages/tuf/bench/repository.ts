import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  digestOf,
  formatCanonicalJson,
  generateSigner,
  hex,
  utf8,
  type Json,
  type JsonObject,
  type Signer,
} from "@countersign/core";
import { computeKeyId } from "@countersign/tuf";
import { targetName } from "./target-name.ts";

/** What a repository for measuring is like. */
export interface Plan {
  /** Targets of the top-level role, or in all bins together. */
  readonly targets: number;
  /** Bins with computed names (TAP 15) of so many bits; 0 for none. */
  readonly bits: number;
}

interface Written {
  readonly bytes: Uint8Array;
  readonly version: 1;
}

const expires = "2040-01-01T00:00:00Z";

/** Writes the metadata of a repository with one Ed25519 key, consistent snapshots, lengths and hashes; the root is `1.root.json`. */
export async function writeRepository(folder: string, plan: Plan): Promise<void> {
  mkdirSync(join(folder, "metadata"), { recursive: true });
  const signer = generateSigner("ed25519");
  const key = { keytype: "ed25519", scheme: "ed25519", keyval: { public: hex(signer.spki.subarray(-32)) } };
  const keyid = computeKeyId(key);
  const role = { keyids: [keyid], threshold: 1 };
  const keys = { [keyid]: key };
  const write = async (name: string, content: JsonObject): Promise<Written> => {
    const bytes = await sign(content, signer, keyid);
    writeFileSync(join(folder, "metadata", name), bytes);
    return { bytes, version: 1 };
  };
  const roles = { root: role, timestamp: role, snapshot: role, targets: role };
  await write("1.root.json", { ...head("root"), consistent_snapshot: true, keys, roles });
  const meta: Record<string, Json> = {};
  const delegations = { keys, succinct_roles: { ...role, bit_length: plan.bits, name_prefix: "bin" } };
  const top = plan.bits === 0 ? { targets: listing(plan.targets) } : { targets: {}, delegations };
  meta["targets.json"] = metaOf(await write("1.targets.json", { ...head("targets"), ...top }));
  for (const [name, targets] of plan.bits === 0 ? [] : bins(plan)) {
    meta[`${name}.json`] = metaOf(await write(`1.${name}.json`, { ...head("targets"), targets }));
  }
  const snapshot = await write("1.snapshot.json", { ...head("snapshot"), meta });
  await write("timestamp.json", { ...head("timestamp"), meta: { "snapshot.json": metaOf(snapshot) } });
}

function head(type: string): JsonObject {
  return { _type: type, expires, spec_version: "1.0.34", version: 1 };
}

function metaOf({ bytes, version }: Written): JsonObject {
  return { hashes: { sha256: sha256(bytes) }, length: bytes.length, version };
}

function sha256(bytes: Uint8Array): string {
  return digestOf("sha256", bytes).slice("sha256:".length);
}

function rowOf(name: string, at: number): JsonObject {
  return { hashes: { sha256: sha256(utf8(name)) }, length: 1000 + at };
}

function listing(count: number): JsonObject {
  const names = Array.from({ length: count }, (_, at) => targetName(at));
  return Object.fromEntries(names.map((name, at) => [name, rowOf(name, at)]));
}

function bins({ targets, bits }: Plan): ReadonlyMap<string, JsonObject> {
  const digits = Math.ceil(bits / 4);
  const nameOf = (bin: number): string => `bin-${bin.toString(16).padStart(digits, "0")}`;
  const found = new Map(Array.from({ length: 2 ** bits }, (_, bin) => [nameOf(bin), {} as Record<string, Json>]));
  for (let at = 0; at < targets; at++) {
    const name = targetName(at);
    const bin = Number.parseInt(sha256(utf8(name)).slice(0, 8), 16) >>> (32 - bits);
    (found.get(nameOf(bin)) as Record<string, Json>)[name] = rowOf(name, at);
  }
  return found;
}

async function sign(signed: JsonObject, signer: Signer, keyid: string): Promise<Uint8Array> {
  const sig = hex(await signer.sign({ message: formatCanonicalJson(signed) }));
  return utf8(JSON.stringify({ signatures: [{ keyid, sig }], signed }));
}
