import {
  generateSigner,
  hash,
  hex,
  makeVerifier,
  utf8,
  vouch,
  type Claims,
  type Digest,
  type Json,
  type SignedBy,
  type Verified,
} from "@countersign/core";
import { describe, expect, test } from "vitest";
import { evaluate, parsePolicy, signerKey, type Policy } from "./index.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const issuer = "https://token.actions.githubusercontent.com";
const fingerprint = `sha256:${"11".repeat(32)}` as Digest;
const logId = "c3RhbmQgaW4gZm9yIGEgbG9nIGlkLCAzMiBieXRlcyE=";

function claimsOf(signer: SignedBy, more: Partial<Claims> = {}): Verified<Claims> {
  const artifact = { digests: [`sha256:${"00".repeat(32)}` as Digest] };
  return vouch({ via: "sigstore", artifact, signer, times: [], logs: [], scts: [], ...more });
}
const certified = (
  value: string,
  extensions: Record<string, string> = {},
  more: Partial<Claims> = {},
  keyid: string = hex(hash("sha256", utf8(value))),
): Verified<Claims> =>
  claimsOf(
    {
      kind: "certificate",
      identity: { type: "uri", value },
      issuer,
      extensions,
      fingerprint,
      keyid,
      notBefore: "2026-01-01T00:00:00Z",
      notAfter: "2026-01-01T00:10:00Z",
    },
    more,
  );
const keyed = (keyid: string): Verified<Claims> => claimsOf({ kind: "key", keyid, algorithm: "ecdsa-p256-sha256" });
const [ada, bob] = ["https://example.com/ada", "https://example.com/bob"] as const;
const person = (identity: Json): Json => ({ identity, issuer });
const file = (more: Record<string, Json>): Json => ({
  version: "countersign.policy/v1",
  signers: [person(ada)],
  ...more,
});

async function policyOf(value: Json, keyids: readonly string[] = []): Promise<Policy> {
  return (await parsePolicy(value, new Set(["sourceRepositoryURI"]))).complete(keyids);
}

async function outcome(value: Json, claims: readonly Verified<Claims>[]): Promise<string> {
  const { verdict, findings } = evaluate(claims, await policyOf(value));
  return verdict === "allowed" ? "allowed" : `${verdict} ${findings[0]?.code ?? ""}`;
}

