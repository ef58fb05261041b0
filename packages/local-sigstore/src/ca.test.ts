import { execFileSync, spawnSync } from "node:child_process";
import { createHash, verify, X509Certificate } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCertificate } from "@countersign/core";
import * as pkijs from "pkijs";
import { describe, expect, test } from "vitest";
import { certificateOids, makeAuthority, makeCtLog, makeKeyPair, pem } from "./index.ts";
import type { IssueOptions, KeyKind } from "./index.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const now = (): Date => new Date("2026-11-22T12:00:00Z");
const ctLog = makeCtLog({ baseUrl: "http://ctfe.local", start: new Date("2026-01-01T00:00:00Z") });
const ca = makeAuthority({ uri: "http://fulcio.local", now, ctLogs: [ctLog] });
const { spki } = makeKeyPair("p256");
const email = { type: "email", value: "ada@example.com" } as const;

function issue(options: Partial<IssueOptions> = {}): Uint8Array {
  return ca.issue({ spki, identity: email, issuer: "https://issuer.example", ...options }).certificate;
}

describe("an ordinary certificate", () => {
  test("is what Fulcio would issue, as core reads it", () => {
    const leaf = parseCertificate(issue({ claims: { buildTrigger: "push", githubWorkflowTrigger: "push" } }));
    expect(leaf.subjectAltNames).toEqual([{ type: "email", value: "ada@example.com" }]);
    expect(leaf.extensions.get(certificateOids.subjectAltName)?.critical).toBe(true);
    expect(leaf.extendedKeyUsage).toEqual({ critical: false, oids: [certificateOids.codeSigning] });
    expect([...(leaf.keyUsage ?? [])]).toEqual(["digitalSignature"]);
    expect(leaf.notAfterMs - leaf.notBeforeMs).toBe(600_000);
    expect(leaf.unknownCritical).toEqual([]);
    const value = (arc: number): string =>
      Buffer.from(leaf.extensions.get(`1.3.6.1.4.1.57264.1.${arc}`)?.value ?? []).toString("latin1");
    expect(value(1)).toBe("https://issuer.example");
    expect(value(8)).toBe("\x0c\x16https://issuer.example");
    expect([value(2), value(20)]).toEqual(["push", "\x0c\x04push"]);
  });

  test.each<KeyKind>(["p256", "p384", "p521", "ed25519", "rsa2048", "ml-dsa-44"])("certifies a %s key", (kind) => {
    const key = makeKeyPair(kind);
    const leaf = parseCertificate(issue({ spki: key.spki }));
    expect(Buffer.from(leaf.spki)).toEqual(Buffer.from(key.spki));
  });

  test.skipIf(!hasOpenssl)("verifies with OpenSSL up to the root", () => {
    const dir = mkdtempSync(join(tmpdir(), "local-sigstore-"));
    const write = (name: string, ders: readonly Uint8Array[]): string => {
      writeFileSync(join(dir, name), ders.map((der) => pem("CERTIFICATE", der)).join(""));
      return join(dir, name);
    };
    const [intermediate, root] = ca.chain as [Uint8Array, Uint8Array];
    const at = String(now().getTime() / 1000 + 60);
    const args = ["verify", "-attime", at, "-x509_strict", "-purpose", "any", "-CAfile", write("root.pem", [root])];
    const leaf = write("leaf.pem", [issue()]);
    expect(execFileSync("openssl", [...args, "-untrusted", write("i.pem", [intermediate]), leaf]).toString()).toMatch(
      /OK/,
    );
  });

  test("is read by pkijs", () => {
    const parsed = pkijs.Certificate.fromBER(new Uint8Array(issue()).buffer);
    expect(parsed.extensions?.map((extension) => extension.extnID)).toContain(certificateOids.sctList);
    expect(new X509Certificate(issue()).verify(new X509Certificate(ca.chain[0] ?? "").publicKey)).toBe(true);
  });
});

