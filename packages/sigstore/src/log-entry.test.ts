import { createHash } from "node:crypto";
import { base64, digestOf, utf8 } from "@countersign/core";
import { canonical, makeKeyPair, pem } from "@countersign/local-sigstore";
import {
  artifactBytes,
  artifactOf,
  bundleOf,
  makeEvidence,
  makeInstance,
  outcomeOf,
  statementOf,
  textAt,
  trustRootOf,
  valueAt,
  withAt,
  type EntryKind,
  type Loose,
  type Plan,
  type Signed,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { checkEntry, generationOf, maxEntryBytes, type Expected } from "./log-entry.ts";
import { verifyBundle } from "./verify.ts";

const instance = makeInstance();
const trust = trustRootOf(instance);
const nowMs = instance.now.getTime();
const bodyPath = "verificationMaterial.tlogEntries.0.canonicalizedBody";

/** Everything of one kind of entry that the tests below need. */
function sample(kind: EntryKind): { body: Loose; expected: Expected; version: string; name: string } {
  const envelope = kind.startsWith("dsse") || kind.startsWith("intoto");
  const { json, signed, leaf, key, artifact } = makeEvidence(instance, {
    entry: kind,
    ...(envelope ? { content: "envelope" } : {}),
  });
  const body = JSON.parse(Buffer.from(textAt(json, bodyPath), "base64").toString("utf8")) as Loose;
  const [name = "", version = ""] = kind.split(" ");
  const verifier = { kind: "certificate", der: leaf as Uint8Array, spki: key.spki } as const;
  const content = envelope
    ? ({ kind: "envelope", payloadType: signed.payloadType, payload: signed.payload, keyid: "" } as const)
    : ({ kind: "message", digests: artifact.digests } as const);
  return { body, expected: { signature: signed.signature, verifier, content }, version, name };
}
function check(
  { body, expected, version, name }: ReturnType<typeof sample>,
  bytes: Uint8Array = canonical(body),
): string {
  const entry = { logIndex: 0n, logId: new Uint8Array(32), kind: name, version, integratedTime: 0n, body: bytes };
  return outcomeOf(() => checkEntry(entry, expected));
}
const kinds: readonly EntryKind[] = [
  "hashedrekord 0.0.1",
  "dsse 0.0.1",
  "intoto 0.0.2",
  "hashedrekord 0.0.2",
  "dsse 0.0.2",
];
const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

describe.each(kinds)("%s", (kind) => {
  const honest = sample(kind);

  test("is about the bundle that it came with, and about no other", () => {
    expect(check(honest)).toBe("accepted");
    const another = sample(kind);
    for (const part of ["signature", "verifier"] as const) {
      expect(check({ ...honest, expected: { ...honest.expected, [part]: another.expected[part] } }), part).toBe(
        "SIGSTORE_ENTRY_MISMATCH",
      );
    }
  });

  test("of another artifact", () => {
    const { content } = honest.expected;
    const digests = [digestOf("sha256", Uint8Array.of(1))];
    const changed =
      content.kind === "message" ? { ...content, digests } : { ...content, payload: statementOf(Uint8Array.of(1)) };
    expect(check({ ...honest, expected: { ...honest.expected, content: changed } })).toBe("SIGSTORE_ENTRY_MISMATCH");
  });

  test("another version or kind inside than outside", () => {
    expect(check({ ...honest, body: withAt(honest.body, "apiVersion", "0.0.9") })).toBe("SIGSTORE_ENTRY_MISMATCH");
    expect(check({ ...honest, body: withAt(honest.body, "kind", "rekord") })).toBe("SIGSTORE_ENTRY_MISMATCH");
  });

  test("every member that is left out, of another type, or unknown is refused", () => {
    for (const path of pathsOf(honest.body)) {
      const gone = check({ ...honest, body: withAt(honest.body, path, undefined) });
      expect(["SIGSTORE_ENTRY_MALFORMED", "SIGSTORE_ENTRY_MISMATCH"], path).toContain(gone);
      expect(["SIGSTORE_ENTRY_MALFORMED", "SIGSTORE_ENTRY_MISMATCH"], path).toContain(
        check({ ...honest, body: withAt(honest.body, path, 7) }),
      );
      const value = valueAt(honest.body, path);
      if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
      expect(check({ ...honest, body: withAt(honest.body, `${path}.unheardOf`, 1) }), path).toBe(
        "SIGSTORE_ENTRY_MALFORMED",
      );
    }
    expect(check({ ...honest, body: { ...(honest.body as object), unheardOf: 1 } })).toBe("SIGSTORE_ENTRY_MALFORMED");
  });

  test("not JSON, duplicate members, too large", () => {
    const text = JSON.stringify(honest.body);
    expect(check(honest, utf8(text.slice(0, -1)))).toBe("SIGSTORE_ENTRY_MALFORMED");
    expect(check(honest, utf8(text.replace("{", `{"kind":"x",`)))).toBe("SIGSTORE_ENTRY_MALFORMED");
    expect(check(honest, new Uint8Array(maxEntryBytes + 1))).toBe("SIGSTORE_ENTRY_MALFORMED");
    expect(check(honest, new Uint8Array())).toBe("SIGSTORE_ENTRY_MALFORMED");
  });
});

function pathsOf(value: Loose, at = ""): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const path = at === "" ? name : `${at}.${name}`;
    return [path, ...pathsOf(inner, path)];
  });
}

