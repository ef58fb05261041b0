import { existsSync, readFileSync } from "node:fs";
import { equalBytes, parseCertificate, parsePem, TrustError, type Certificate } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { checkChainSignatures, checkPath, checkSigningUsage, checkTimes, codeSigning } from "./certificate.ts";
import type { Authority } from "./trust-root.ts";

/** The C2SP x509-limbo cases, generated; not part of the repository. */
const file = new URL("../../../../shared/data/crypto/x509-limbo-native.json", import.meta.url);
interface Case {
  readonly id: string;
  readonly validation_kind: "SERVER" | "CLIENT";
  readonly trusted_certs: readonly string[];
  readonly untrusted_intermediates: readonly string[];
  readonly peer_certificate: string;
  readonly validation_time: string | null;
  readonly expected_result: "SUCCESS" | "FAILURE";
}
const cases = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { testcases: Case[] }).testcases : [];

/** Whole families that say nothing about Sigstore's chains, and why. */
const notOurs: readonly (readonly [RegExp, string])[] = [
  [/^webpki::/, "rules of the CA/Browser Forum for names and keys of web servers"],
  [/^crl::/, "Sigstore revokes no certificates"],
  [/^rfc5280::san::/, "names of web servers"],
];

/** Single cases that we answer otherwise, and why. Everything else must come out as the suite says. */
const differently: Readonly<Record<string, string>> = {
  "pathlen::max-chain-depth-0-exhausted": "a limit that the caller sets; ours is the length of a trust root's chain",
  "pathlen::max-chain-depth-1-exhausted": "a limit that the caller sets; ours is the length of a trust root's chain",
  "pathlen::validation-ignores-pathlen-in-leaf":
    "the leaf is a CA, which a signer's certificate must not be (attacks.md S5)",
  "rfc5280::ca-as-leaf": "the leaf is a CA, which a signer's certificate must not be (attacks.md S5)",
  "rfc5280::aki::leaf-missing-aki":
    "an issuer's duty (§4.2.1.1), not a rule of validation (§6); private authorities leave key ids out",
  "rfc5280::aki::intermediate-missing-aki": "an issuer's duty (§4.2.1.1), not a rule of validation (§6)",
  "rfc5280::aki::cross-signed-root-missing-aki": "an issuer's duty (§4.2.1.1), not a rule of validation (§6)",
  "rfc5280::ski::root-missing-ski": "an issuer's duty (§4.2.1.2), not a rule of validation (§6)",
  "rfc5280::ski::intermediate-missing-ski": "an issuer's duty (§4.2.1.2), not a rule of validation (§6)",
  "rfc5280::root-non-critical-basic-constraints":
    "an issuer's duty (§4.2.1.9); the anchor itself comes from the trust root",
  "rfc5280::pc::ica-noncritical-pc":
    "an issuer's duty (§4.2.1.11); no policies are evaluated, a critical one is refused",
};

const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";
/** As many paths are tried as a careful builder would; ours never builds any, a trust root brings its chain in order. */
const maxPaths = 300;

function outcomesOf(each: Case): string[] {
  try {
    const [peer] = certificatesOf([each.peer_certificate]) as [Certificate];
    const chains = chainsOf(peer, certificatesOf(each.untrusted_intermediates), certificatesOf(each.trusted_certs));
    return chains.map((chain) => outcomeOfChain(peer, chain, each));
  } catch (error) {
    return [codeOf(error)];
  }
}

function certificatesOf(pems: readonly string[]): Certificate[] {
  return pems.flatMap((pem) => parsePem(pem)).map(({ bytes }) => parseCertificate(bytes));
}

function chainsOf(
  child: Certificate,
  untrusted: readonly Certificate[],
  trusted: readonly Certificate[],
  budget = { left: maxPaths },
): Certificate[][] {
  const issues = (ca: Certificate): boolean => equalBytes(ca.subject, child.issuer);
  const direct = trusted.filter(issues).map((anchor) => [anchor]);
  if (budget.left-- <= 0) return direct;
  const rest = (ca: Certificate): Certificate[] => untrusted.filter((each) => each !== ca);
  return [
    ...direct,
    ...untrusted.filter(issues).flatMap((ca) => chainsOf(ca, rest(ca), trusted, budget).map((above) => [ca, ...above])),
  ];
}

function outcomeOfChain(leaf: Certificate, chain: readonly Certificate[], each: Case): string {
  const timeMs = new Date(each.validation_time ?? "2024-01-01T00:00:00Z").getTime();
  const purpose = each.validation_kind === "SERVER" ? serverAuth : clientAuth;
  try {
    checkSigningUsage(asSigner(leaf, purpose));
    checkChainSignatures([leaf, ...chain]);
    checkPath(chain, purpose);
    checkTimes(leaf, { chain, validFor: { startMs: Number.NEGATIVE_INFINITY } } as unknown as Authority, timeMs);
    return "SUCCESS";
  } catch (error) {
    return codeOf(error);
  }
}

/** The suite's leaves are for TLS: to be judged by our rules they must be read as if that were code signing. */
function asSigner(leaf: Certificate, purpose: string): Certificate {
  const { extendedKeyUsage, keyUsage } = leaf;
  return {
    ...leaf,
    keyUsage: keyUsage ?? new Set(["digitalSignature"]),
    extendedKeyUsage: {
      critical: false,
      oids: extendedKeyUsage?.oids.map((oid) => (oid === purpose ? codeSigning : oid)) ?? [codeSigning],
    },
  };
}

function codeOf(error: unknown): string {
  if (error instanceof TrustError) return error.code;
  throw error;
}

const ours = cases.filter(({ id }) => !notOurs.some(([family]) => family.test(id)));
const isNameConstraint = ({ id }: Case): boolean => id.startsWith("rfc5280::nc::");

describe.skipIf(cases.length === 0)("x509-limbo", () => {
  test("the families that are left out are those listed, the single cases exist", () => {
    expect(ours.length).toBeGreaterThan(110);
    expect(Object.keys(differently).filter((id) => !ours.some((each) => each.id === id))).toEqual([]);
  });

  test.each(ours.filter((each) => !isNameConstraint(each)).map((each) => [each.id, each] as const))(
    "%s",
    (id, each) => {
      const result = outcomesOf(each).includes("SUCCESS") ? "SUCCESS" : "FAILURE";
      const expected =
        id in differently ? (each.expected_result === "SUCCESS" ? "FAILURE" : "SUCCESS") : each.expected_result;
      expect(result, outcomesOf(each).join(" ")).toBe(expected);
    },
  );

  // Nobody here evaluates name constraints: a chain with one is refused, whatever it would say of the name. One case
  // has a second chain without any.
  test.each(ours.filter(isNameConstraint).map((each) => [each.id, each] as const))("%s", (_, each) => {
    const outcomes = outcomesOf(each);
    expect(outcomes.includes("SUCCESS")).toBe(each.id === "rfc5280::nc::nc-forbids-same-chain-ica");
    if (each.expected_result === "SUCCESS") expect(outcomes).toContain("SIGSTORE_CERTIFICATE_EXTENSION");
  });
});