describe("policy files", () => {
  test("exact texts, globs and patterns of the whole value", async () => {
    expect(await outcome(file({}), [certified(ada)])).toBe("allowed");
    expect(await outcome(file({}), [certified(`${ada}x`)])).toBe("refused POLICY_IDENTITY_MISMATCH");
    const glob = file({ signers: [person({ glob: "https://example.com/*" })] });
    expect(await outcome(glob, [certified(ada)])).toBe("allowed");
    expect(await outcome(glob, [certified("https://example.com.evil/ada")])).toBe("refused POLICY_IDENTITY_MISMATCH");
    const pattern = file({ signers: [person({ pattern: "https://example\\.com/[a-z]+" })] });
    expect(await outcome(pattern, [certified(ada)])).toBe("allowed");
    expect(await outcome(pattern, [certified(`${ada}/evil`)])).toBe("refused POLICY_IDENTITY_MISMATCH");
    expect(await outcome(file({ signers: [person({ exact: ada })] }), [certified(ada)])).toBe("allowed");
  });

  test("claims of the certificate by name", async () => {
    const wanted = file({
      signers: [{ identity: ada, issuer, claims: { sourceRepositoryURI: "https://example.com/repo" } }],
    });
    expect(await outcome(wanted, [certified(ada, { sourceRepositoryURI: "https://example.com/repo" })])).toBe(
      "allowed",
    );
    expect(await outcome(wanted, [certified(ada, { sourceRepositoryURI: "https://example.com/fork" })])).toBe(
      "refused POLICY_EXTENSION_MISMATCH",
    );
    expect(await outcome(wanted, [certified(ada)])).toBe("refused POLICY_EXTENSION_MISMATCH");
  });

  test("YAML makes a number of an id without quotes: the error says what to write", async () => {
    const claims = { sourceRepositoryURI: 123456789 };
    await expect(policyOf(file({ signers: [{ identity: ada, issuer, claims }] }))).rejects.toThrow("in quotes");
  });

  test("m of n distinct signers: one person twice is one", async () => {
    const both = file({ signers: [person(ada), person(bob)], threshold: 2 });
    expect(await outcome(both, [certified(ada), certified(bob)])).toBe("allowed");
    expect(await outcome(both, [certified(ada), certified(ada)])).toBe("refused POLICY_TOO_FEW_SIGNERS");
    expect(await outcome(both, [certified(ada), certified("https://example.com/eve")])).toBe(
      "refused POLICY_TOO_FEW_SIGNERS",
    );
    const decision = evaluate([certified(ada), certified(ada), certified(bob)], await policyOf(both));
    expect(decision).toMatchObject({ verdict: "allowed", claim: 0, claims: [0, 2] });
    const anybody = file({ signers: [person({ glob: "https://example.com/*" })], threshold: 2 });
    expect(await outcome(anybody, [certified(ada), certified(bob)])).toBe("allowed");
  });

  test("m of n distinct signers: one name of two kinds is one", async () => {
    const name = "ada@example.com";
    const named = (type: "email" | "other-name", keyid: string): Verified<Claims> => {
      const { signer } = certified(name);
      return claimsOf({ ...signer, identity: { type, value: name }, keyid } as SignedBy);
    };
    const twice = file({ signers: [person(name)], threshold: 2 });
    const claims = [named("email", "11".repeat(32)), named("other-name", "22".repeat(32))];
    expect(await outcome(twice, claims)).toBe("refused POLICY_TOO_FEW_SIGNERS");
  });

  test("keys by reference, by themselves and by id", async () => {
    const spki = generateSigner("ecdsa-p256-sha256").spki;
    const { keyid } = makeVerifier(spki);
    const parsed = await parsePolicy(file({ signers: [{ key: "release.pub" }, { pem: "PEM" }, { keyid }] }));
    expect(parsed.keys).toEqual([{ reference: "release.pub" }, { pem: "PEM" }]);
    expect(parsed.complete(["11".repeat(32), "22".repeat(32)]).signers).toEqual([
      { kind: "key", keyid: "11".repeat(32) },
      { kind: "key", keyid: "22".repeat(32) },
      { kind: "key", keyid },
    ]);
  });

  test("requirements, type, witnesses and second opinion are handed on", async () => {
    const parsed = await parsePolicy(
      file({
        require: { logEntries: 2, times: 1 },
        predicateType: "https://x/v1",
        witnesses: "quorum none",
        secondOpinion: true,
      }),
    );
    expect(parsed).toMatchObject({ witnesses: "quorum none", secondOpinion: true });
    expect(parsed.complete([])).toMatchObject({ require: { logEntries: 2, times: 1 }, predicateType: "https://x/v1" });
    expect((await parsePolicy(file({}))).secondOpinion).toBe(false);
    expect((await policyOf(file({ predicateType: "slsaprovenance1" }))).predicateType).toBe(
      "https://slsa.dev/provenance/v1",
    );
  });

  test("what is denied counts for nothing; what cannot be told is open", async () => {
    const log = { origin: "log", logId, entry: "x", proof: "inclusion", index: "7", treeSize: "9" } as const;
    const entry = (index: number): Json => file({ deny: { logEntries: [{ logId, index }] } });
    expect(await outcome(file({ deny: { certificates: [fingerprint] } }), [certified(ada)])).toBe(
      "refused POLICY_DENIED",
    );
    expect(await outcome(entry(7), [certified(ada, {}, { logs: [log] })])).toBe("refused POLICY_DENIED");
    expect(await outcome(entry(8), [certified(ada, {}, { logs: [log] })])).toBe("allowed");
    const { index: _, treeSize: __, ...promised } = { ...log, proof: "promise" as const };
    expect(await outcome(entry(7), [certified(ada, {}, { logs: [promised] })])).toBe("unknown POLICY_DENY_UNKNOWN");
    expect(await outcome(entry(7), [certified(ada)])).toBe("unknown POLICY_DENY_UNKNOWN");
    expect(await outcome(file({ deny: { logEntries: [] } }), [certified(ada)])).toBe("allowed");
    const keyid = "33".repeat(32);
    expect(await outcome(file({ signers: [{ keyid }], deny: { keys: [keyid] } }), [keyed(keyid)])).toBe(
      "refused POLICY_DENIED",
    );
    expect(await outcome(file({ deny: { keys: [keyid] } }), [certified(ada, {}, {}, keyid)])).toBe(
      "refused POLICY_DENIED",
    );
    // Four bytes of the log's id mean the same log, on either side.
    const short = "c3Rhbg==";
    expect(await outcome(entry(7), [certified(ada, {}, { logs: [{ ...log, logId: short }] })])).toBe(
      "refused POLICY_DENIED",
    );
    const denied = file({ deny: { logEntries: [{ logId: short, index: 7 }] } });
    expect(await outcome(denied, [certified(ada, {}, { logs: [log] })])).toBe("refused POLICY_DENIED");
    // The reason is what could not be told, also beside a plain no.
    const cloudy = await policyOf(file({ deny: { certificates: [fingerprint], logEntries: [{ logId, index: 7 }] } }));
    const known = { ...certified(ada).signer, fingerprint: `sha256:${"22".repeat(32)}` } as SignedBy;
    expect(evaluate([certified(ada), claimsOf(known)], cloudy)).toMatchObject({
      verdict: "unknown",
      findings: [{ code: "POLICY_DENY_UNKNOWN" }, { code: "POLICY_DENIED" }],
    });
    // Good evidence beside it still counts.
    const other = certified(bob, {}, { logs: [log] });
    expect(
      await outcome(file({ signers: [person(ada), person(bob)], deny: { keys: [keyid] } }), [keyed(keyid), other]),
    ).toBe("allowed");
  });

  test.each<[string, Json, string]>([
    ["no object", [], "POLICY_FILE_MALFORMED"],
    ["another version", { version: "countersign.policy/v2", signers: [person(ada)] }, "POLICY_FILE_MALFORMED"],
    ["a misspelt member", file({ treshold: 2 }), "POLICY_FILE_MALFORMED"],
    [
      "a misspelt member of a signer",
      file({ signers: [{ identity: ada, issuer, isuer: issuer }] }),
      "POLICY_FILE_MALFORMED",
    ],
    ["a misspelt requirement", file({ require: { log: 1 } }), "POLICY_FILE_MALFORMED"],
    [
      "a misspelt claim",
      file({ signers: [{ identity: ada, issuer, claims: { sourceRepo: "x" } }] }),
      "POLICY_FILE_MALFORMED",
    ],
    ["a misspelt denial", file({ deny: { certs: [] } }), "POLICY_FILE_MALFORMED"],
    ["a denied certificate that is no digest", file({ deny: { certificates: ["x"] } }), "POLICY_FILE_MALFORMED"],
    ["a denied key that is no text", file({ deny: { keys: [1] } }), "POLICY_FILE_MALFORMED"],
    ["two kinds of match", file({ signers: [person({ glob: "a", pattern: "b" })] }), "POLICY_FILE_MALFORMED"],
    ["two kinds of key", file({ signers: [{ key: "a", keyid: "b" }] }), "POLICY_FILE_MALFORMED"],
    ["a key id that is none", file({ signers: [{ keyid: "ABC" }] }), "POLICY_FILE_MALFORMED"],
    ["nobody", file({ signers: [] }), "POLICY_NO_SIGNER"],
    ["an empty identity", file({ signers: [person("")] }), "POLICY_IDENTITY_INCOMPLETE"],
    ["a glob that nobody fits", file({ signers: [person({ glob: "" })] }), "POLICY_IDENTITY_INCOMPLETE"],
    ["a key that is nowhere", file({ signers: [{ key: "" }] }), "POLICY_FILE_MALFORMED"],
    [
      "an empty claim",
      file({ signers: [{ identity: ada, issuer, claims: { sourceRepositoryURI: "" } }] }),
      "POLICY_IDENTITY_INCOMPLETE",
    ],
    ["a pattern that is none", file({ signers: [person({ pattern: "(" })] }), "POLICY_PATTERN_INVALID"],
    ["a threshold of none", file({ threshold: 0 }), "POLICY_REQUIREMENT_INVALID"],
    ["half a signer", file({ threshold: 1.5 }), "POLICY_REQUIREMENT_INVALID"],
    ["an empty type", file({ predicateType: "" }), "POLICY_PREDICATE_TYPE_INVALID"],
  ])("%s is refused", async (_, value, name) => {
    await expect(policyOf(value)).rejects.toEqual(code(name));
  });

  test("an identity by another issuer is another signer; one of another type is not, since rules do not tell them apart", () => {
    const { signer } = certified(ada);
    if (signer.kind !== "certificate") throw new Error("a certificate");
    const keys = [
      signer,
      { ...signer, issuer: "x" },
      { ...signer, identity: { type: "email", value: ada } as const },
    ].map(signerKey);
    expect(new Set(keys).size).toBe(2);
  });
});

