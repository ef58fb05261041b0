import { createHash, createPublicKey, sign, verify } from "node:crypto";
import { makeVerifier } from "@countersign/core";
import { checkCheckpoint, checkConsistency, checkInclusion, leafHash } from "@countersign/tlog";
import type { LogKey } from "@countersign/tlog";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canonical, makeKeyPair, makeV1Log, pem, preAuthEncoding, startLocalSigstore } from "./index.ts";
import type { LocalSigstore } from "./index.ts";

interface V1Entry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp?: string;
    readonly inclusionProof?: {
      checkpoint: string;
      hashes: string[];
      logIndex: number;
      rootHash: string;
      treeSize: number;
    };
  };
}
type Answer = Record<string, V1Entry> & { readonly error?: string };

const key = makeKeyPair("p256");
const publicKey = Buffer.from(pem("PUBLIC KEY", key.spki)).toString("base64");
const entriesPath = "/api/v1/log/entries";
let stack: LocalSigstore;
let logKey: LogKey;
beforeAll(async () => {
  stack = await startLocalSigstore();
  logKey = { name: "rekor.local", verifier: makeVerifier(stack.rekorV1.key.spki), dialect: "rekor-v1" };
});
afterAll(() => stack.close());

function hashedRekord(message: string, change: (spec: Record<string, unknown>) => unknown = (spec) => spec): unknown {
  const content = sign("sha256", Buffer.from(message), key.privateKey).toString("base64");
  const value = createHash("sha256").update(message).digest("hex");
  const spec = {
    data: { hash: { algorithm: "sha256", value } },
    signature: { content, publicKey: { content: publicKey } },
  };
  return { apiVersion: "0.0.1", kind: "hashedrekord", spec: change(spec) };
}

function signEnvelope(payload: Buffer): Buffer {
  return sign("sha256", preAuthEncoding("application/x", payload), key.privateKey);
}

function dsse(signature: Buffer): unknown {
  const payload = Buffer.from("payload");
  const signatures = [{ sig: signature.toString("base64"), keyid: "" }];
  const envelope = JSON.stringify({ payloadType: "application/x", payload: payload.toString("base64"), signatures });
  return { apiVersion: "0.0.1", kind: "dsse", spec: { proposedContent: { envelope, verifiers: [publicKey] } } };
}

function intoto(payloadHash: string): unknown {
  const payload = Buffer.from("payload");
  const twice = (bytes: Buffer): string => Buffer.from(bytes.toString("base64")).toString("base64");
  const signatures = [{ sig: twice(signEnvelope(payload)), publicKey, keyid: "k" }];
  const envelope = { payloadType: "application/x", payload: twice(payload), signatures };
  const hashes = {
    hash: { algorithm: "sha256", value: "00" },
    payloadHash: { algorithm: "sha256", value: payloadHash },
  };
  return { apiVersion: "0.0.2", kind: "intoto", spec: { content: { envelope, ...hashes } } };
}

async function post(body: unknown, path: string = entriesPath): Promise<{ response: Response; answer: Answer }> {
  const response = await fetch(stack.url + path, { method: "POST", body: JSON.stringify(body) });
  return { response, answer: (await response.json()) as Answer };
}

async function get(path: string): Promise<unknown> {
  return await (await fetch(stack.url + path)).json();
}

function only(answer: Answer): V1Entry {
  return Object.values(answer)[0] as V1Entry;
}

function checkEntry(entry: V1Entry): void {
  const { signedEntryTimestamp = "", inclusionProof: proof } = entry.verification;
  const { body, integratedTime, logID, logIndex } = entry;
  const signed = canonical({ body, integratedTime, logID, logIndex });
  if (!verify("sha256", signed, stack.rekorV1.key.publicKey, Buffer.from(signedEntryTimestamp, "base64")))
    throw new Error("SET");
  if (proof === undefined) throw new Error("no proof");
  const checkpoint = checkCheckpoint(proof.checkpoint, logKey);
  const path = proof.hashes.map((hash) => new Uint8Array(Buffer.from(hash, "hex")));
  checkInclusion(
    { index: BigInt(proof.logIndex), size: checkpoint.size, path },
    leafHash(Buffer.from(body, "base64")),
    checkpoint.root,
  );
}

