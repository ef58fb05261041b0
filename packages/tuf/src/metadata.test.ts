import { formatCanonicalJson, hex, type Json, type JsonObject } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { maxKeys } from "./role.ts";
import { maxSignatures, parseMetadata, parseRoot, parseSnapshot, parseTargets, parseTimestamp } from "./metadata.ts";
import {
  bytesOf,
  codeOf,
  hasRootChain,
  headOf,
  makeKey,
  rootContent,
  signed,
  sigstoreRoot,
} from "./sample.contract.ts";

const key = makeKey();
const sha256 = "aa".repeat(32);
const root = rootContent(key);
const timestamp = { ...headOf("timestamp"), meta: { "snapshot.json": { version: 1 } } };
const snapshot = { ...headOf("snapshot"), meta: { "targets.json": { version: 1, length: 5, hashes: { sha256 } } } };
const file = { length: 3, hashes: { sha256 } };
const targets = { ...headOf("targets"), targets: { "a/b.txt": file } };

function file1(content: Json, signatures: Json = []): Uint8Array {
  return bytesOf(JSON.stringify({ signed: content, signatures }));
}

describe("what is right in form", () => {
  test("is read, whatever its type", () => {
    expect(parseMetadata(file1(root))).toMatchObject({ type: "root", consistentSnapshot: true, version: 1 });
    expect(parseMetadata(file1(timestamp))).toMatchObject({ type: "timestamp", snapshot: { version: 1, digests: [] } });
    const { meta } = parseSnapshot(file1(snapshot));
    expect([...meta]).toEqual([["targets.json", { version: 1, length: 5, digests: [`sha256:${sha256}`] }]]);
    const { targets: table } = parseTargets(file1(targets));
    expect([...table.names()]).toEqual(["a/b.txt"]);
    expect(table.get("a/b.txt")).toMatchObject({ length: 3, digests: [`sha256:${sha256}`] });
  });

  test("has so many members in one object and no more, whatever they are, and is refused before they are built", () => {
    const keys = (count: number): string =>
      Array.from({ length: count }, (_, at) => `"k${at}":{"keytype":"x","keyval":{},"scheme":"x"}`).join(",");
    const delegating = (count: number): Uint8Array =>
      bytesOf(
        JSON.stringify({ signed: { ...targets, delegations: "~" }, signatures: [] }).replace(
          '"~"',
          `{"keys":{${keys(count)}},"roles":[]}`,
        ),
      );
    expect(parseTargets(delegating(maxKeys)).delegations?.keys.size).toBe(maxKeys);
    const started = process.threadCpuUsage();
    expect(codeOf(() => parseTargets(delegating(1_000_000)))).toBe("TUF_METADATA_MALFORMED");
    // Building them takes a quiet machine more than that.
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(8000);
    const custom = Object.fromEntries(Array.from({ length: maxKeys + 1 }, (_, at) => [`k${at}`, at]));
    const odd = { ...targets, targets: { x: { ...file, custom } } };
    expect(codeOf(() => parseTargets(file1(odd)))).toBe("TUF_METADATA_MALFORMED");
  });

  test("is signed in the canonical form of what was received, with members that nobody knows", async () => {
    const odd = { ...timestamp, ﬁ: { z: 1, a: [null, "\n"] }, "😀": true } as unknown as JsonObject;
    const read = parseTimestamp(await signed(odd, key));
    expect(read.signedBytes).toEqual(formatCanonicalJson(odd));
    expect(key.signer.algorithm.name).toBe("ed25519");
  });

  test.each(["1.0", "1.0.34", "1.9999.0"])("T2: specification version %s is read", (spec_version) => {
    expect(parseRoot(file1({ ...root, spec_version })).specVersion).toBe(spec_version);
  });

  test.each([
    ["2021-12-18T13:28:12.99008-06:00", "2021-12-18T19:28:12.990Z"],
    ["2036-02-29T23:59:60Z", "2036-03-01T00:00:00.000Z"],
    ["2030-01-01t00:00:00z", "2030-01-01T00:00:00.000Z"],
    ["2030-01-01T00:00:00+23:59", "2029-12-31T00:01:00.000Z"],
  ])("T2: expiry %s is read", (expires, instant) => {
    expect(new Date(parseRoot(file1({ ...root, expires })).expiresMs).toISOString()).toBe(instant);
  });

  test("T2: an empty signature, or one that is not hex, is none", () => {
    const read = parseRoot(
      file1(root, [
        { keyid: "a", sig: "" },
        { keyid: "b", sig: "zz" },
        { keyid: "c", sig: "AbCd" },
      ]),
    );
    expect([...read.signatures].map(([id, { sig }]) => [id, hex(sig)])).toEqual([
      ["a", ""],
      ["b", ""],
      ["c", "abcd"],
    ]);
  });

  test("a consistent_snapshot that is absent is false", () => {
    const { consistent_snapshot: _, ...rest } = root;
    expect(parseRoot(file1(rest)).consistentSnapshot).toBe(false);
  });

  test.runIf(hasRootChain)("every root of the public Sigstore repository is read", () => {
    for (let version = 1; version <= 15; version++) expect(parseRoot(sigstoreRoot(version)).version).toBe(version);
  });
});