describe("what would pass for what was not asked", () => {
  test.each<Record<string, Json>>([
    { threshold: null },
    { deny: null },
    { predicateType: null },
    { secondOpinion: null },
    { witnesses: null },
    { require: { logEntries: null } },
    { deny: { keys: null } },
    { deny: { keys: [null] } },
    { signers: [{ identity: ada, issuer, claims: null }] },
  ])("an empty member: %j", async (more) => {
    await expect(policyOf(file(more))).rejects.toThrow(code("POLICY_FILE_MALFORMED"));
  });

  test.each<Json>([
    { keys: ["AB".repeat(32)] },
    { keys: [`sha256:${"ab".repeat(32)}`] },
    { keys: [""] },
    { certificates: [`sha512:${"ab".repeat(64)}`] },
    // As Rekor's own pages show it, which is base64 of 48 bytes too.
    { logEntries: [{ logId: "ab".repeat(32), index: 1 }] },
    { logEntries: [{ logId: "rekor.sigstore.dev", index: 1 }] },
    { logEntries: [{ logId, index: -1 }] },
  ])("a row of a deny-list that nothing is equal to: %j", async (deny) => {
    await expect(policyOf(file({ deny }))).rejects.toThrow(code("POLICY_DENY_INVALID"));
  });

  test.each([
    { treshold: 2 },
    { predicatetype: "https://x/v1" },
    { secondOpinion: true },
    { signers: [{ kind: "certificate", identity: { exact: ada }, issuer: { exact: issuer }, claims: new Map() }] },
    { signers: [{ kind: "key", keyid: "ab".repeat(32), issuer: { exact: issuer } }] },
  ])("members that plain JavaScript hands over and nobody reads: %j", (more) => {
    const signers = [{ kind: "key", keyid: "ab".repeat(32) }] as const;
    expect(() => evaluate([], { signers, ...more } as unknown as Policy)).toThrow(code("POLICY_FILE_MALFORMED"));
  });

  test("deny-lists that plain JavaScript hands over", () => {
    const signers = [{ kind: "key", keyid: "ab".repeat(32) }] as const;
    const refused = (deny: unknown): void => {
      expect(() => evaluate([], { signers, deny } as unknown as Policy)).toThrow(code("POLICY_DENY_INVALID"));
    };
    refused({ certificate: [fingerprint] });
    refused({ certificates: new Set([fingerprint]) });
    refused({ logEntries: [undefined] });
    refused({ logEntries: [{ logId, index: 7 }] });
    refused({ toString: [] });
    expect(() => evaluate([], { signers, deny: { certificates: [fingerprint], keys: [] } })).not.toThrow();
  });
});
