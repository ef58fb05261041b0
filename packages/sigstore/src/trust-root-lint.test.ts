import { hash, TrustError } from "@countersign/core";
import { instanceTime, makeInstance, trustRootBytes } from "@countersign/testkit";
import { makeAuthority, makeCtLog, makeLog, makeTsa, type TrustedRootParts } from "@countersign/local-sigstore";
import { describe, expect, test } from "vitest";
import { countCurrent, endsSoonMs, lintTrustRoots } from "./trust-root-lint.ts";
import { parseTrustRoots } from "./trust-root-lines.ts";
import { describeTrustRoot } from "./trust-root-describe.ts";
import { requirements } from "./requirement.ts";
import { parseTrustRoot, type TrustRoot } from "./trust-root.ts";
import { jsonBytes, mutants, sampleTrustRoot } from "../vectors/format-sample.ts";

const instance = makeInstance();
const other = makeInstance("b");
const { parts } = instance;
const dayMs = 86_400_000;
const at = (days: number): Date => new Date(instanceTime.getTime() + days * dayMs);

function lint(changes: TrustedRootParts, need = requirements.certificate): string[] {
  const roots = parseTrustRoots(trustRootBytes({ ...parts, ...changes }));
  const found = lintTrustRoots(roots, { nowMs: instanceTime.getTime(), need });
  return found.map(({ level, code }) => `${level} ${code}`);
}

describe("lintTrustRoots", () => {
  test("finds nothing in a root that is right", () => {
    expect(lint({})).toEqual([]);
  });

  test("one key under two names could be counted twice; under one name it is only said", () => {
    const { trusted } = instance.rekor;
    expect(
      lint({ logs: [trusted, { ...other.rekorV1.trusted, key: instance.rekor.key, logId: rawId(trusted) }] }),
    ).toEqual(["fail SIGSTORE_TRUST_DUPLICATE"]);
    expect(lint({ logs: [trusted, trusted] })).toEqual(["warn SIGSTORE_TRUST_DUPLICATE"]);
    const parted = [
      { ...trusted, validFor: { start: at(-9), end: at(-5) } },
      { ...trusted, validFor: { start: at(-5) } },
    ];
    expect(lint({ logs: parted })).toEqual([]);
    expect(lint({ cas: [instance.ca.trusted, instance.ca.trusted] })).toEqual(["warn SIGSTORE_TRUST_DUPLICATE"]);
  });

  test("two keys of one name now; while one takes over from another nothing is said", () => {
    const second = makeCtLog({ baseUrl: instance.ctLog.trusted.baseUrl, start: at(-3) }).trusted;
    expect(lint({ ctLogs: [instance.ctLog.trusted, second] })).toEqual(["warn SIGSTORE_TRUST_OVERLAP"]);
    const old = { ...second, validFor: { start: at(-9), end: at(-0.5) } };
    expect(lint({ ctLogs: [instance.ctLog.trusted, old] })).toEqual([]);
  });

  test("a time that nobody covers", () => {
    const old = { ...other.rekor.trusted, validFor: { start: at(-9), end: at(-5) } };
    expect(lint({ logs: [instance.rekor.trusted, old] })).toEqual(["warn SIGSTORE_TRUST_GAP"]);
    const near = { ...old, validFor: { start: at(-9), end: new Date(at(-1).getTime() - 1000) } };
    expect(lint({ logs: [instance.rekor.trusted, near] })).toEqual([]);
  });

  test("what has ended, and what ends soon", () => {
    const past = { now: (): Date => at(-9), notBefore: at(-20), notAfter: at(-2) };
    const ended = makeAuthority({ uri: "http://ca.old.test", kind: "p256", ...past }).trusted;
    expect(lint({ cas: [ended] })).toEqual(["warn SIGSTORE_TRUST_EXPIRED", "fail SIGSTORE_TRUST_NONE_CURRENT"]);
    const roots = [{ ...parts, cas: [ended] }, other.parts].flatMap((each) => parseTrustRoots(trustRootBytes(each)));
    const together = lintTrustRoots(roots, { nowMs: instanceTime.getTime(), need: requirements.certificate });
    expect(together.map(({ level }) => level)).toEqual(["warn", "warn"]);
    const closed = { ...ended, validFor: { start: at(-20), end: at(-2) } };
    expect(lint({ cas: [instance.ca.trusted, closed] }).filter((each) => !each.endsWith("GAP"))).toEqual([]);
    const soon = { ...instance.rekor.trusted, validFor: { start: at(-2), end: at(29) } };
    expect(lint({ logs: [soon] })).toEqual(["warn SIGSTORE_TRUST_ENDS_SOON"]);
    const later = { ...soon, validFor: { start: at(-2), end: new Date(at(0).getTime() + endsSoonMs) } };
    expect(lint({ logs: [later] })).toEqual([]);
    const future = { ...instance.tsa.trusted, validFor: { start: at(1) } };
    expect(lint({ tsas: [future] })).toEqual(["warn SIGSTORE_TRUST_NONE_CURRENT"]);
  });

  test("no certificate authority is left of those that are named: it is not as if none had been", () => {
    const broken = { ...instance.ca.trusted, chain: [Uint8Array.of(0)] };
    const [skipped, none] = ["warn SIGSTORE_TRUST_ROOT_AUTHORITY_SKIPPED", "fail SIGSTORE_TRUST_NONE_CURRENT"];
    expect(lint({ cas: [broken] })).toEqual([skipped, none]);
    expect(lint({ cas: [broken] }, requirements.key)).toEqual([skipped, none]);
    expect(lint({ cas: [broken, instance.ca.trusted] })).toEqual([skipped]);
    expect(lint({ cas: [], tsas: [{ ...instance.tsa.trusted, chain: [Uint8Array.of(0)] }] })).toEqual([skipped]);
  });

  test("a timestamp authority that no verifier will take, and a chain that does not hold", () => {
    const leaf = { extendedKeyUsageCritical: false };
    const lax = makeTsa({ uri: "http://lax.test", now: () => instanceTime, kind: "p256", leaf });
    expect(lint({ tsas: [lax.trusted] })).toContain("fail SIGSTORE_TIMESTAMP_AUTHORITY");
    const [issuer] = instance.ca.trusted.chain;
    const anchor = other.ca.trusted.chain.at(-1);
    const mixed = { ...instance.ca.trusted, chain: [issuer, anchor] as Uint8Array[] };
    expect(lint({ cas: [mixed] })).toEqual(["fail SIGSTORE_CERTIFICATE_CHAIN"]);
  });

  test("numbers count operators, of all roots together, and only those of now", () => {
    const two = { ...requirements.certificate, logEntries: 2 };
    expect(lint({ logs: [instance.rekor.trusted] }, two)).toEqual(["fail SIGSTORE_TRUST_THRESHOLD"]);
    const sister = { ...other.rekor.trusted, operator: instance.rekor.trusted.operator ?? "" };
    expect(lint({ logs: [instance.rekor.trusted, sister] }, two)).toEqual(["fail SIGSTORE_TRUST_THRESHOLD"]);
    expect(lint({ logs: [instance.rekor.trusted, other.rekor.trusted] }, two)).toEqual([]);
    const ended = { ...other.rekor.trusted, validFor: { start: at(-1), end: at(-0.5) } };
    expect(lint({ logs: [instance.rekor.trusted, ended] }, two)).toEqual(["fail SIGSTORE_TRUST_THRESHOLD"]);
    expect(lint({ ctLogs: [], tsas: [] }, requirements.certificate)).toEqual(["fail SIGSTORE_TRUST_THRESHOLD"]);
    const roots = [parts, other.parts].flatMap((each) => parseTrustRoots(trustRootBytes(each)));
    expect(countCurrent(roots, instanceTime.getTime())).toEqual({ scts: 2, logEntries: 4, times: 6 });
  });

  test("what the reader passed over is told as well", () => {
    expect(lint({ logs: [instance.rekor.trusted, { ...other.rekor.trusted, keyDetails: "PKIX_NEW" }] })).toEqual([
      "warn SIGSTORE_TRUST_ROOT_LOG_SKIPPED",
    ]);
  });
});