describe("targets", () => {
  const names = ["toString", "__proto__", "constructor", "10", "2", "😀", "ﬁ", 'a"b', "a\\b", "\n", ""];
  const entries = names.map((name, k): [string, Json] => [name, { length: k, hashes: { sha512: "bb".repeat(64) } }]);
  const table = (): ReturnType<typeof parseTargets>["targets"] =>
    parseTargets(file1({ ...headOf("targets"), targets: Object.fromEntries(entries) })).targets;

  test("T3: have any name, and are found by it alone", () => {
    const found = table();
    for (const [k, name] of names.entries()) expect(found.get(name)?.length).toBe(k);
    expect(found.size).toBe(names.length);
    expect([...found.names()].toSorted()).toEqual(names.toSorted());
    for (const other of ["valueOf", "hasOwnProperty", "1", "a", "zzz"]) expect(found.get(other)).toBeUndefined();
  });

  test("none at all", () => {
    const { targets: none } = parseTargets(file1({ ...headOf("targets"), targets: {} }));
    expect([none.size, none.get("a"), [...none.names()]]).toEqual([0, undefined, []]);
  });

  test("keep what is custom", () => {
    const custom = { channel: "beta" };
    const read = parseTargets(file1({ ...headOf("targets"), targets: { a: { ...file, custom }, b: file } }));
    expect(read.targets.get("a")?.custom).toEqual(custom);
    expect(read.targets.get("b")?.custom).toBeUndefined();
  });
});

const row = (over: JsonObject): JsonObject => ({ ...targets, targets: { x: { ...file, ...over } } });
const meta = (over: JsonObject): JsonObject => ({ ...snapshot, meta: { "targets.json": { version: 1, ...over } } });
const role = { name: "r", keyids: [], threshold: 1, terminating: false, paths: [] as Json };
const delegating = (over: JsonObject): JsonObject => ({
  ...targets,
  delegations: { keys: {}, roles: [role], ...over },
});
const succinct = { keyids: [], threshold: 1, bit_length: 8, name_prefix: "bin" };