test("kinds and the generation that writes them", () => {
  const generation = (kind: string, version: string): number | undefined =>
    generationOf({ kind, version } as Parameters<typeof generationOf>[0]);
  expect([
    generation("hashedrekord", "0.0.1"),
    generation("hashedrekord", "0.0.2"),
    generation("intoto", "0.0.1"),
    generation("constructor", ""),
  ]).toEqual([1, 2, undefined, undefined]);
  const { expected, body } = sample("hashedrekord 0.0.2");
  expect(check({ body, expected, name: "rekord", version: "0.0.1" })).toBe("SIGSTORE_ENTRY_KIND");
});

describe("hashes", () => {
  test.each([
    ["hashedrekord 0.0.1", "spec.data.hash.algorithm", "sha1", "SIGSTORE_ENTRY_MALFORMED"],
    ["hashedrekord 0.0.1", "spec.data.hash.algorithm", "sha512", "SIGSTORE_ENTRY_MISMATCH"],
    ["hashedrekord 0.0.1", "spec.data.hash.value", sha("x").toUpperCase(), "SIGSTORE_ENTRY_MALFORMED"],
    ["hashedrekord 0.0.1", "spec.data.hash.value", sha("x"), "SIGSTORE_ENTRY_MISMATCH"],
    ["hashedrekord 0.0.2", "spec.hashedRekordV002.data.algorithm", "SHA1", "SIGSTORE_ENTRY_MALFORMED"],
    [
      "hashedrekord 0.0.2",
      "spec.hashedRekordV002.signature.verifier.keyDetails",
      "PKIX_UNHEARD_OF",
      "SIGSTORE_KEY_DETAILS",
    ],
    ["dsse 0.0.1", "spec.payloadHash.value", sha("x"), "SIGSTORE_ENTRY_MISMATCH"],
    ["dsse 0.0.1", "spec.envelopeHash.value", sha("x"), "accepted"],
    ["dsse 0.0.1", "spec.envelopeHash.value", "x", "SIGSTORE_ENTRY_MALFORMED"],
    ["intoto 0.0.2", "spec.content.payloadHash.value", sha("x"), "SIGSTORE_ENTRY_MISMATCH"],
    ["intoto 0.0.2", "spec.content.envelope.payloadType", "text/plain", "SIGSTORE_ENTRY_MISMATCH"],
    ["intoto 0.0.2", "spec.content.envelope.payload", base64(utf8("another")), "SIGSTORE_ENTRY_MALFORMED"],
    ["intoto 0.0.2", "spec.content.envelope.payload", base64(utf8(base64(utf8("another")))), "SIGSTORE_ENTRY_MISMATCH"],
    ["intoto 0.0.2", "spec.content.envelope.signatures.0.keyid", "another", "SIGSTORE_ENTRY_MISMATCH"],
  ] as const)("%s with %s %s: %s", (kind, path, value, expected) => {
    const honest = sample(kind);
    expect(check({ ...honest, body: withAt(honest.body, path, value) })).toBe(expected);
  });

  test("a digest that the log has and the artifact is not known by", () => {
    const key = makeKeyPair("p384");
    const { json, artifact } = makeEvidence(instance, { key });
    const [sha256] = artifact.digests;
    const only = { name: "digest", digests: sha256 === undefined ? [] : [sha256] };
    expect(outcomeOf(() => verifyBundle(bundleOf(json), only, trust, { nowMs }))).toBe("CORE_DIGEST_UNUSABLE");
    const { expected, ...honest } = sample("hashedrekord 0.0.1");
    const content = { kind: "message", digests: artifactOf(artifactBytes).digests.slice(1) } as const;
    expect(check({ ...honest, expected: { ...expected, content } })).toBe("SIGSTORE_DIGEST_MISSING");
  });
});

