import { verify } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeKeyPair, startLocalSigstore } from "./index.ts";
import type { LocalSigstore } from "./index.ts";
import { randomSerial } from "./certificate.ts";
import { sha256 } from "./keyring.ts";

let stack: LocalSigstore;
beforeAll(async () => {
  stack = await startLocalSigstore();
});
afterAll(() => stack.close());

const poison = { oid: "1.3.6.1.4.1.11129.2.4.3", critical: true, value: Uint8Array.of(5, 0) };

/** What a certificate authority shows a log, and what the log should sign of it. */
function precertificate(extensions = [poison]) {
  const now = new Date();
  const plan = { spki: makeKeyPair("p256").spki, serial: randomSerial(), notBefore: now, identity: [] };
  const { certificate, chain } = stack.ca.issue({ ...plan, extraExtensions: extensions, sct: "none" });
  let tbs: Uint8Array = new Uint8Array(0);
  stack.ca.issue({ ...plan, sct: (precert) => ((tbs = precert.tbs), []) });
  return { chain: [certificate, ...chain].map((der) => Buffer.from(der).toString("base64")), tbs };
}

async function ask(chain: unknown): Promise<{ status: number; answer: Record<string, string> }> {
  const response = await fetch(`${stack.url}/ct/v1/add-pre-chain`, { method: "POST", body: JSON.stringify({ chain }) });
  return { status: response.status, answer: (await response.json()) as Record<string, string> };
}

test("a precertificate gets a promise over itself without the poison", async () => {
  const { chain, tbs } = precertificate();
  const { status, answer } = await ask(chain);
  expect(status).toBe(200);
  expect(answer).toMatchObject({
    sct_version: 0,
    id: Buffer.from(stack.ctLog.logId).toString("base64"),
    extensions: "",
  });
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(answer["timestamp"] ?? 0));
  const length = Buffer.from([tbs.length >> 16, tbs.length >> 8, tbs.length]);
  const head = Buffer.concat([Buffer.from([0, 0]), time, Buffer.from([0, 1]), sha256(stack.ca.key.spki), length]);
  const signed = Buffer.concat([head, tbs, Buffer.from([0, 0])]);
  const signature = Buffer.from(answer["signature"] ?? "", "base64");
  expect([...signature.subarray(0, 2)]).toEqual([4, 3]);
  expect(signature.readUInt16BE(2)).toBe(signature.length - 4);
  expect(verify("sha256", signed, stack.ctLog.key.publicKey, signature.subarray(4))).toBe(true);
});

test.each([
  ["no chain", () => undefined],
  ["one certificate", () => precertificate().chain.slice(0, 1)],
  ["no certificates", () => ["AAAA", "AAAA"]],
  ["no base64", () => ["!", "!"]],
  ["no poison", () => precertificate([]).chain],
  ["two poisons", () => precertificate([poison, poison]).chain],
  ["an issuer that did not sign it", () => precertificate().chain.toSpliced(1, 1)],
])("refused: %s", async (_, chain) => {
  expect((await ask(chain())).status).toBe(400);
});