describe("T2: strict fields", () => {
  test.each<[string, JsonObject, string]>([
    ["hashes: {}", row({ hashes: {} }), "TUF_METADATA_MALFORMED"],
    ["md5 only", row({ hashes: { md5: "aa" } }), "TUF_METADATA_MALFORMED"],
    ["sha256 in capitals", row({ hashes: { sha256: sha256.toUpperCase() } }), "TUF_METADATA_MALFORMED"],
    ["sha256 cut", row({ hashes: { sha256: "aa" } }), "TUF_METADATA_MALFORMED"],
    ["sha256 right and sha512 cut", row({ hashes: { sha256, sha512: "aa" } }), "TUF_METADATA_MALFORMED"],
    ["negative length", row({ length: -1 }), "TUF_METADATA_MALFORMED"],
    ["length as text", row({ length: "3" }), "TUF_METADATA_MALFORMED"],
    ["length over 2^53", row({ length: 2 ** 53 }), "TUF_METADATA_MALFORMED"],
    ["fractional length", row({ length: 1.5 }), "TUF_JSON_NUMBER"],
    ["targets as a list", { ...targets, targets: [] }, "TUF_METADATA_MALFORMED"],
    ["no targets", headOf("targets"), "TUF_METADATA_MALFORMED"],
    ["version 0", { ...targets, version: 0 }, "TUF_METADATA_MALFORMED"],
    ["version −1", { ...targets, version: -1 }, "TUF_METADATA_MALFORMED"],
    ["version 1.5", { ...targets, version: 1.5 }, "TUF_JSON_NUMBER"],
    ["version as text", { ...targets, version: "1" }, "TUF_METADATA_MALFORMED"],
    ["expires 2036", { ...targets, expires: "2036" }, "TUF_METADATA_MALFORMED"],
    ["expires never", { ...targets, expires: "never" }, "TUF_METADATA_MALFORMED"],
    ["expires 31 February", { ...targets, expires: "2030-02-31T00:00:00Z" }, "TUF_METADATA_MALFORMED"],
    ["expires without zone", { ...targets, expires: "2030-02-01T00:00:00" }, "TUF_METADATA_MALFORMED"],
    ["expires at 24:00", { ...targets, expires: "2030-02-01T24:00:00Z" }, "TUF_METADATA_MALFORMED"],
    ["expires with offset 24:00", { ...targets, expires: "2030-02-01T00:00:00+24:00" }, "TUF_METADATA_MALFORMED"],
    ["spec version 2.0", { ...targets, spec_version: "2.0" }, "TUF_SPEC_VERSION"],
    ["spec version 1", { ...targets, spec_version: "1" }, "TUF_SPEC_VERSION"],
    ["spec version 10.0", { ...targets, spec_version: "10.0" }, "TUF_SPEC_VERSION"],
    ["spec version as a number", { ...targets, spec_version: 1 }, "TUF_METADATA_MALFORMED"],
    ["another type", { ...targets, _type: "mirrors" }, "TUF_METADATA_TYPE"],
    ["meta version 0", meta({ version: 0 }), "TUF_METADATA_MALFORMED"],
    ["meta hashes: {}", meta({ hashes: {} }), "TUF_METADATA_MALFORMED"],
    ["meta negative length", meta({ length: -1 }), "TUF_METADATA_MALFORMED"],
    ["snapshot without meta", headOf("snapshot"), "TUF_METADATA_MALFORMED"],
    ["timestamp without snapshot.json", { ...headOf("timestamp"), meta: {} }, "TUF_METADATA_MALFORMED"],
    ["root without keys", { ...headOf("root"), roles: {} }, "TUF_METADATA_MALFORMED"],
    ["root without a role", { ...root, roles: { root: { keyids: [], threshold: 1 } } }, "TUF_METADATA_MALFORMED"],
    ["key without scheme", { ...root, keys: { a: { keytype: "x", keyval: {} } } }, "TUF_METADATA_MALFORMED"],
    ["role both ways", delegating({ roles: [{ ...role, path_hash_prefixes: [] }] }), "TUF_METADATA_MALFORMED"],
    ["role neither way", delegating({ roles: [{ ...role, paths: null }] }), "TUF_METADATA_MALFORMED"],
    ["role twice", delegating({ roles: [role, role] }), "TUF_METADATA_MALFORMED"],
    ["role named as a top-level one", delegating({ roles: [{ ...role, name: "root" }] }), "TUF_METADATA_MALFORMED"],
    ["role without a name", delegating({ roles: [{ ...role, name: "" }] }), "TUF_METADATA_MALFORMED"],
    ["role with threshold 0", delegating({ roles: [{ ...role, threshold: 0 }] }), "TUF_METADATA_MALFORMED"],
    ["role with threshold true", delegating({ roles: [{ ...role, threshold: true }] }), "TUF_METADATA_MALFORMED"],
    ["terminating as a number", delegating({ roles: [{ ...role, terminating: 1 }] }), "TUF_METADATA_MALFORMED"],
    ["paths of numbers", delegating({ roles: [{ ...role, paths: [1] }] }), "TUF_METADATA_MALFORMED"],
    [
      "prefix that is not hex",
      delegating({ roles: [{ ...role, paths: null, path_hash_prefixes: ["XY"] }] }),
      "TUF_METADATA_MALFORMED",
    ],
    ["roles and succinct roles", delegating({ succinct_roles: succinct }), "TUF_METADATA_MALFORMED"],
    ["no roles", delegating({ roles: null }), "TUF_METADATA_MALFORMED"],
    [
      "succinct of 33 bits",
      delegating({ roles: null, succinct_roles: { ...succinct, bit_length: 33 } }),
      "TUF_METADATA_MALFORMED",
    ],
    [
      "succinct of no bits",
      delegating({ roles: null, succinct_roles: { ...succinct, bit_length: 0 } }),
      "TUF_METADATA_MALFORMED",
    ],
  ])("%s is refused", (_, content, code) => {
    expect(codeOf(() => parseMetadata(file1(content)))).toBe(code);
  });

  test.each<[string, string, string]>([
    ["no object", "[]", "TUF_JSON_MALFORMED"],
    ["nothing", "", "TUF_JSON_MALFORMED"],
    ["cut", '{"signed":{', "TUF_JSON_MALFORMED"],
    ["no signatures", '{"signed":{}}', "TUF_METADATA_MALFORMED"],
    ["signed is a list", '{"signed":[],"signatures":[]}', "TUF_METADATA_MALFORMED"],
    ["signatures is an object", '{"signed":{},"signatures":{}}', "TUF_METADATA_MALFORMED"],
    ["signed twice", '{"signed":{},"signed":{},"signatures":[]}', "TUF_JSON_DUPLICATE"],
    ["a member twice", '{"signed":{"a":1,"\\u0061":1},"signatures":[]}', "TUF_JSON_DUPLICATE"],
    [
      "one key id twice",
      '{"signed":{},"signatures":[{"keyid":"a","sig":""},{"keyid":"a","sig":""}]}',
      "TUF_METADATA_MALFORMED",
    ],
    ["a signature that is a number", '{"signed":{},"signatures":[{"keyid":"a","sig":1}]}', "TUF_METADATA_MALFORMED"],
  ])("%s is refused", (_, text, code) => {
    expect(codeOf(() => parseMetadata(bytesOf(text)))).toBe(code);
  });

  test("more signatures than anyone makes are refused", () => {
    const many = (count: number): Json => Array.from({ length: count }, (_, k) => ({ keyid: `${k}`, sig: "" }));
    expect(codeOf(() => parseRoot(file1(root, many(maxSignatures))))).toBe("taken");
    expect(codeOf(() => parseRoot(file1(root, many(maxSignatures + 1))))).toBe("TUF_METADATA_MALFORMED");
  });

  test("asked for as another type, it is refused", () => {
    expect(codeOf(() => parseTimestamp(file1(root)))).toBe("TUF_METADATA_TYPE");
    expect(codeOf(() => parseRoot(file1(targets)))).toBe("TUF_METADATA_TYPE");
  });
});
