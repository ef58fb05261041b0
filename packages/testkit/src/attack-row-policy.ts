/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { base64 } from "@countersign/core";
import { claimExtension, makeKeyPair, type Identity } from "@countersign/local-sigstore";
import { forge, type Attack, type Departure, type Forge, type Stage, type VectorSigner } from "./attack-vector.ts";
import { makeEvidence, signer, type Evidence } from "./evidence.ts";

const evil = "https://ci.test/org-evil/repo/release.yml@refs/heads/main";
const mismatch = "POLICY_IDENTITY_MISMATCH";

/** S2: expected identities that are not the signer's but might be taken for it. */
export function rowS2(stage: Stage): Attack[] {
  const make = forge(
    stage,
    "S2",
    "@sigstore/verify 4.1.3 reads the expected identity as a pattern without anchors (probe P2)",
  );
  const good = makeEvidence(stage.a);
  const other = makeEvidence(stage.a, { leaf: { identity: { type: "uri", value: evil } } });
  const expecting = (identity: string): Departure => ({ expect: mismatch, signers: [{ ...signer, identity }] });
  const pattern = (identity: string, expect: string, issuer = "https://token\\.test"): Departure => ({
    expect,
    signers: [{ identity, issuer, pattern: true }],
  });
  const nul = makeEvidence(stage.a, { leaf: { identity: { type: "uri", value: `${signer.identity}\0.evil` } } });
  const lines = `${evil}\n${signer.identity}`;
  const twoLines = makeEvidence(stage.a, { leaf: { identity: { type: "other-name", value: lines } } });
  const uriLines = makeEvidence(stage.a, { leaf: { identity: { type: "uri", value: lines } } });
  return [
    make("control-exact", "the signer's own identity", good, { expect: "ok", control: true }),
    make("control-pattern", "a pattern for all of the identity", good, pattern("https://ci\\.test/org/.*", "ok")),
    make("dot", "expected identity .", good, expecting(".")),
    make("star", "expected identity .*", good, expecting(".*")),
    make("prefix", "expected identity is a prefix of the real one", good, expecting("https://ci.test/org")),
    make("suffix", "expected identity is the end of the real one", good, expecting("release.yml@refs/heads/main")),
    make(
      "regex",
      "expected identity with regex characters that would match",
      good,
      expecting("https://ci.test/org/.+"),
    ),
    make("parenthesis", "expected identity (", good, expecting("(")),
    make("case", "expected identity in another case", good, expecting(signer.identity.toUpperCase())),
    make("slash", "expected identity with a slash too many", good, expecting(`${signer.identity}/`)),
    make(
      "org-evil",
      "expected https://ci.test/org, signed by https://ci.test/org-evil/…",
      other,
      expecting("https://ci.test/org"),
    ),
    make(
      "pattern-org-evil",
      "pattern https://ci.test/org against https://ci.test/org-evil/…",
      other,
      pattern("https://ci\\.test/org", mismatch),
    ),
    make(
      "pattern-alternative",
      "pattern a|b is anchored as a whole",
      other,
      pattern("nobody|https://ci\\.test/org", mismatch),
    ),
    make(
      "pattern-line",
      "pattern that would match one line of the identity",
      twoLines,
      pattern("https://ci\\.test/org/.*", mismatch),
    ),
    make(
      "pattern-dollar",
      "pattern with its own anchors against two lines",
      twoLines,
      pattern("^https://ci\\.test/org-evil/.*$", mismatch),
    ),
    make(
      "pattern-multiline",
      "pattern that turns multi-line on",
      twoLines,
      pattern("(?m)^https://ci\\.test/org/[^\\n]*$", mismatch),
    ),
    make(
      "pattern-issuer",
      "the pattern of the issuer is anchored too",
      good,
      pattern("https://ci\\.test/.*", "POLICY_ISSUER_MISMATCH", "https://token"),
    ),
    make("pattern-broken", "pattern (", good, pattern("(", "POLICY_PATTERN_INVALID")),
    make("pattern-look-around", "pattern with look-around", good, pattern("(?=https).*", "POLICY_PATTERN_INVALID")),
    make("nul", "identity with a NUL after the expected one", nul, { expect: "CORE_CERTIFICATE_MALFORMED" }),
    make("line-feed", "identity of two lines, one of them the expected one", uriLines, {
      expect: "CORE_CERTIFICATE_MALFORMED",
    }),
    make(
      "issuer",
      "the right identity of another issuer",
      makeEvidence(stage.a, { leaf: { issuer: "https://token.evil" } }),
      { expect: "POLICY_ISSUER_MISMATCH" },
    ),
    make(
      "two-rules",
      "subject of one rule and issuer of another",
      makeEvidence(stage.a, { leaf: { issuer: "https://token.evil" } }),
      {
        expect: "POLICY_ISSUER_MISMATCH",
        signers: [signer, { identity: "ada@ci.test", issuer: "https://token.evil" }],
      },
    ),
  ];
}

