import { digestOf, generateSigner, makeVerifier } from "@countersign/core";
import type { AlgorithmName } from "@countersign/core";
import {
  checkCheckpoint,
  checkInclusion,
  checkNote,
  leafHash,
  openTree,
  parseVkey,
  proveConsistency,
} from "@countersign/tlog";
import { checkConsistency, checkEntryBundle, proveInclusion } from "@countersign/tlog";
import type { LogKey } from "@countersign/tlog";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeKeyPair, makeLog, makeWitness, signWith, startLocalSigstore } from "./index.ts";
import type { EntryJson, LocalSigstore } from "./index.ts";

let stack: LocalSigstore;
let logKey: LogKey;
beforeAll(async () => {
  stack = await startLocalSigstore({ witnesses: 2 });
  logKey = { name: "log.rekor.local", verifier: makeVerifier(stack.rekor.key.spki), dialect: "c2sp" };
});
afterAll(() => stack.close());

interface Asked {
  readonly keyDetails?: string;
  readonly algorithm?: AlgorithmName;
  readonly message?: Uint8Array;
}

async function entryRequest(o: Asked = {}): Promise<Record<string, unknown>> {
  const algorithm = o.algorithm ?? "ecdsa-p256-sha256";
  const signer = generateSigner(algorithm);
  const message = o.message ?? Buffer.from("artifact");
  const hash = signer.algorithm.hash ?? "sha512";
  const digest = digestOf(hash, message);
  const content = Buffer.from(await signer.sign({ message })).toString("base64");
  const publicKey = { rawBytes: Buffer.from(signer.spki).toString("base64") };
  const verifier = { publicKey, keyDetails: o.keyDetails ?? "PKIX_ECDSA_P256_SHA_256" };
  const raw = Buffer.from(digest.slice(hash.length + 1), "hex").toString("base64");
  return { digest: raw, signature: { content, verifier } };
}

async function add(request: unknown): Promise<{ status: number; answer: EntryJson & { error?: string } }> {
  const body = JSON.stringify({ hashedRekordRequestV002: request });
  const response = await fetch(`${stack.url}/api/v2/log/entries`, { method: "POST", body });
  return { status: response.status, answer: (await response.json()) as EntryJson };
}

function checkEntry(entry: EntryJson): void {
  const proof = entry.inclusionProof;
  const checkpoint = checkCheckpoint(proof.checkpoint.envelope, logKey);
  const path = proof.hashes.map((hash) => new Uint8Array(Buffer.from(hash, "base64")));
  const leaf = leafHash(Buffer.from(entry.canonicalizedBody, "base64"));
  checkInclusion({ index: BigInt(proof.logIndex), size: checkpoint.size, path }, leaf, checkpoint.root);
}

