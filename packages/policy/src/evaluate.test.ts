import { hash, hex, utf8, vouch, type Claims, type Digest, type SignedBy, type Verified } from "@countersign/core";
import { outcomeOf } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { evaluate, loadPattern, maxPatternChars, type CertificateRule, type Match, type Policy } from "./index.ts";

const identity = "https://github.com/org/repo/.github/workflows/release.yml@refs/tags/v1";
const issuer = "https://token.actions.githubusercontent.com";
const keyid = "ab".repeat(32);

function claimsOf(signer: SignedBy): Verified<Claims> {
  const artifact = { digests: [`sha256:${"00".repeat(32)}` as Digest] };
  return vouch({ via: "sigstore", artifact, signer, times: [], logs: [], scts: [] });
}
const fingerprint = `sha256:${"11".repeat(32)}` as Digest;
const keyidOf = (value: string): string => hex(hash("sha256", utf8(value)));
const life = {
  extensions: {},
  fingerprint,
  notBefore: "2026-01-01T00:00:00.000Z",
  notAfter: "2026-01-01T00:10:00.000Z",
};
const certified = (value = identity, by = issuer, type: "uri" | "email" | "other-name" = "uri"): Verified<Claims> =>
  claimsOf({ kind: "certificate", identity: { type, value }, issuer: by, keyid: keyidOf(value), ...life });
const keyed = claimsOf({ kind: "key", keyid, algorithm: "ecdsa-p256-sha256" });
const rule = (wanted: Match, by: Match = { exact: issuer }): CertificateRule => ({
  kind: "certificate",
  identity: wanted,
  issuer: by,
});
const exact = (wanted: string, by = issuer): Policy => ({ signers: [rule({ exact: wanted }, { exact: by })] });

function codesOf(claims: readonly Verified<Claims>[], policy: Policy): string {
  const { verdict, findings } = evaluate(claims, policy);
  return verdict === "allowed" ? "allowed" : findings.map(({ code }) => code).join(" ");
}

describe("exact identities", () => {
  test("the very identity and issuer", () => {
    const decision = evaluate([certified()], exact(identity));
    expect(decision).toMatchObject({ verdict: "allowed", claim: 0, findings: [] });
    expect(decision.rule).toContain(identity);
    expect(decision.reason).toContain(identity);
  });

  test.each([
    ".",
    ".*",
    "(",
    "https://github.com/org",
    identity.slice(0, -1),
    `${identity} `,
    identity.toUpperCase(),
    "^https",
    identity.replaceAll(".", "\\."),
    `${identity}\n`,
  ])("S2: expected %j is not the signer", (wanted) => {
    expect(codesOf([certified()], exact(wanted))).toBe("POLICY_IDENTITY_MISMATCH");
  });

  test("S2: https://github.com/org against https://github.com/org-evil", () => {
    expect(codesOf([certified("https://github.com/org-evil/repo")], exact("https://github.com/org"))).toBe(
      "POLICY_IDENTITY_MISMATCH",
    );
  });

  test.each([issuer.toUpperCase(), `${issuer}/`, issuer.slice(0, -1), "https://evil.test"])(
    "S4: issuer %j is another",
    (by) => {
      expect(codesOf([certified()], exact(identity, by))).toBe("POLICY_ISSUER_MISMATCH");
    },
  );

  test("S4: another name's text is matched as it stands", () => {
    expect(codesOf([certified("ada!users.test", issuer, "other-name")], exact("ada!users.test"))).toBe("allowed");
  });
});

describe("patterns", () => {
  const matching = async (source: string, value = identity): Promise<string> =>
    codesOf([certified(value)], { signers: [rule({ pattern: await loadPattern(source) })] });

  test("S2: are anchored at both ends", async () => {
    expect(await matching("https://github\\.com/org/.*")).toBe("allowed");
    for (const source of [
      "https://github\\.com/org",
      "org/repo",
      "release\\.yml@refs/tags/v1",
      "",
      "a|https://github\\.com/org",
    ].filter((each) => each !== "")) {
      expect(await matching(source), source).toBe("POLICY_IDENTITY_MISMATCH");
    }
    expect(await matching("https://github\\.com/org", "https://github.com/org-evil/x")).toBe(
      "POLICY_IDENTITY_MISMATCH",
    );
    // An alternative is anchored as a whole, and a line break cannot end the value early.
    expect(await matching("https://github\\.com/org/x|evil", "https://github.com/org/x\nevil")).toBe(
      "POLICY_IDENTITY_MISMATCH",
    );
    expect(await matching("(?m)^https://github\\.com/org/x$", "https://github.com/org/x\nevil")).toBe(
      "POLICY_IDENTITY_MISMATCH",
    );
    expect(await matching(".*", "two\nlines")).toBe("POLICY_IDENTITY_MISMATCH");
  });

  test.each(["(", "[", "a{2,1}", "(?=x)", "(a)\\1", "", "*", "x".repeat(maxPatternChars + 1)])(
    "%j cannot be used",
    async (source) => {
      await expect(loadPattern(source.slice(0, maxPatternChars + 1))).rejects.toMatchObject({
        code: "POLICY_PATTERN_INVALID",
        kind: "usage",
      });
    },
  );

  test("take linear time", async () => {
    const started = process.threadCpuUsage();
    expect(await matching("(a*)*(a|aa)+b", "a".repeat(20_000))).toBe("POLICY_IDENTITY_MISMATCH");
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(5000);
  });

  test("serve issuers as well, and are named in the rule", async () => {
    const policy = { signers: [rule({ exact: identity }, { pattern: await loadPattern("https://token\\..*\\.com") })] };
    expect(evaluate([certified()], policy).rule).toContain('pattern "https://token');
    expect(codesOf([certified(identity, "http://token.x.com")], policy)).toBe("POLICY_ISSUER_MISMATCH");
  });
});

