/**
 * Makes the vectors of rows L1 to L4 of the attack table, always the same bytes.
 * Run: node --conditions=@countersign/source packages/tlog/vectors/make.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { base64, concatBytes, formatPem, hash, makeVerifier, parseHex, parsePrivateKey, utf8, type Signer } from "@countersign/core";
import {
  appendLeaves,
  cosignerKey,
  cosignerSigner,
  emptyTree,
  entryFiles,
  formatCheckpoint,
  formatVkey,
  leafHash,
  nodeHash,
  noteKey,
  noteSigner,
  parseNote,
  formatNote,
  proveConsistency,
  proveInclusion,
  rootOf,
  signNote,
  type NoteSigner,
} from "@countersign/tlog";

/** What each file holds: which row it belongs to, and the code that the check must end in ("accepted" for controls). */
export interface Vector {
  readonly row: "L1" | "L2" | "L3" | "L4";
  readonly about: string;
  readonly source: string;
  readonly expect: string;
  readonly input: Input;
}

/** What is checked. Bytes are base64, numbers that may exceed 2^53 are decimal text. */
export type Input =
  | { readonly kind: "vkey"; readonly vkey: string }
  | { readonly kind: "quorum"; readonly threshold: number; readonly witnesses: readonly string[]; readonly note: string }
  | { readonly kind: "note"; readonly keys: readonly string[]; readonly note: string }
  | { readonly kind: "inclusion"; readonly index: string; readonly size: string; readonly path: readonly string[]; readonly leaf: string; readonly root: string }
  | { readonly kind: "consistency"; readonly from: string; readonly to: string; readonly path: readonly string[]; readonly rootFrom: string; readonly rootTo: string }
  | {
      readonly kind: "entries";
      readonly size: string;
      readonly root: string;
      readonly tiles: Readonly<Record<string, string>>;
      readonly index: string;
      readonly bundle: string;
    };

/** All vectors by file name. */
export async function makeVectors(): Promise<ReadonlyMap<string, Vector>> {
  return new Map([...(await rowL1()), ...(await rowL2()), ...(await rowL3()), ...rowL4()]);
}

type Named = [string, Vector];

const signedNote = "C2SP signed-note";
const policy = "C2SP tlog-policy (draft)";
const rfc = "RFC 9162 §2.1.3.2 and §2.1.4.2";
const tilesSpec = "C2SP tlog-tiles";

function signerOf(seed: string): Signer {
  return parsePrivateKey(formatPem("PRIVATE KEY", concatBytes(parseHex("302e020100300506032b657004220420"), hash("sha256", utf8(seed)))));
}

const log = { name: "log.example", signer: signerOf("log") };
const logKey = formatVkey(noteKey({ name: log.name, verifier: makeVerifier(log.signer.spki) }));
const text = formatCheckpoint({ origin: log.name, size: 1n, root: leafHash(utf8("one")), extensions: [] });

function witness(name: string, seed: string, time = 1_700_000_000n): { signer: NoteSigner; vkey: string } {
  const signer = signerOf(seed);
  return {
    signer: cosignerSigner({ name, signer, nowSeconds: () => time }),
    vkey: formatVkey(cosignerKey({ name, verifier: makeVerifier(signer.spki) })),
  };
}