describe("entries", () => {
  test.each<[AlgorithmName, string]>([
    ["ecdsa-p256-sha256", "PKIX_ECDSA_P256_SHA_256"],
    ["ecdsa-p384-sha384", "PKIX_ECDSA_P384_SHA_384"],
    ["ecdsa-p521-sha512", "PKIX_ECDSA_P521_SHA_512"],
    ["rsa-pkcs1-sha256", "PKIX_RSA_PKCS1V15_3072_SHA256"],
    ["ed25519ph", "PKIX_ED25519_PH"],
  ])("a signature by %s is logged and proved", async (algorithm, keyDetails) => {
    const { status, answer } = await add(await entryRequest({ algorithm, keyDetails }));
    expect(status).toBe(201);
    expect(answer.kindVersion).toEqual({ kind: "hashedrekord", version: "0.0.2" });
    expect(answer.integratedTime).toBeUndefined();
    checkEntry(answer);
  });

  test("the same entry twice is one entry, of which only the place is told, as rekor-tiles does", async () => {
    const request = await entryRequest();
    const [first, second] = [await add(request), await add(request)];
    expect(second.status).toBe(409);
    const message = `an equivalent entry already exists in the transparency log with index ${first.answer.logIndex}`;
    expect(second.answer).toEqual({ code: 6, message, details: [] });
  });

  test("both witnesses cosign the checkpoint", async () => {
    const { answer } = await add(await entryRequest());
    const { note } = checkCheckpoint(answer.inclusionProof.checkpoint.envelope, logKey);
    const keys = stack.witnesses.map((witness) => parseVkey(witness.vkey));
    expect(checkNote(note, keys).map((good) => good.key.type)).toEqual([
      "cosignature-ed25519",
      "cosignature-ml-dsa-44",
    ]);
  });

  test.each<[string, (request: Record<string, unknown>) => unknown, string]>([
    ["another digest", (r) => ({ ...r, digest: Buffer.alloc(32).toString("base64") }), "LOCAL_SIGSTORE_ENTRY_REFUSED"],
    ["a digest that is too short", (r) => ({ ...r, digest: "AAAA" }), "LOCAL_SIGSTORE_ENTRY_REFUSED"],
    ["unknown key details", (r) => withDetails(r, "PKIX_ED25519"), "LOCAL_SIGSTORE_ENTRY_REFUSED"],
    ["key details of another key", (r) => withDetails(r, "PKIX_ECDSA_P384_SHA_384"), "LOCAL_SIGSTORE_ENTRY_REFUSED"],
    ["no digest", (r) => ({ ...r, digest: undefined }), "LOCAL_SIGSTORE_REQUEST_MALFORMED"],
    ["a broken key", (r) => withKey(r, "AAAA"), "LOCAL_SIGSTORE_REQUEST_MALFORMED"],
    ["no request", () => undefined, "LOCAL_SIGSTORE_REQUEST_MALFORMED"],
  ])("%s is refused", async (_, change, code) => {
    const { status, answer } = await add(change(await entryRequest()));
    expect([status, answer.error]).toEqual([400, code]);
  });
});

function withDetails(request: Record<string, unknown>, keyDetails: string): unknown {
  const signature = request["signature"] as { verifier: object };
  return { ...request, signature: { ...signature, verifier: { ...signature.verifier, keyDetails } } };
}

function withKey(request: Record<string, unknown>, rawBytes: string): unknown {
  const signature = request["signature"] as { verifier: object };
  return { ...request, signature: { ...signature, verifier: { ...signature.verifier, publicKey: { rawBytes } } } };
}

test("a certificate is taken as the verifier, a very long one refused", async () => {
  const key = makeKeyPair("p256");
  const sign = async (extra: number): Promise<string | undefined> => {
    const value = new Uint8Array(extra);
    const { certificate } = stack.ca.issue({ spki: key.spki, extraExtensions: [{ oid: "1.2.3", value }] });
    const signed = signWith(key, Buffer.from("artifact"));
    const x509Certificate = { rawBytes: Buffer.from(certificate).toString("base64") };
    const signature = {
      content: Buffer.from(signed).toString("base64"),
      verifier: { x509Certificate, keyDetails: "PKIX_ECDSA_P256_SHA_256" },
    };
    const digest = Buffer.from(digestOf("sha256", Buffer.from("artifact")).slice(7), "hex").toString("base64");
    return (await add({ digest, signature })).answer.error;
  };
  expect(await sign(10)).toBeUndefined();
  expect(await sign(60_000)).toBe("LOCAL_SIGSTORE_ENTRY_REFUSED");
});

test("tiles and bundles over HTTP prove every entry, and an older checkpoint", async () => {
  const verifier = {
    type: "public-key",
    der: makeKeyPair("p256").spki,
    keyDetails: "PKIX_ECDSA_P256_SHA_256",
  } as const;
  const before = BigInt(stack.rekor.tree.size());
  const rootBefore = stack.rekor.tree.root();
  for (let index = 0; index < 300; index++) {
    stack.rekor.entryFor({
      digest: new Uint8Array(32).fill(index),
      signature: Uint8Array.of(index & 0xff, index >> 8),
      verifier,
    });
  }
  const get = async (path: string): Promise<Uint8Array> => {
    const response = await fetch(`${stack.url}/${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };
  const checkpoint = checkCheckpoint(await get("checkpoint"), logKey);
  expect(checkCheckpoint(await get("api/v2/checkpoint"), logKey).size).toBe(checkpoint.size);
  const suffix = (width: number): string => (width === 256 ? "" : `.p/${width}`);
  const readTile = (level: number, index: bigint, width: number): Promise<Uint8Array> =>
    get(`tile/${level}/${String(index).padStart(3, "0")}${suffix(width)}`);
  const tree = await openTree(checkpoint, readTile);
  const proof = await proveInclusion(tree, 5n, readTile);
  checkInclusion(proof, stack.rekor.tree.leafHash(5), checkpoint.root);
  checkConsistency(await proveConsistency(tree, before, readTile), rootBefore, checkpoint.root);
  const bundle = await get(`api/v2/tile/entries/001${suffix(Number(checkpoint.size) - 256)}`);
  const entries = await checkEntryBundle(tree, { index: 1n, bytes: bundle }, readTile);
  expect(entries.length).toBe(Number(checkpoint.size) - 256);
});

test.each(["tile/0/009", "tile/0/000.p/0", "tile/entries/000.p/999", "tile/7/000.p/1", "nothing"])(
  "%s is not there",
  async (path) => {
    const response = await fetch(`${stack.url}/${path}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: "LOCAL_SIGSTORE_NOT_FOUND" });
  },
);