describe("keys", () => {
  const policy: Policy = { signers: [{ kind: "key", keyid }] };
  test("by id, and never instead of a certificate", () => {
    expect(codesOf([keyed], policy)).toBe("allowed");
    expect(evaluate([keyed], policy).rule).toBe(`key ${keyid}`);
    expect(codesOf([keyed], { signers: [{ kind: "key", keyid: keyid.slice(2) }] })).toBe("POLICY_KEY_MISMATCH");
    expect(codesOf([certified()], policy)).toBe("POLICY_KEY_MISMATCH");
    expect(codesOf([keyed], exact(identity))).toBe("POLICY_IDENTITY_MISMATCH");
  });
});

describe("several claims and rules", () => {
  test("any claim that any rule names is enough, and the decision says which", () => {
    const policy = { signers: [...exact("https://nobody.test").signers, { kind: "key", keyid } as const] };
    expect(evaluate([certified(), keyed], policy)).toMatchObject({ verdict: "allowed", claim: 1 });
    expect(codesOf([certified()], policy)).toBe("POLICY_IDENTITY_MISMATCH POLICY_KEY_MISMATCH");
  });

  test("no claims: refused, with the reason", () => {
    expect(evaluate([], exact(identity))).toMatchObject({
      verdict: "refused",
      findings: [{ code: "POLICY_NO_CLAIMS", level: "fail" }],
    });
  });

  test("claims that no verifier made are refused", () => {
    const copy = { ...certified() } as Verified<Claims>;
    expect(outcomeOf(() => evaluate([copy], exact(identity)))).toBe("CORE_NOT_VERIFIED");
    expect(
      outcomeOf(() => evaluate([JSON.parse(JSON.stringify(certified())) as Verified<Claims>], exact(identity))),
    ).toBe("CORE_NOT_VERIFIED");
  });
});

describe("S3: a policy that asks for nothing is a usage error", () => {
  test.each<[string, unknown, string]>([
    ["no signers", { signers: [] }, "POLICY_NO_SIGNER"],
    ["signers left out", {}, "POLICY_NO_SIGNER"],
    ["an empty key id", { signers: [{ kind: "key", keyid: "" }] }, "POLICY_NO_SIGNER"],
    ["no issuer", { signers: [{ kind: "certificate", identity: { exact: "x" } }] }, "POLICY_IDENTITY_INCOMPLETE"],
    ["no identity", { signers: [{ kind: "certificate", issuer: { exact: "x" } }] }, "POLICY_IDENTITY_INCOMPLETE"],
    ["an empty identity", exact(""), "POLICY_IDENTITY_INCOMPLETE"],
    ["an empty issuer", exact(identity, ""), "POLICY_IDENTITY_INCOMPLETE"],
    [
      "a second rule that says nothing",
      { signers: [...exact(identity).signers, ...exact("").signers] },
      "POLICY_IDENTITY_INCOMPLETE",
    ],
    ["a fractional number", { ...exact(identity), require: { scts: 0.5 } }, "POLICY_REQUIREMENT_INVALID"],
    ["a negative number", { ...exact(identity), require: { times: -1 } }, "POLICY_REQUIREMENT_INVALID"],
    ["a number beyond reason", { ...exact(identity), require: { logEntries: 33 } }, "POLICY_REQUIREMENT_INVALID"],
    ["not a number", { ...exact(identity), require: { logEntries: "1" } }, "POLICY_REQUIREMENT_INVALID"],
    ["all well", { ...exact(identity), require: { logEntries: 32, scts: 0 } }, "accepted"],
  ])("%s", (_, policy, outcome) => {
    expect(outcomeOf(() => evaluate([certified()], policy as Policy))).toBe(outcome);
  });
});

describe("predicate types", () => {
  const type = "https://slsa.dev/provenance/v1";
  const subjects = [{ digest: { sha256: "00".repeat(32) } }];
  const attested = (predicateType: string): Verified<Claims> => {
    const statement = { type: "https://in-toto.io/Statement/v1", subjects, predicateType, predicate: {} } as const;
    return vouch({ ...structuredClone(certified()), statement });
  };
  const wanted: Policy = { ...exact(identity), predicateType: type };

  test("exactly the one that is asked for", () => {
    expect(codesOf([attested(type)], wanted)).toBe("allowed");
    expect(codesOf([attested(type)], exact(identity))).toBe("allowed");
  });

  test.each([
    `${type}.0`,
    `${type}/`,
    "https://slsa.dev/provenance",
    type.toUpperCase(),
    "https://in-toto.io/attestation/svr/v0.2",
  ])("O1, O2: %s is another", (other) =>
    expect(codesOf([attested(other)], wanted)).toBe("POLICY_PREDICATE_TYPE_MISMATCH"),
  );

  test("a signature over the file is no attestation, whoever made it", () => {
    expect(codesOf([certified()], wanted)).toBe("POLICY_PREDICATE_TYPE_MISMATCH");
    expect(codesOf([certified(), attested(type)], wanted)).toBe("allowed");
  });

  test("the right type of the wrong signer", () => {
    const other: Policy = { ...exact("somebody else"), predicateType: type };
    expect(codesOf([attested(type)], other)).toBe("POLICY_IDENTITY_MISMATCH");
  });

  test.each(["", 7, null, [type]])("%j cannot be asked for", (predicateType) => {
    const policy = { ...exact(identity), predicateType } as unknown as Policy;
    expect(outcomeOf(() => evaluate([attested(type)], policy))).toBe("POLICY_PREDICATE_TYPE_INVALID");
  });
});