test("a description says what counts now and names the certificates", () => {
  const ended = {
    ...makeLog({ origin: "log.old.test", start: at(-9) }).trusted,
    validFor: { start: at(-9), end: at(-8) },
  };
  const future = { ...instance.tsa.trusted, validFor: { start: at(1) } };
  const [root] = parseTrustRoots(trustRootBytes({ ...parts, logs: [ended], tsas: [future] }));
  const said = describeTrustRoot(root!, instanceTime.getTime());
  expect(said.logs).toMatchObject([
    { origin: "log.old.test", state: "ended", until: at(-8).toISOString(), algorithm: "ed25519" },
  ]);
  expect(said.timestampAuthorities).toMatchObject([{ state: "not yet" }]);
  expect(said.authorities).toMatchObject([{ url: "http://ca.a.test", operator: "ca-a", state: "current" }]);
  expect(said.authorities[0]?.certificates.map(({ subject }) => /^CN=.+, O=.+$/.test(subject))).toEqual([true, true]);
});

/** A log's id as it is for Rekor 1. */
function rawId({ key }: { readonly key: { readonly spki: Uint8Array } }): Uint8Array {
  return hash("sha256", key.spki);
}

test("whatever the reader takes can be judged and described", () => {
  let taken = 0;
  for (const mutant of mutants(sampleTrustRoot())) {
    const root = readable(jsonBytes(mutant));
    if (root === undefined) continue;
    taken++;
    const findings = lintTrustRoots([root], { nowMs: instanceTime.getTime(), need: requirements.certificate });
    expect(findings.every(({ code, fix }) => code !== "" && fix !== "")).toBe(true);
    describeTrustRoot(root, instanceTime.getTime());
  }
  expect(taken).toBeGreaterThan(50);
});

function readable(bytes: Uint8Array): TrustRoot | undefined {
  try {
    return parseTrustRoot(bytes);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}