/** S3: asking for nothing, or with the wrong kind of expectation. */
export function rowS3(stage: Stage): Attack[] {
  const make = forge(stage, "S3", "@sigstore/cli 0.10.3 verifies without an expected identity");
  const keyless = makeEvidence(stage.a);
  const managed = makeKeyPair("p256");
  const keyed = makeEvidence(stage.a, { managed });
  const key: VectorSigner = { key: base64(managed.spki) };
  return [
    make("nobody", "no identity at all for a keyless bundle", keyless, { expect: "POLICY_NO_SIGNER", signers: [] }),
    make("nobody-key", "no key at all for a bundle of a managed key", keyed, {
      expect: "POLICY_NO_SIGNER",
      signers: [],
    }),
    make("empty", "empty identity and issuer", keyless, {
      expect: "POLICY_IDENTITY_INCOMPLETE",
      signers: [{ identity: "", issuer: "" }],
    }),
    make("negative", "a negative number of log entries", keyless, {
      expect: "POLICY_REQUIREMENT_INVALID",
      require: { logEntries: -1 },
    }),
    make("fraction", "half a timestamp", keyless, { expect: "POLICY_REQUIREMENT_INVALID", require: { times: 0.5 } }),
    make("key-for-certificate", "a key for a bundle with a certificate", keyless, {
      expect: "SIGSTORE_KEY_UNWANTED",
      signers: [key],
    }),
    make("leaf-key-for-certificate", "the certificate's own key as the key", keyless, {
      expect: "SIGSTORE_KEY_UNWANTED",
      signers: [{ key: base64(keyless.key.spki) }],
    }),
    make("identity-for-key", "an identity for a bundle of a managed key", keyed, {
      expect: "SIGSTORE_KEY_NEEDED",
      signers: [signer],
    }),
    make(
      "no-time",
      "no time is asked for, and the certificate's bundle has none",
      makeEvidence(stage.a, { stamps: [] }),
      {
        expect: "SIGSTORE_TOO_FEW_TIMES",
        require: { times: 0, logEntries: 0, scts: 0 },
        source: "@sigstore/verify 4.1.3 throws a TypeError (probe P10)",
      },
    ),
  ];
}

/** S4: whom the certificate names, and who vouched for it. */
export function rowS4(stage: Stage): Attack[] {
  const make = forge(stage, "S4", "peers take the first of several names, or none");
  return [...rowS4Issuers(stage, make), ...rowS4Names(stage, make)];
}

function rowS4Issuers(stage: Stage, make: Forge): Attack[] {
  const good = makeEvidence(stage.a);
  const extension = "SIGSTORE_CERTIFICATE_IDENTITY";
  const issued = (leaf: NonNullable<Parameters<typeof makeEvidence>[1]>["leaf"]): Evidence =>
    makeEvidence(stage.a, { leaf: leaf ?? {} });
  const twoIssuers = issued({
    issuer: "https://token.evil",
    issuerForms: ["v1"],
    extraExtensions: [claimExtension(8, signer.issuer)],
  });
  const raw = { oid: "1.3.6.1.4.1.57264.1.8", value: Buffer.from(signer.issuer) };
  const honest = makeEvidence(stage.a, {
    leaf: { issuer: "https://token.evil", issuerForms: [], extraExtensions: [claimExtension(1, signer.issuer)] },
  });
  return [
    make("control-issuer-v1", "issuer in the old extension only", honest, { expect: "ok", control: true }),
    make("issuer-only", "issuer expected, no subject", good, {
      expect: "POLICY_IDENTITY_INCOMPLETE",
      signers: [{ identity: "", issuer: signer.issuer }],
    }),
    make("subject-only", "subject expected, no issuer", good, {
      expect: "POLICY_IDENTITY_INCOMPLETE",
      signers: [{ identity: signer.identity, issuer: "" }],
    }),
    make("issuer-case", "issuer in another case", issued({ issuer: "https://TOKEN.test" }), {
      expect: "POLICY_ISSUER_MISMATCH",
    }),
    make("issuer-slash", "issuer with a slash at its end", issued({ issuer: `${signer.issuer}/` }), {
      expect: "POLICY_ISSUER_MISMATCH",
    }),
    make("issuers-differ", "old and new issuer extension differ", twoIssuers, { expect: extension }),
    make("issuer-none", "no issuer extension", issued({ issuerForms: [] }), { expect: extension }),
    make("issuer-empty", "empty issuer", issued({ issuer: "" }), { expect: extension }),
    make("issuer-not-der", "new issuer extension with raw text", issued({ issuerForms: [], extraExtensions: [raw] }), {
      expect: extension,
    }),
  ];
}

function rowS4Names(stage: Stage, make: Forge): Attack[] {
  const expected: Identity = { type: "uri", value: signer.identity };
  const named = (...identity: Identity[]): Evidence => makeEvidence(stage.a, { leaf: { identity } });
  const email: Identity = { type: "email", value: "ada@ci.test" };
  const user: Identity = { type: "other-name", value: "ada!ci.test" };
  const wrong: Departure = { expect: "SIGSTORE_CERTIFICATE_IDENTITY" };
  const as = ({ type, value }: Identity): Departure => ({
    expect: "ok",
    signers: [{ identity: value, issuer: signer.issuer }],
    claims: { signer: { identity: { type, value } } },
  });
  return [
    make("control-email", "identity in rfc822Name", named(email), { ...as(email), control: true }),
    make("other-name", "identity in otherName is matched as such", named(user), as(user)),
    make(
      "other-name-other",
      "identity in otherName that is not the expected one",
      named({ ...user, value: "eve!ci.test" }),
      { ...as(user), expect: mismatch, claims: {} },
    ),
    make("two-names", "a second name after the expected one", named(expected, { type: "uri", value: evil }), wrong),
    make(
      "two-names-first",
      "a second name before the expected one",
      named({ type: "uri", value: evil }, expected),
      wrong,
    ),
    make("two-kinds", "a URI and an e-mail address", named(expected, email), wrong),
    make("same-twice", "the expected name twice", named(expected, expected), wrong),
    make(
      "no-name",
      "no name",
      makeEvidence(stage.a, { leaf: { identity: [], subject: { organization: "Ada", commonName: signer.identity } } }),
      wrong,
    ),
    make("no-name-no-subject", "no name and an empty subject", named(), { expect: "CORE_CERTIFICATE_MALFORMED" }),
    make("dns", "the name as dNSName", named({ type: "dns", value: signer.identity }), wrong),
    make("empty-name", "empty name", named({ type: "uri", value: "" }), wrong),
  ];
}