describe("entries", () => {
  test("a hashedrekord is promised and proved, under a global index", async () => {
    const { response, answer } = await post(hashedRekord("one"));
    expect(response.status).toBe(201);
    const entry = only(answer);
    checkEntry(entry);
    expect(entry.logIndex - (entry.verification.inclusionProof?.logIndex ?? 0)).toBe(stack.rekorV1.earlierEntries);
    expect(response.headers.get("location")).toBe(`${entriesPath}/${Object.keys(answer)[0]}`);
  });

  test("a dsse and an intoto entry", async () => {
    const payload = Buffer.from("payload");
    checkEntry(only((await post(dsse(signEnvelope(payload)))).answer));
    const hash = createHash("sha256").update(payload).digest("hex");
    const entry = only((await post(intoto(hash))).answer);
    checkEntry(entry);
    const body = JSON.parse(Buffer.from(entry.body, "base64").toString()) as object;
    expect(body).toMatchObject({
      spec: { content: { envelope: { signatures: [{ keyid: "k" }] }, payloadHash: { value: hash } } },
    });
    expect(JSON.stringify(body)).not.toContain('"payload"');
  });

  test("an equal entry is a conflict that points to the first", async () => {
    const request = hashedRekord("two");
    const first = await post(request);
    const second = await post(request);
    expect(second.response.status).toBe(409);
    expect(second.response.headers.get("location")).toBe(first.response.headers.get("location"));
  });

  test.each<[string, () => unknown, string]>([
    [
      "a signature over something else",
      () => hashedRekord("x", (spec) => ({ ...spec, data: { hash: { algorithm: "sha256", value: "00".repeat(32) } } })),
      "LOCAL_SIGSTORE_ENTRY_REFUSED",
    ],
    [
      "an unknown hash",
      () => hashedRekord("x", (spec) => ({ ...spec, data: { hash: { algorithm: "md5", value: "00" } } })),
      "LOCAL_SIGSTORE_ENTRY_REFUSED",
    ],
    [
      "a broken key",
      () => hashedRekord("x", (spec) => ({ ...spec, signature: { content: "AAAA", publicKey: { content: "AAAA" } } })),
      "LOCAL_SIGSTORE_REQUEST_MALFORMED",
    ],
    [
      "an envelope signature over something else",
      () => dsse(signEnvelope(Buffer.from("y"))),
      "LOCAL_SIGSTORE_ENTRY_REFUSED",
    ],
    ["a wrong payload hash", () => intoto("00"), "LOCAL_SIGSTORE_ENTRY_REFUSED"],
    ["another kind", () => ({ apiVersion: "0.0.1", kind: "rekord", spec: {} }), "LOCAL_SIGSTORE_ENTRY_REFUSED"],
    ["no kind", () => ({}), "LOCAL_SIGSTORE_REQUEST_MALFORMED"],
  ])("%s is refused", async (_, request, code) => {
    const { response, answer } = await post(request());
    expect([response.status, answer.error]).toEqual([400, code]);
  });
});