describe("forged checkpoints", () => {
  const witness = makeWitness({ name: "w", now: () => new Date(5000) });
  const log = makeLog({ origin: "a.example", start: new Date(0), witnesses: [witness] });
  const body = Buffer.from('{"apiVersion":"0.0.2","kind":"dsse","spec":{}}');
  const lines = (note: string): string[] => note.split("\n");

  test("say whatever they are told to", () => {
    const told = { origin: "b.example", name: "c.example", size: "007", root: new Uint8Array(32), extensions: ["x"] };
    const note = lines(log.checkpoint({ ...told, keyHint: new Uint8Array(4), witnesses: [] }));
    expect(note.slice(0, 4)).toEqual(["b.example", "007", Buffer.alloc(32).toString("base64"), "x"]);
    expect(note[5]).toMatch(/^\u2014 c\.example AAAAA/);
    expect(note.length).toBe(7);
  });

  test("have the log's line first, last, or not at all, and others added", () => {
    expect(lines(log.checkpoint())[4]).toMatch(/ a\.example /);
    expect(lines(log.checkpoint({ ownLine: "last" }))[5]).toMatch(/ a\.example /);
    expect(log.checkpoint({ ownLine: "absent" })).not.toMatch(/ a\.example /);
    const extra = log.checkpoint({
      extraLines: () => [{ name: "x", keyHint: new Uint8Array(4), signature: new Uint8Array(1) }],
    });
    expect(extra).toMatch(/\u2014 x AAAAAAA=\n$/);
  });

  test("entries of any body, in a tree of an earlier size", () => {
    const first = log.append(body);
    log.append(Buffer.from('{"apiVersion":"1","kind":"x"}'));
    expect(first.kindVersion).toEqual({ kind: "dsse", version: "0.0.2" });
    expect(log.prove(0, { treeSize: 1 }).inclusionProof).toMatchObject({ treeSize: "1", hashes: [] });
    expect(log.prove(0).inclusionProof.hashes.length).toBe(1);
  });
});

describe("faults", () => {
  test.each([
    ["wrong-checkpoint", "TLOG_CHECKPOINT_KEY_HINT"],
    ["wrong-checkpoint-name", "TLOG_CHECKPOINT_NO_SIGNATURE"],
    ["wrong-proof", "TLOG_PROOF_LENGTH"],
  ] as const)("%s does not verify", async (kind, code) => {
    stack.faults.set("rekor", { kind, times: 1 });
    const { answer } = await add(await entryRequest());
    expect(() => checkEntry(answer)).toThrow(expect.objectContaining({ code }));
  });

  test("no-proof leaves the proof out", async () => {
    stack.faults.set("rekor", { kind: "no-proof", times: 1 });
    expect((await add(await entryRequest())).answer).not.toHaveProperty("inclusionProof");
  });

  test("wrong-entry is a good proof of another entry", async () => {
    stack.faults.set("rekor", { kind: "wrong-entry", times: 1 });
    const { answer } = await add(await entryRequest());
    checkEntry(answer);
    expect(Buffer.from(answer.canonicalizedBody, "base64").toString()).toContain(Buffer.alloc(32).toString("base64"));
  });
});