async function rowL1(): Promise<Named[]> {
  const [a, b, later] = [witness("a.example", "a"), witness("b.example", "b"), witness("a.example", "a", 1_700_000_009n)];
  const [alias, second] = [witness("alias.example", "a"), witness("a.example", "a2")];
  const both = await signNote(text, [noteSigner(log), a.signer, b.signer]);
  const twice = await signNote(text, [noteSigner(log), a.signer, later.signer]);
  const aliased = await signNote(text, [noteSigner(log), a.signer, alias.signer]);
  const vkey = (about: string, expect: string, text: string): Vector => ({ row: "L1", about, source: `${signedNote}, key ids`, expect, input: { kind: "vkey", vkey: text } });
  const quorum = (about: string, expect: string, witnesses: readonly string[], note: string): Vector => {
    return { row: "L1", about, source: `${policy}, duplicate keys`, expect, input: { kind: "quorum", threshold: 2, witnesses, note } };
  };
  const [name, id, key] = splitVkey(logKey);
  return [
    ["L1-control-vkey", vkey("a verifier key as it should be", "accepted", logKey)],
    ["L1-vkey-id-of-another-key", vkey("the key id is one bit off", "TLOG_KEY_ID_MISMATCH", [name, flipHex(id), key].join("+"))],
    ["L1-vkey-name-changed", vkey("name changed, id and key kept", "TLOG_KEY_ID_MISMATCH", ["log2.example", id, key].join("+"))],
    ["L1-vkey-type-changed", vkey("a log's key passed off as a cosigner's", "TLOG_KEY_ID_MISMATCH", [name, id, retype(key)].join("+"))],
    ["L1-control-quorum", quorum("two witnesses signed", "accepted", [a.vkey, b.vkey], both)],
    ["L1-quorum-one-signs-twice", quorum("one witness signed twice, at two times", "TLOG_QUORUM_UNMET", [a.vkey, b.vkey], twice)],
    ["L1-quorum-listed-twice", quorum("one witness is listed twice", "TLOG_QUORUM_INVALID", [a.vkey, a.vkey], twice)],
    ["L1-quorum-two-names", quorum("one key under two names", "TLOG_QUORUM_INVALID", [a.vkey, alias.vkey], aliased)],
    ["L1-quorum-two-keys", quorum("two keys of one witness", "TLOG_QUORUM_INVALID", [a.vkey, second.vkey], both)],
  ];
}

async function rowL2(): Promise<Named[]> {
  const [a, b] = [witness("a.example", "a"), witness("b.example", "b")];
  const note = parseNote(await signNote(text, [noteSigner(log), a.signer, b.signer]));
  const bad = note.signatures.map((line) => ({ ...line, signature: line.signature.with(40, (line.signature[40] as number) ^ 1) }));
  const lines = (...order: readonly string[]): string => {
    const pick = { log: note.signatures[0], a: note.signatures[1], "bad log": bad[0], "bad a": bad[1], "bad b": bad[2] } as Record<string, (typeof bad)[0]>;
    return formatNote({ text: note.text, signatures: order.map((one) => pick[one] as (typeof bad)[0]) });
  };
  const vector = (about: string, expect: string, keys: readonly string[], signed: string): Vector => {
    return { row: "L2", about, source: `${signedNote}, signatures`, expect, input: { kind: "note", keys, note: signed } };
  };
  return [
    ["L2-control", vector("both known keys signed", "accepted", [logKey, a.vkey], lines("log", "a"))],
    ["L2-control-unknown", vector("the bad signature is by a key not known", "accepted", [logKey, a.vkey], lines("log", "bad b", "a"))],
    ["L2-bad-after-good", vector("log's signature good, witness's bad", "TLOG_SIGNATURE_BAD", [logKey, a.vkey], lines("log", "bad a"))],
    ["L2-bad-before-good", vector("log's signature bad, witness's good", "TLOG_SIGNATURE_BAD", [logKey, a.vkey], lines("bad log", "a"))],
    ["L2-same-key-good-and-bad", vector("one key with a good and a bad line", "TLOG_SIGNATURE_BAD", [logKey, a.vkey], lines("log", "bad log"))],
    ["L2-all-bad", vector("every known signature bad", "TLOG_SIGNATURE_BAD", [logKey, a.vkey], lines("bad log", "bad a"))],
  ];
}

const leaves = Array.from({ length: 300 }, (_, i) => leafHash(utf8(`entry ${i}`)));
const files = new Map(appendLeaves(emptyTree, leaves).files.map(({ path, bytes }) => [path, bytes]));