describe("reading", () => {
  test("by uuid, by index, and several at once", async () => {
    const { answer } = await post(hashedRekord("three"));
    const [uuid = ""] = Object.keys(answer);
    expect(uuid).toMatch(/^[0-9a-f]{80}$/);
    const { logIndex } = only(answer);
    for (const path of [
      `${entriesPath}/${uuid}`,
      `${entriesPath}/${uuid.slice(16)}`,
      `${entriesPath}?logIndex=${logIndex}`,
    ]) {
      const read = (await get(path)) as Answer;
      expect(Object.keys(read)).toEqual([uuid]);
      checkEntry(only(read));
    }
    const { answer: list } = await post({ logIndexes: [logIndex], entryUUIDs: [uuid] }, `${entriesPath}/retrieve`);
    expect((list as unknown as Answer[]).map((one) => Object.keys(one)[0])).toEqual([uuid, uuid]);
  });

  test("what is not there", async () => {
    const codes = [`${entriesPath}?logIndex=1`, `${entriesPath}/${"0".repeat(80)}`].map(
      async (path) => ((await get(path)) as Answer).error,
    );
    expect(await Promise.all(codes)).toEqual(["LOCAL_SIGSTORE_NOT_FOUND", "LOCAL_SIGSTORE_NOT_FOUND"]);
    expect(await get(`${entriesPath}?logIndex=x`)).toMatchObject({ error: "LOCAL_SIGSTORE_REQUEST_MALFORMED" });
    expect(await get("/api/v1/log/proof?firstSize=5&lastSize=99999")).toMatchObject({
      error: "LOCAL_SIGSTORE_REQUEST_MALFORMED",
    });
  });

  test("the log's state, a consistency proof between two of them, and its key", async () => {
    await post(hashedRekord("four"));
    const before = (await get("/api/v1/log")) as { treeSize: number; rootHash: string; signedTreeHead: string };
    await post(hashedRekord("five"));
    const after = checkCheckpoint(((await get("/api/v1/log")) as typeof before).signedTreeHead, logKey);
    const { hashes } = (await get(`/api/v1/log/proof?firstSize=${before.treeSize}&lastSize=${after.size}`)) as {
      hashes: string[];
    };
    const path = hashes.map((hash) => new Uint8Array(Buffer.from(hash, "hex")));
    checkConsistency(
      { from: BigInt(before.treeSize), to: after.size, path },
      Buffer.from(before.rootHash, "hex"),
      after.root,
    );
    const published = await (await fetch(`${stack.url}/api/v1/log/publicKey`)).text();
    expect(createPublicKey(published).equals(stack.rekorV1.key.publicKey)).toBe(true);
  });
});

describe("faults and forgeries", () => {
  test.each([
    ["wrong-checkpoint", { code: "TLOG_CHECKPOINT_KEY_HINT" }],
    ["wrong-checkpoint-name", { code: "TLOG_CHECKPOINT_NO_SIGNATURE" }],
    ["wrong-proof", { code: "TLOG_PROOF_LENGTH" }],
    ["no-proof", { message: "no proof" }],
    ["wrong-promise", { message: "SET" }],
  ] as const)("%s does not verify", async (kind, failure) => {
    stack.faults.set("rekor-v1", { kind, times: 1 });
    const { answer } = await post(hashedRekord(kind));
    expect(() => checkEntry(only(answer))).toThrow(expect.objectContaining(failure));
  });

  test("wrong-entry is a good proof of another entry", async () => {
    stack.faults.set("rekor-v1", { kind: "wrong-entry", times: 1 });
    const entry = only((await post(hashedRekord("six"))).answer);
    checkEntry(entry);
    expect(Buffer.from(entry.body, "base64").toString()).toContain("00".repeat(32));
  });

  test("a SET over whatever is said, an entry without promise, at another time", () => {
    const log = makeV1Log({ name: "a.example", start: new Date(0), now: () => new Date(5000), earlierEntries: 0 });
    const verifier = { type: "public-key", der: key.spki } as const;
    const signed = { digest: new Uint8Array(32), signature: Uint8Array.of(1), verifier };
    const entry = log.entryFor({ kind: "hashedrekord", signed }, { integratedTime: 77, withoutPromise: true });
    expect([entry.integratedTime, entry.inclusionPromise, entry.logIndex]).toEqual(["77", undefined, "0"]);
    const body = Buffer.from("{}");
    const set = log.setFor({ body, integratedTime: 1, logIndex: 2, logId: new Uint8Array(32) });
    const message = canonical({ body: "e30=", integratedTime: 1, logID: "00".repeat(32), logIndex: 2 });
    expect(verify("sha256", message, log.key.publicKey, set)).toBe(true);
    expect(log.checkpoint({ origin: "b.example", ownLine: "last", extensions: [] }).split("\n")[0]).toBe("b.example");
    expect(log.checkpoint({ ownLine: "absent" })).not.toContain("\u2014");
  });
});
