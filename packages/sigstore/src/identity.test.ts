import { parseCertificate, type Certificate } from "@countersign/core";
import {
  claimExtension,
  fulcioClaimArcs,
  makeKeyPair,
  type Identity,
  type IssueOptions,
} from "@countersign/local-sigstore";
import { makeInstance, outcomeOf } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { extensionNames, readIdentity } from "./identity.ts";

const instance = makeInstance();
const { spki } = makeKeyPair("p256");
const uri: Identity = { type: "uri", value: "https://ci.test/org/repo@refs/heads/main" };
const issuer = "https://token.test";

function leafOf(o: Partial<IssueOptions>): Certificate {
  return parseCertificate(instance.ca.issue({ spki, identity: uri, issuer, sct: "none", ...o }).certificate);
}
const outcome = (o: Partial<IssueOptions>): string => outcomeOf(() => readIdentity(leafOf(o)));

describe("S4: who a certificate names", () => {
  test.each<[Identity["type"], string]>([
    ["uri", "https://ci.test/x"],
    ["email", "ada@example.test"],
    ["other-name", "ada!users.test"],
  ])("%s", (type, value) => {
    expect(readIdentity(leafOf({ identity: { type, value } })).identity).toEqual({ type, value });
  });

  test.each<[string, Partial<IssueOptions>]>([
    ["none", { identity: [], subject: { organization: "o", commonName: "ada@example.test" } }],
    ["two", { identity: [uri, { type: "email", value: "ada@example.test" }] }],
    ["the same twice", { identity: [uri, uri] }],
    ["a host name", { identity: { type: "dns", value: "example.test" } }],
  ])("%s: refused", (_, o) => {
    expect(outcome(o)).toBe("SIGSTORE_CERTIFICATE_IDENTITY");
  });

  test("an empty name", () => {
    expect(["SIGSTORE_CERTIFICATE_IDENTITY", "CORE_CERTIFICATE_MALFORMED"]).toContain(
      outcome({ identity: { type: "uri", value: "" } }),
    );
    expect(outcomeOf(() => readIdentity({ ...leafOf({}), subjectAltNames: [{ type: "uri", value: "" }] }))).toBe(
      "SIGSTORE_CERTIFICATE_IDENTITY",
    );
  });

  test("an other name of another kind than Fulcio's", () => {
    const subjectAltNames = [{ type: "other-name", oid: "1.3.6.1.4.1.311.20.2.3", value: "ada@example.test" }] as const;
    expect(outcomeOf(() => readIdentity({ ...leafOf({}), subjectAltNames }))).toBe("SIGSTORE_CERTIFICATE_IDENTITY");
  });
});

describe("S4: who vouches for it", () => {
  test.each<[string, Partial<IssueOptions>]>([
    ["both extensions", {}],
    ["the old one alone", { issuerForms: ["v1"] }],
    ["the new one alone", { issuerForms: ["v2"] }],
  ])("%s", (_, o) => {
    expect(readIdentity(leafOf(o)).issuer).toBe(issuer);
  });

  test.each<[string, Partial<IssueOptions>]>([
    ["none", { issuerForms: [] }],
    ["an empty one", { issuerForms: ["v2"], issuer: "" }],
    ["two that differ", { issuerForms: ["v1"], extraExtensions: [claimExtension(8, "https://evil.test")] }],
    ["two that differ by case", { issuerForms: ["v1"], extraExtensions: [claimExtension(8, "https://Token.test")] }],
    [
      "raw text in the new extension",
      { issuerForms: [], extraExtensions: [{ ...claimExtension(8, ""), value: new TextEncoder().encode(issuer) }] },
    ],
    [
      "bytes that are no text",
      { issuerForms: [], extraExtensions: [{ ...claimExtension(1, ""), value: Uint8Array.of(0xff) }] },
    ],
    [
      "something after the text",
      {
        issuerForms: [],
        extraExtensions: [
          { ...claimExtension(8, ""), value: Buffer.concat([claimExtension(8, issuer).value, Uint8Array.of(5, 0)]) },
        ],
      },
    ],
  ])("%s: refused", (_, o) => {
    expect(outcome(o)).toBe("SIGSTORE_CERTIFICATE_IDENTITY");
  });
});

test("every documented claim is read under its name, and nothing else", () => {
  const claims = Object.fromEntries(Object.keys(fulcioClaimArcs).map((name) => [name, `value of ${name}`]));
  expect(readIdentity(leafOf({ claims })).extensions).toEqual(claims);
  expect([...extensionNames.values()].toSorted()).toEqual(Object.keys(fulcioClaimArcs).toSorted());
  expect(readIdentity(leafOf({})).extensions).toEqual({});
  expect(outcome({ extraExtensions: [{ ...claimExtension(12, ""), value: Uint8Array.of(0) }] })).toBe(
    "SIGSTORE_CERTIFICATE_IDENTITY",
  );
});
