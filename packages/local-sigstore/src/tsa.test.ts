import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCertificate } from "@countersign/core";
import * as pkijs from "pkijs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificateOids, makeTsa, pem, startLocalSigstore } from "./index.ts";
import type { LocalSigstore, StampOptions } from "./index.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const message = Buffer.from("a signature");
const dir = mkdtempSync(join(tmpdir(), "local-sigstore-"));
let stack: LocalSigstore;
beforeAll(async () => {
  stack = await startLocalSigstore();
});
afterAll(() => stack.close());

function write(name: string, content: Uint8Array | string): string {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
}

function infoOf(response: Uint8Array): pkijs.TSTInfo {
  const token = pkijs.TimeStampResp.fromBER(new Uint8Array(response).buffer).timeStampToken;
  const signed = new pkijs.SignedData({ schema: token?.content });
  return pkijs.TSTInfo.fromBER(
    new Uint8Array(signed.encapContentInfo.eContent?.getValue() ?? new ArrayBuffer(0)).buffer,
  );
}

function embeddedIn(response: Uint8Array): number {
  const token = pkijs.TimeStampResp.fromBER(new Uint8Array(response).buffer).timeStampToken;
  return new pkijs.SignedData({ schema: token?.content }).certificates?.length ?? 0;
}

async function post(body: Uint8Array | string, type: string): Promise<Response> {
  return await fetch(`${stack.url}/api/v1/timestamp`, {
    method: "POST",
    headers: { "content-type": type },
    body: body as BodyInit,
  });
}

describe.skipIf(!hasOpenssl)("with OpenSSL on the other side", () => {
  test.each(["sha256", "sha384", "sha512"])("a query over %s is answered and verifies", async (hash) => {
    const query = execFileSync("openssl", ["ts", "-query", "-data", write("message", message), `-${hash}`, "-cert"]);
    const response = await post(query, "application/timestamp-query");
    expect([response.status, response.headers.get("content-type")]).toEqual([201, "application/timestamp-reply"]);
    const answer = write("answer.tsr", new Uint8Array(await response.arrayBuffer()));
    const certificates = await (await fetch(`${stack.url}/api/v1/timestamp/certchain`)).text();
    const chain = write("chain.pem", certificates);
    const args = ["ts", "-verify", "-in", answer, "-queryfile", write("query.tsq", query), "-CAfile", chain];
    expect(execFileSync("openssl", args, { stdio: ["ignore", "pipe", "ignore"] }).toString()).toMatch(
      /Verification: OK/,
    );
  });

  test("without certReq no certificate is embedded, and the chain must be given", async () => {
    const query = execFileSync("openssl", ["ts", "-query", "-data", write("message", message), "-sha256", "-no_nonce"]);
    const bytes = new Uint8Array(await (await post(query, "application/timestamp-query")).arrayBuffer());
    expect(embeddedIn(bytes)).toBe(0);
    const [leaf, ...above] = stack.tsa.chain.map((der) => pem("CERTIFICATE", der));
    const args = [
      "-in",
      write("a.tsr", bytes),
      "-data",
      write("message", message),
      "-CAfile",
      write("above.pem", above.join("")),
    ];
    const run = [...args, "-untrusted", write("leaf.pem", leaf ?? "")];
    expect(execFileSync("openssl", ["ts", "-verify", ...run], { stdio: "pipe" }).toString()).toMatch(/OK/);
  });
});

test("the leaf has a P-384 key and time stamping as its critical sole purpose", () => {
  const leaf = parseCertificate(stack.tsa.chain[0] ?? new Uint8Array(0));
  expect(leaf.extendedKeyUsage).toEqual({ critical: true, oids: [certificateOids.timeStamping] });
  expect(leaf.spki.length).toBe(120);
});

