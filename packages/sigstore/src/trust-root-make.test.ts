import { instanceTime, makeInstance } from "@countersign/testkit";
import { makeAuthority, makeKeyPair } from "@countersign/local-sigstore";
import { equalBytes, parseCertificate, type Certificate } from "@countersign/core";
import { expect, test } from "vitest";
import { codeOf } from "../vectors/format-sample.ts";
import { makeSigningConfig, type SigningConfigParts } from "./signing-config-make.ts";
import { parseSigningConfig, type Service } from "./signing-config.ts";
import { makeTrustRoot, type AuthorityPart, type LogPart, type TrustRootParts } from "./trust-root-make.ts";
import { parseTrustRoot } from "./trust-root.ts";

const instance = makeInstance();
const nowMs = instanceTime.getTime();
const open = { startMs: nowMs - 1000 };
const chainOf = (ders: readonly Uint8Array[]): readonly Certificate[] =>
  ders.map((der) => parseCertificate(new Uint8Array(der)));
const ca: AuthorityPart = { url: "https://ca.test", chain: chainOf(instance.ca.chain), validFor: {}, operator: "ada" };
const tsa: AuthorityPart = { url: "https://tsa.test/api", chain: chainOf(instance.tsa.chain), validFor: {} };
const second: LogPart = {
  url: "https://log.a.test/",
  spki: new Uint8Array(instance.rekor.key.spki),
  idOf: "name-and-key",
  validFor: open,
  operator: "bob",
};
const first: LogPart = {
  url: "https://one.test",
  spki: new Uint8Array(instance.rekorV1.key.spki),
  idOf: "key",
  validFor: open,
};
const ctLog: LogPart = {
  url: "https://ct.test",
  spki: new Uint8Array(instance.ctLog.key.spki),
  idOf: "key",
  validFor: open,
};
const parts: TrustRootParts = {
  version: "0.2",
  authorities: [ca],
  timestampAuthorities: [tsa],
  logs: [second, first],
  ctLogs: [ctLog],
  nowMs,
};
const codesOf = (changes: Partial<TrustRootParts>): string[] =>
  makeTrustRoot({ ...parts, ...changes }).findings.map(({ code }) => code);
const codeFor = (changes: Partial<TrustRootParts>): string => codeOf(() => makeTrustRoot({ ...parts, ...changes }));

test("log ids are the log's own, and what is made is read without a word", () => {
  const { bytes, findings } = makeTrustRoot(parts);
  const root = parseTrustRoot(bytes);
  expect([root.warnings, findings]).toEqual([[], []]);
  expect(root.logs.map(({ origin, operator }) => [origin, operator])).toEqual([
    ["log.a.test", "bob"],
    ["one.test", undefined],
  ]);
  expect(equalBytes(root.logs[0]!.logId, new Uint8Array(instance.rekor.logId))).toBe(true);
  expect(equalBytes(root.logs[1]!.logId, new Uint8Array(instance.rekorV1.trusted.logId))).toBe(true);
  expect(root.authorities[0]).toMatchObject({ uri: "https://ca.test", operator: "ada" });
  expect(root.authorities[0]!.validFor).toEqual({ startMs: Math.max(...ca.chain.map((each) => each.notBeforeMs)) });
});

test("version 0.1 has no operators, so that older clients read it", () => {
  const text = new TextDecoder().decode(makeTrustRoot({ ...parts, version: "0.1" }).bytes);
  expect(text).toContain("application/vnd.dev.sigstore.trustedroot+json;version=0.1");
  expect(text).not.toMatch(/operator/);
  expect(codesOf({ version: "0.1" })).toEqual(["SIGSTORE_TRUST_OPERATOR_UNSAID"]);
});

test("an origin of its own becomes the log's name", () => {
  const { bytes } = makeTrustRoot({ ...parts, logs: [{ ...second, url: "http://127.0.0.1:1", origin: "log.a.test" }] });
  expect(parseTrustRoot(bytes).logs[0]).toMatchObject({ baseUrl: "https://log.a.test", origin: "log.a.test" });
  expect(codeFor({ logs: [{ ...first, origin: "one.test/" }] })).toBe("SIGSTORE_TRUST_PART");
});

