import { generateKeyPairSync, sign, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeVerifier, parsePublicKey } from "@countersign/core";
import {
  checkCheckpoint,
  checkConsistency,
  checkEntryBundle,
  checkInclusion,
  formatTilePath,
  leafHash,
  openTree,
  proveConsistency,
  proveInclusion,
  tileWidth,
  type SignedCheckpoint,
  type Tree,
} from "@countersign/tlog";
import type { ServiceLab } from "./lab.ts";

/**
 * Proves that the log's files are what its checkpoint says: the log's signature, the right edge, every entry against its tile,
 * the first and the last by inclusion, and that the tree of `before` is in it. Gives the checkpoint.
 */
export async function checkTiles(lab: ServiceLab, before?: SignedCheckpoint): Promise<SignedCheckpoint> {
  const spki = parsePublicKey(readFileSync(lab.path("rekor.pub"), "utf8"));
  const log = { name: lab.origin, verifier: makeVerifier(spki), dialect: "c2sp" } as const;
  const checkpoint = checkCheckpoint(readFileSync(join(lab.tiles, "checkpoint")), log);
  const tree = await openTree(checkpoint, readTile(lab));
  const leaves = await readLeaves(lab, tree);
  for (const index of new Set([0n, tree.size / 2n, tree.size - 1n])) {
    const proof = await proveInclusion(tree, index, readTile(lab));
    checkInclusion(proof, leaves[Number(index)] as Uint8Array, checkpoint.root);
  }
  if (before !== undefined) {
    const proof = await proveConsistency(tree, before.size, readTile(lab));
    checkConsistency(proof, before.root, checkpoint.root);
  }
  return checkpoint;
}

/** Leaf hashes of all entries, each bundle of which is held against the tile below which it stands. */
async function readLeaves(lab: ServiceLab, tree: Tree): Promise<readonly Uint8Array[]> {
  const hashes: Uint8Array[] = [];
  for (let index = 0n; BigInt(hashes.length) < tree.size; index++) {
    const width = tileWidth(tree.size, "entries", index);
    const path = formatTilePath({ level: "entries", index, width });
    const bytes = readFileSync(join(lab.tiles, path));
    for (const entry of await checkEntryBundle(tree, { index, bytes }, readTile(lab))) hashes.push(leafHash(entry));
  }
  return hashes;
}

function readTile(lab: ServiceLab) {
  return (level: number, index: bigint, width: number): Uint8Array =>
    readFileSync(join(lab.tiles, formatTilePath({ level, index, width })));
}

/** Logs so many signatures of a key, many at a time: more than a tile holds. */
export async function fillLog(lab: ServiceLab, count: number): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const rawBytes = publicKey.export({ type: "spki", format: "der" }).toString("base64");
  const post = async (each: number): Promise<void> => {
    const data = Buffer.from(`entry ${each}`);
    const verifier = { publicKey: { rawBytes }, keyDetails: "PKIX_ECDSA_P256_SHA_256" };
    const signature = { content: sign("sha256", data, privateKey).toString("base64"), verifier };
    const digest = createHash("sha256").update(data).digest("base64");
    const body = JSON.stringify({ hashedRekordRequestV002: { digest, signature } });
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${lab.rekorUrl}/api/v2/log/entries`, { method: "POST", headers, body });
    if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  };
  for (let from = 0; from < count; from += 100)
    await Promise.all(Array.from({ length: Math.min(100, count - from) }, (_, each) => post(from + each)));
}