async function rowL3(): Promise<Named[]> {
  const { tree } = appendLeaves(emptyTree, leaves.slice(0, 13));
  const none = (): Uint8Array => new Uint8Array(0);
  const path = (await proveInclusion(tree, 5n, none)).path.map(base64);
  const inclusion = (about: string, expect: string, change: Partial<Extract<Input, { kind: "inclusion" }>>): Vector => {
    const leaf = base64(leaves[5] as Uint8Array);
    const input = { kind: "inclusion", index: "5", size: "13", path, leaf, root: base64(tree.root), ...change } as const;
    return { row: "L3", about, source: rfc, expect, input };
  };
  const grown = (await proveConsistency(tree, 6n, none)).path.map(base64);
  const consistency = (about: string, expect: string, change: Partial<Extract<Input, { kind: "consistency" }>>): Vector => {
    const rootFrom = base64(rootOf(leaves.slice(0, 6)));
    const input = { kind: "consistency", from: "6", to: "13", path: grown, rootFrom, rootTo: base64(tree.root), ...change } as const;
    return { row: "L3", about, source: rfc, expect, input };
  };
  return [
    ["L3-control-inclusion", inclusion("entry 5 of 13", "accepted", {})],
    ["L3-inclusion-too-long", inclusion("one hash too many", "TLOG_PROOF_LENGTH", { path: [...path, base64(tree.root)] })],
    ["L3-inclusion-too-short", inclusion("last hash missing", "TLOG_PROOF_LENGTH", { path: path.slice(0, -1) })],
    ["L3-inclusion-empty", inclusion("no hashes, the root as leaf", "TLOG_PROOF_LENGTH", { path: [], leaf: base64(tree.root) })],
    ["L3-inclusion-inner-node", inclusion("an inner node as leaf, path shortened to fit", "TLOG_PROOF_LENGTH", { leaf: base64(nodeHash(leaves[4] as Uint8Array, leaves[5] as Uint8Array)), path: path.slice(1) })],
    ["L3-inclusion-index-is-size", inclusion("index equal to size", "TLOG_PROOF_RANGE", { index: "13" })],
    ["L3-inclusion-index-above-size", inclusion("index above size", "TLOG_PROOF_RANGE", { index: "18446744073709551615" })],
    ["L3-inclusion-index-negative", inclusion("negative index", "TLOG_PROOF_RANGE", { index: "-1" })],
    ["L3-inclusion-size-0", inclusion("size 0", "TLOG_PROOF_RANGE", { index: "0", size: "0", path: [] })],
    ["L3-inclusion-size-2-64", inclusion("size 2^64", "TLOG_PROOF_RANGE", { size: "18446744073709551616" })],
    ...beyondDoubles(),
    ["L3-control-consistency", consistency("6 to 13", "accepted", {})],
    ["L3-consistency-too-long", consistency("one hash too many", "TLOG_PROOF_LENGTH", { path: [...grown, base64(tree.root)] })],
    ["L3-consistency-too-short", consistency("last hash missing", "TLOG_PROOF_LENGTH", { path: grown.slice(0, -1) })],
    ["L3-consistency-shrinks", consistency("old size above new size", "TLOG_PROOF_RANGE", { from: "14" })],
    ["L3-consistency-from-0-with-hashes", consistency("a proof from size 0 must be empty", "TLOG_PROOF_LENGTH", { from: "0" })],
    ["L3-consistency-from-0-other-root", consistency("size 0 with the root of entries", "TLOG_ROOT_MISMATCH", { from: "0", path: [] })],
    ["L3-consistency-same-size-other-root", consistency("same size, other root", "TLOG_ROOT_MISMATCH", { from: "13", path: [] })],
    ["L3-consistency-to-2-64", consistency("new size 2^64", "TLOG_PROOF_RANGE", { to: "18446744073709551616" })],
  ];
}

/** Indices that a double cannot tell apart: the proof of one must not pass for the other. */
function beyondDoubles(): Named[] {
  const [index, size] = [2n ** 53n, 2n ** 60n];
  const path = Array.from({ length: 60 }, (_, i) => leafHash(utf8(`sibling ${i}`)));
  const leaf = leaves[0] as Uint8Array;
  let root = leaf;
  for (const [level, sibling] of path.entries()) root = (index >> BigInt(level)) % 2n === 0n ? nodeHash(root, sibling) : nodeHash(sibling, root);
  const vector = (about: string, expect: string, at: bigint, of: bigint): Vector => {
    const input = { kind: "inclusion", index: `${at}`, size: `${of}`, path: path.map(base64), leaf: base64(leaf), root: base64(root) } as const;
    return { row: "L3", about, source: rfc, expect, input };
  };
  return [
    ["L3-control-above-2-53", vector("index 2^53 of 2^60", "accepted", index, size)],
    ["L3-inclusion-above-2-53", vector("index 2^53 + 1 with the proof of 2^53", "TLOG_ROOT_MISMATCH", index + 1n, size)],
    ["L3-inclusion-size-above-2-53", vector("one more entry makes the proof longer", "TLOG_PROOF_LENGTH", index, size + 1n)],
  ];
}