test("chains that do not hold, windows beyond the certificates and keys twice are refused", () => {
  expect(codeFor({ authorities: [{ ...ca, chain: ca.chain.toReversed() }] })).toBe("SIGSTORE_CERTIFICATE_CHAIN");
  expect(codeFor({ authorities: [{ ...ca, chain: tsa.chain }] })).toBe("SIGSTORE_CERTIFICATE_CHAIN");
  expect(codeFor({ timestampAuthorities: [{ ...tsa, chain: ca.chain }] })).toBe("SIGSTORE_TIMESTAMP_AUTHORITY");
  const [, anchor] = chainOf(makeAuthority({ uri: "https://x.test", now: () => instanceTime, kind: "p256" }).chain);
  expect(codeFor({ authorities: [{ ...ca, chain: [ca.chain[0]!, anchor!] }] })).toBe("SIGSTORE_CERTIFICATE_CHAIN");
  expect(codeFor({ authorities: [{ ...ca, validFor: { startMs: 0 } }] })).toBe("SIGSTORE_TRUST_PART");
  expect(codeFor({ authorities: [{ ...ca, validFor: { endMs: nowMs * 9 } }] })).toBe("SIGSTORE_TRUST_PART");
  expect(codeFor({ authorities: [{ ...ca, validFor: { startMs: nowMs, endMs: nowMs - 1 } }] })).toBe(
    "SIGSTORE_TRUST_PART",
  );
  expect(codeFor({ logs: [{ ...second, validFor: { startMs: 2, endMs: 1 } }] })).toBe("SIGSTORE_TRUST_ROOT_WINDOW");
  expect(codeFor({ logs: [first, { ...first, url: "https://two.test" }] })).toBe("SIGSTORE_TRUST_PART");
  expect(codeFor({ authorities: [], logs: [], timestampAuthorities: [] })).toBe("SIGSTORE_TRUST_PART");
  const rsa = new Uint8Array(makeKeyPair("rsa2048").spki);
  expect(codeFor({ logs: [{ ...second, spki: rsa }] })).toBe("SIGSTORE_TRUST_PART");
  expect(codeFor({ logs: [{ ...first, spki: rsa }] })).toBe("accepted");
});

test("what was added ages ago and has ended is only warned of", () => {
  const old = { ...first, validFor: { startMs: 1000, endMs: 2000 } };
  expect(makeTrustRoot({ ...parts, logs: [second, old] }).findings.map(({ code }) => code)).toEqual([
    "SIGSTORE_TRUST_GAP",
  ]);
});

test("a root by which no certificate will be believed is made, and told of", () => {
  expect(codesOf({ ctLogs: [] })).toEqual(["SIGSTORE_TRUST_THRESHOLD"]);
  expect(codesOf({ ctLogs: [], logs: [], timestampAuthorities: [] })).toEqual(
    Array.from({ length: 3 }, () => "SIGSTORE_TRUST_THRESHOLD"),
  );
  expect(codesOf({ ctLogs: [], authorities: [] })).toEqual([]);
});

test("a signing config is made that can be used now, or none", () => {
  const service = (url: string, majorApiVersion = 1): Service => ({
    url,
    majorApiVersion,
    operator: "ada",
    validFor: open,
  });
  const services: SigningConfigParts = {
    fulcio: [service("https://ca.test")],
    oidc: [service("https://login.test")],
    rekor: [service("https://log.test", 2)],
    rekorSelector: { kind: "exact", count: 1 },
    tsa: [service("https://tsa.test")],
    tsaSelector: { kind: "all" },
    nowMs,
  };
  const config = parseSigningConfig(makeSigningConfig(services));
  expect(config).toMatchObject({
    rekorSelector: { kind: "exact", count: 1 },
    tsaSelector: { kind: "all" },
    warnings: [],
  });
  expect(config.rekor).toEqual(services.rekor);
  const broken = { ...services, rekorSelector: { kind: "exact", count: 2 } } as const;
  expect(codeOf(() => makeSigningConfig(broken))).toBe("SIGSTORE_SERVICE_TOO_FEW");
  const late = { ...service("https://ca.test"), validFor: { startMs: nowMs + 1 } };
  expect(codeOf(() => makeSigningConfig({ ...services, fulcio: [late] }))).toBe("SIGSTORE_SERVICE_NONE");
  expect(codeOf(() => makeSigningConfig({ ...services, tsa: [service("ftp://x")] }))).toBe(
    "SIGSTORE_SIGNING_CONFIG_MALFORMED",
  );
});