/** Verifies the first SCT from the certificate's bytes alone, with pkijs taking the extension out. */
function isPromised(certificate: Uint8Array): boolean {
  const parsed = pkijs.Certificate.fromBER(new Uint8Array(certificate).buffer);
  const sctList = parsed.extensions?.find((extension) => extension.extnID === certificateOids.sctList);
  parsed.extensions = (parsed.extensions ?? []).filter((extension) => extension !== sctList);
  const tbs = Buffer.from(parsed.encodeTBS().toBER());
  const list = Buffer.from(sctList?.extnValue.valueBlock.valueHexView ?? []);
  const sct = list.subarray(list.indexOf(ctLog.logId) - 1);
  const keyHash = Buffer.from(parseIssuerKeyHash());
  const length = Buffer.from([tbs.length >> 16, (tbs.length >> 8) & 0xff, tbs.length & 0xff]);
  const signed = Buffer.concat([Buffer.from([0, 0]), sct.subarray(33, 41), Buffer.from([0, 1]), keyHash, length, tbs, Buffer.from([0, 0])]); // prettier-ignore
  return verify("sha256", signed, ctLog.key.publicKey, sct.subarray(47, 47 + sct.readUInt16BE(45)));
}

function parseIssuerKeyHash(): Uint8Array {
  const issuer = parseCertificate(ca.chain[0] ?? new Uint8Array(0));
  return createHash("sha256").update(issuer.spki).digest();
}

describe("SCTs", () => {
  test("good ones cover the precertificate, wrong ones another", () => {
    expect(isPromised(issue())).toBe(true);
    expect(isPromised(issue({ sct: "wrong-precert" }))).toBe(false);
  });

  test("are left out, given, or made by a function", () => {
    expect(parseCertificate(issue({ sct: "none" })).sctList).toBeUndefined();
    expect(parseCertificate(issue({ ctLogs: [] })).sctList).toBeUndefined();
    expect(Buffer.from(parseCertificate(issue({ sct: [Uint8Array.of(1, 2)] })).sctList ?? []).toString("hex")).toBe(
      "000400020102",
    );
    const made = issue({ sct: (precert) => [ctLog.promise({ ...precert, time: now() })] });
    expect(isPromised(made)).toBe(true);
  });
});

describe("deviations", () => {
  test("of purpose, usage, constraints and names", () => {
    const leaf = parseCertificate(
      issue({
        extendedKeyUsages: [],
        keyUsages: [],
        isCa: true,
        pathLength: 3,
        identity: [
          { type: "uri", value: "https://a.example/x" },
          { type: "other-name", value: "ada!example.com" },
          { type: "dns", value: "a.example" },
        ],
        issuerForms: ["v2"],
        extraExtensions: [{ oid: "1.2.3.4", critical: true, value: Uint8Array.of(5, 0) }],
      }),
    );
    expect(leaf.extendedKeyUsage).toBeUndefined();
    expect(leaf.keyUsage).toBeUndefined();
    expect(leaf.basicConstraints).toEqual({ ca: true, pathLength: 3 });
    expect(leaf.subjectAltNames.map((name) => name.type)).toEqual(["uri", "other-name", "dns"]);
    expect(leaf.extensions.has("1.3.6.1.4.1.57264.1.1")).toBe(false);
    expect(leaf.unknownCritical).toEqual(["1.2.3.4"]);
  });

  test("an authority below one that must have none", () => {
    const below = ca.subordinate({ commonName: "below" });
    expect(below.chain.length).toBe(3);
    const leaf = parseCertificate(below.issue({ spki, identity: email }).certificate);
    expect(Buffer.from(leaf.issuer)).toEqual(Buffer.from(below.name));
    expect(parseCertificate(below.chain[1] ?? new Uint8Array(0)).basicConstraints).toEqual({ ca: true, pathLength: 0 });
  });

  test("a P-256 authority, and one of another organization", () => {
    const other = makeAuthority({ uri: "http://other.local", now, kind: "p256", organization: "other" });
    const leaf = parseCertificate(other.issue({ spki, identity: email }).certificate);
    expect(leaf.signatureAlgorithm.oid).toBe("1.2.840.10045.4.3.2");
    expect(leaf.sctList).toBeUndefined();
  });
});