describe("keys in entries", () => {
  const pemOf = (label: string, der: Uint8Array): string => base64(utf8(pem(label, der)));
  test("the right certificate under another label, two blocks, no PEM", () => {
    const honest = sample("hashedrekord 0.0.1");
    const path = "spec.signature.publicKey.content";
    const { der } = honest.expected.verifier;
    const withKey = (text: string): string => check({ ...honest, body: withAt(honest.body, path, text) });
    expect(withKey(pemOf("CERTIFICATE", der))).toBe("accepted");
    expect(withKey(pemOf("PUBLIC KEY", der))).toBe("SIGSTORE_ENTRY_MISMATCH");
    expect(withKey(base64(utf8(pem("CERTIFICATE", der) + pem("CERTIFICATE", der))))).toBe("SIGSTORE_ENTRY_MALFORMED");
    expect(withKey(base64(utf8("no PEM")))).toBe("SIGSTORE_ENTRY_MALFORMED");
    expect(withKey(base64(Uint8Array.of(0xff)))).toBe("SIGSTORE_ENTRY_MALFORMED");
  });

  test("a public key where a certificate signed, in Rekor v2", () => {
    const honest = sample("hashedrekord 0.0.2");
    const path = "spec.hashedRekordV002.signature.verifier";
    const keyed = withAt(withAt(honest.body, `${path}.x509Certificate`, undefined), `${path}.publicKey`, {
      rawBytes: base64(honest.expected.verifier.spki),
    });
    expect(check({ ...honest, body: keyed })).toBe("SIGSTORE_ENTRY_MISMATCH");
    expect(check({ ...honest, body: withAt(honest.body, `${path}.publicKey`, { rawBytes: "AA==" }) })).toBe(
      "SIGSTORE_ENTRY_MALFORMED",
    );
  });
});

describe("S10: an entry that really is in the log, but about something else", () => {
  const other = makeKeyPair("p256");
  const cert = (): Uint8Array =>
    instance.ca.issue({
      spki: other.spki,
      identity: { type: "email", value: "eve@evil.test" },
      issuer: "https://token.test",
    }).certificate;
  const rows: readonly [string, (signed: Signed) => Signed][] = [
    [
      "another signature",
      (signed) => ({ ...signed, signature: signed.signature.with(-1, (signed.signature.at(-1) as number) ^ 1) }),
    ],
    [
      "another certificate with the same signature and digest",
      (signed) => ({ ...signed, verifier: { ...signed.verifier, der: cert() } }),
    ],
    [
      "a key instead of the certificate",
      (signed) => ({ ...signed, verifier: { ...signed.verifier, type: "public-key", der: other.spki } }),
    ],
    [
      "another artifact",
      (signed) => ({
        ...signed,
        digest: createHash("sha256").update("another").digest(),
        payload: statementOf(Uint8Array.of(1)),
      }),
    ],
  ];
  const plans: readonly Plan[] = [
    { entry: "hashedrekord 0.0.1" },
    { entry: "hashedrekord 0.0.2" },
    ...(["dsse 0.0.1", "intoto 0.0.2", "dsse 0.0.2", "hashedrekord 0.0.2"] as const).map(
      (entry) => ({ entry, content: "envelope" }) as const,
    ),
  ];
  test.each(rows)("%s", (_, logged) => {
    for (const plan of plans) {
      const { json, artifact } = makeEvidence(instance, { ...plan, logged });
      expect(
        outcomeOf(() => verifyBundle(bundleOf(json), artifact, trust, { nowMs })),
        JSON.stringify(plan),
      ).toBe("SIGSTORE_ENTRY_MISMATCH");
    }
  });

  test("an envelope's entry for a message, and the reverse", () => {
    const message = makeEvidence(instance, { entry: "dsse 0.0.1" });
    expect(outcomeOf(() => verifyBundle(bundleOf(message.json), message.artifact, trust, { nowMs }))).toBe(
      "SIGSTORE_ENTRY_MISMATCH",
    );
    const envelope = makeEvidence(instance, {
      content: "envelope",
      logged: (signed) => ({ ...signed, digest: createHash("sha256").update(artifactBytes).digest() }),
    });
    expect(outcomeOf(() => verifyBundle(bundleOf(envelope.json), envelope.artifact, trust, { nowMs }))).toBe(
      "SIGSTORE_ENTRY_MISMATCH",
    );
  });
});