function rowL4(): Named[] {
  const entries = leaves.map((_, i) => utf8(`entry ${i}`));
  const bundles = new Map(entryFiles(0n, [], entries).map(({ path, bytes }) => [path, bytes]));
  const { tree } = appendLeaves(emptyTree, leaves);
  const [full, edge] = ["tile/0/000", "tile/0/001.p/44"];
  const tile = (path: string): Uint8Array => files.get(path) as Uint8Array;
  const forged = entries.slice(256).with(7, utf8("entry of an attacker"));
  const forgedTile = concatBytes(...forged.map(leafHash));
  const last = bundles.get("tile/entries/001.p/44") as Uint8Array;
  const forgedBundle = entryFiles(256n, [], forged)[0]?.bytes as Uint8Array;
  const vector = (about: string, expect: string, change: { index?: string; bundle?: Uint8Array; tiles?: Record<string, Uint8Array> }): Vector => {
    const given = { [edge]: tile(edge), "tile/1/000.p/1": tile("tile/1/000.p/1"), ...change.tiles };
    const tiles = Object.fromEntries(Object.entries(given).map(([path, bytes]) => [path, base64(bytes)]));
    const input = { kind: "entries", size: "300", root: base64(tree.root), tiles, index: change.index ?? "1", bundle: base64(change.bundle ?? last) } as const;
    return { row: "L4", about, source: tilesSpec, expect, input };
  };
  const first = bundles.get("tile/entries/000") as Uint8Array;
  return [
    ["L4-control-partial", vector("the last, partial bundle of 300 entries", "accepted", {})],
    ["L4-control-full", vector("the first, full bundle of 300 entries", "accepted", { index: "0", bundle: first, tiles: { [full]: tile(full) } })],
    ["L4-tile-shorter", vector("a tile one hash short", "TLOG_TILE_MALFORMED", { tiles: { [edge]: tile(edge).subarray(32) } })],
    ["L4-tile-longer", vector("a tile one hash too long", "TLOG_TILE_MALFORMED", { tiles: { [edge]: concatBytes(tile(edge), tile(edge).subarray(0, 32)) } })],
    ["L4-tile-cut-hash", vector("a tile that ends inside a hash", "TLOG_TILE_MALFORMED", { tiles: { [edge]: tile(edge).subarray(0, -1) } })],
    ["L4-tile-elsewhere-partial", vector("a partial tile with hashes from the first tile", "TLOG_TILE_MISMATCH", { tiles: { [edge]: tile(full).subarray(0, 44 * 32) } })],
    ["L4-tile-elsewhere-full", vector("a full tile in another order", "TLOG_TILE_MISMATCH", { index: "0", bundle: first, tiles: { [full]: concatBytes(tile(full).subarray(32), tile(full).subarray(0, 32)) } })],
    ["L4-entry-replaced", vector("an entry replaced in the bundle", "TLOG_ENTRY_MISMATCH", { bundle: forgedBundle })],
    ["L4-entry-and-tile-replaced", vector("an entry replaced in bundle and tile, so that both agree but not with the checkpoint", "TLOG_TILE_MISMATCH", { bundle: forgedBundle, tiles: { [edge]: forgedTile } })],
    ["L4-bundle-elsewhere", vector("entries from the first bundle", "TLOG_ENTRY_MISMATCH", { bundle: entryFiles(0n, [], entries.slice(0, 44))[0]?.bytes as Uint8Array })],
    ["L4-bundle-shorter", vector("last entry missing", "TLOG_TILE_MALFORMED", { bundle: entryFiles(0n, [], entries.slice(256, 299))[0]?.bytes as Uint8Array })],
    ["L4-bundle-longer", vector("one entry more than the checkpoint covers", "TLOG_TILE_MALFORMED", { bundle: entryFiles(0n, [], [...entries.slice(256), utf8("more")])[0]?.bytes as Uint8Array })],
    ["L4-bundle-beyond", vector("a bundle past the end of the tree", "TLOG_TILE_RANGE", { index: "2" })],
  ];
}

function splitVkey(vkey: string): [string, string, string] {
  const [name = "", id = ""] = vkey.split("+", 2);
  return [name, id, vkey.slice(name.length + id.length + 2)];
}

function flipHex(id: string): string {
  return (id.startsWith("0") ? "1" : "0") + id.slice(1);
}

/** The same 32 bytes under the type byte of cosigners. */
function retype(key: string): string {
  return base64(new Uint8Array(Buffer.from(key, "base64")).with(0, 4));
}

if (import.meta.main) {
  const folder = new URL("attacks/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const [name, vector] of await makeVectors()) writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(vector, null, 2)}\n`);
}