test.each<[string, StampOptions, (response: Uint8Array) => unknown, unknown]>([
  [
    "another time",
    { message, time: new Date("2030-01-02T03:04:05Z") },
    (r) => infoOf(r).genTime,
    new Date("2030-01-02T03:04:05Z"),
  ],
  ["SHA-1", { message, hash: "sha1" }, (r) => infoOf(r).messageImprint.hashAlgorithm.algorithmId, "1.3.14.3.2.26"],
  ["a policy", { message, policy: "1.2.3" }, (r) => infoOf(r).policy, "1.2.3"],
  ["an embedded certificate", { message, embedCertificate: true }, embeddedIn, 1],
  ["no certificate", { message }, embeddedIn, 0],
  ["two signers", { message, signerInfos: 2 }, (r) => signerCount(r), 2],
  ["a rejection", { message, status: 2 }, (r) => Buffer.from(r).toString("hex"), "30053003020102"],
])("a forged answer carries %s", (_, options, read, expected) => {
  expect(read(stack.tsa.stamp(options))).toEqual(expected);
});

function signerCount(response: Uint8Array): number {
  const token = pkijs.TimeStampResp.fromBER(new Uint8Array(response).buffer).timeStampToken;
  return new pkijs.SignedData({ schema: token?.content }).signerInfos.length;
}

test("an authority of its own may have any purpose", () => {
  const leaf = {
    extendedKeyUsages: [certificateOids.timeStamping, certificateOids.codeSigning],
    extendedKeyUsageCritical: false,
  };
  const tsa = makeTsa({ uri: "http://other.local", now: () => new Date("2026-11-22T12:00:00Z"), leaf });
  expect(parseCertificate(tsa.chain[0] ?? new Uint8Array(0)).extendedKeyUsage?.oids.length).toBe(2);
  expect(tsa.trusted.chain).toBe(tsa.chain);
});

test.each<[string, string, string]>([
  ["not DER", "application/timestamp-query", "hello"],
  ["not JSON", "application/json", "{"],
  ["SHA-1", "application/json", JSON.stringify({ hashAlgorithm: "sha1", artifactHash: "AAAA" })],
  ["a hash that is too short", "application/json", JSON.stringify({ hashAlgorithm: "sha256", artifactHash: "AAAA" })],
  ["no base64", "application/json", JSON.stringify({ hashAlgorithm: "sha256", artifactHash: "*" })],
])("a request with %s is refused", async (_, type, body) => {
  const response = await post(body, type);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: "LOCAL_SIGSTORE_REQUEST_MALFORMED" });
});

test("faults change the hash, the signer, the time or the status", async () => {
  const imprint = createHash("sha256").update(message).digest();
  const body = JSON.stringify({ hashAlgorithm: "sha256", artifactHash: imprint.toString("base64") });
  const ask = async (): Promise<Uint8Array> =>
    new Uint8Array(await (await post(body, "application/json")).arrayBuffer());
  const hashIn = (response: Uint8Array): string =>
    Buffer.from(infoOf(response).messageImprint.hashedMessage.valueBlock.valueHexView).toString("hex");
  expect(hashIn(await ask())).toBe(imprint.toString("hex"));
  stack.faults.set("tsa", { kind: "wrong-hash", times: 1 });
  expect(hashIn(await ask())).toBe("00".repeat(32));
  stack.faults.set("tsa", { kind: "wrong-time", times: 1 });
  expect(infoOf(await ask()).genTime.getTime()).toBeLessThan(infoOf(await ask()).genTime.getTime() - 80_000_000);
  stack.faults.set("tsa", { kind: "rejected", times: 1 });
  expect((await ask()).length).toBe(7);
});

test.skipIf(!hasOpenssl)("a wrong signer does not verify with OpenSSL", async () => {
  const artifactHash = createHash("sha256").update(message).digest("base64");
  const body = JSON.stringify({ hashAlgorithm: "sha256", artifactHash });
  stack.faults.set("tsa", { kind: "wrong-signer", times: 1 });
  const answer = write("forged.tsr", new Uint8Array(await (await post(body, "application/json")).arrayBuffer()));
  const chain = write("chain.pem", stack.tsa.chain.map((der) => pem("CERTIFICATE", der)).join(""));
  const args = ["ts", "-verify", "-in", answer, "-data", write("message", message), "-CAfile", chain];
  expect(() => execFileSync("openssl", [...args, "-untrusted", chain], { stdio: "ignore" })).toThrow(/Command failed/);
});
