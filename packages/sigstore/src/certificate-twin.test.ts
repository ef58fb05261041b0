import { X509Certificate } from "node:crypto";
import { equalBytes, parseCertificate, type Certificate } from "@countersign/core";
import { makeAuthority, makeKeyPair, type KeyKind } from "@countersign/local-sigstore";
import { describe, expect, test } from "vitest";
import { twinOf } from "./certificate-twin.ts";

function issued(kind: KeyKind): { readonly leaf: Certificate; readonly issuer: Certificate } {
  const authority = makeAuthority({ uri: "http://ca.test", now: () => new Date(0), ctLogs: [], kind });
  const identity = { type: "uri", value: "https://ci.test" } as const;
  const { certificate } = authority.issue({ spki: makeKeyPair("p256").spki, identity, issuer: "https://token.test" });
  return { leaf: parseCertificate(certificate), issuer: parseCertificate(authority.chain[0] as Uint8Array) };
}

describe("the other ECDSA signature", () => {
  test.each(["p256", "p384", "p521"] as const)("of an authority on %s holds as well, and has one twin", (kind) => {
    const { leaf, issuer } = issued(kind);
    const twin = twinOf(leaf, issuer) as Uint8Array;
    expect(equalBytes(twin, leaf.raw)).toBe(false);
    expect(new X509Certificate(twin).verify(new X509Certificate(issuer.raw).publicKey)).toBe(true);
    expect(twinOf(parseCertificate(twin), issuer)).toEqual(leaf.raw);
  });

  test.each(["rsa2048", "ed25519"] as const)("is none of an authority with a key of %s", (kind) => {
    const { leaf, issuer } = issued(kind);
    expect(twinOf(leaf, issuer)).toBeUndefined();
  });
});
