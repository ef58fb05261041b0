import { TrustError } from "@countersign/core";
import { expect, test } from "vitest";
import { codeOf } from "../vectors/format-sample.ts";
import { maxTokenChars, maxTokenSkewMs, parseToken } from "./oidc.ts";

const nowMs = 1_700_000_000_000;
const good = {
  iss: "https://issuer.example",
  sub: "ada",
  aud: "sigstore",
  exp: nowMs / 1000 + 60,
  email: "ada@example.com",
};

function token(claims: unknown): string {
  const part = (value: unknown): string =>
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "ES256" })}.${part(claims)}.${Buffer.alloc(64, 0xab).toString("base64url")}`;
}

test("reads who it is for and until when", () => {
  const raw = token(good);
  expect(parseToken(raw, { nowMs })).toEqual({
    raw,
    issuer: "https://issuer.example",
    subject: "ada",
    email: good.email,
    expiresMs: nowMs + 60_000,
    claims: good,
  });
  expect(parseToken(token({ ...good, aud: ["other", "sigstore"] }), { nowMs }).subject).toBe("ada");
  expect(parseToken(token({ ...good, aud: "mine" }), { nowMs, audience: "mine" }).subject).toBe("ada");
});

test("a clock a little behind the issuer's is forgiven, and so is a token that says nothing of its start", () => {
  const skewed = token({ ...good, nbf: (nowMs + maxTokenSkewMs) / 1000, iat: (nowMs + 3_600_000) / 1000 });
  expect(parseToken(skewed, { nowMs }).subject).toBe("ada");
});

const malformed = "SIGSTORE_TOKEN_MALFORMED";
const cases: readonly (readonly [string, string, string])[] = [
  ["expired a moment ago", token({ ...good, exp: nowMs / 1000 }), "SIGSTORE_TOKEN_EXPIRED"],
  ["a start to come", token({ ...good, nbf: (nowMs + maxTokenSkewMs) / 1000 + 1 }), "SIGSTORE_TOKEN_EARLY"],
  ["a start that is text", token({ ...good, nbf: "soon" }), malformed],
  ["no signature", token(good).replace(/[^.]*$/, ""), malformed],
  ["another audience", token({ ...good, aud: "sigstore.example" }), "SIGSTORE_TOKEN_AUDIENCE"],
  ["no audience", token({ ...good, aud: undefined }), "SIGSTORE_TOKEN_AUDIENCE"],
  ["audience in an object", token({ ...good, aud: { sigstore: true } }), "SIGSTORE_TOKEN_AUDIENCE"],
  ["no issuer", token({ ...good, iss: undefined }), malformed],
  ["no subject", token({ ...good, sub: "" }), malformed],
  ["no expiry", token({ ...good, exp: "soon" }), malformed],
  ["claims that are no object", token([good]), malformed],
  ["claims that are no JSON", token("{secret-claims"), malformed],
  ["claims that are null", token("null"), malformed],
  ["a member twice", token('{"iss":"secret-one","iss":"secret-two"}'), malformed],
  ["two parts", token(good).split(".").slice(0, 2).join("."), malformed],
  ["four parts", `${token(good)}.secret`, malformed],
  ["standard base64", `${token(good)}==`, malformed],
  ["a length that base64 cannot have", "eyJhbGciOiJub25lIn0.eyJzZ.c2VjcmV0", malformed],
  ["a line break", `${token(good)}\n`, malformed],
  ["something else", "hunter2 is my secret", malformed],
  ["nothing", "", malformed],
  ["too long", `${"a".repeat(maxTokenChars)}.b.c`, malformed],
];

test.each(cases)("S22: refuses a token with %s, without repeating any of it", (_, raw, code) => {
  expect(codeOf(() => parseToken(raw, { nowMs }))).toBe(code);
  try {
    parseToken(raw, { nowMs });
  } catch (error) {
    const { message, cause, detail } = error as TrustError;
    expect(cause).toBeUndefined();
    const text = `${message} ${JSON.stringify(detail)}`;
    for (let at = 0; at + 6 <= raw.length && at < 2000; at++) expect(text).not.toContain(raw.slice(at, at + 6));
    expect(text).not.toMatch(/ada|secret|issuer\.example/);
  }
});
