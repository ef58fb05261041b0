import { execFileSync, spawnSync } from "node:child_process";
import { createPublicKey, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCertificate } from "@countersign/core";
import type { Certificate } from "@countersign/core";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  certificateOids,
  fulcioClaimArcs,
  githubActionsClaims,
  makeKeyPair,
  pem,
  startLocalSigstore,
} from "./index.ts";
import type { FulcioClaim, KeyKind, KeyPair, LocalSigstore, TokenRequest } from "./index.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
let stack: LocalSigstore;
beforeAll(async () => {
  stack = await startLocalSigstore();
});
afterAll(() => stack.close());

const key = makeKeyPair("p256");

function keyRequest(token: string, challenge: string, pair: KeyPair = key): Record<string, unknown> {
  const hash = pair.kind === "ed25519" ? null : pair.kind === "p384" ? "sha384" : "sha256";
  const proofOfPossession = sign(hash, Buffer.from(challenge), pair.privateKey).toString("base64");
  const publicKey = { algorithm: "", content: pem("PUBLIC KEY", pair.spki) };
  return { credentials: { oidcIdentityToken: token }, publicKeyRequest: { publicKey, proofOfPossession } };
}

async function post(body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; answer: Answer }> {
  const request = { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) };
  const response = await fetch(`${stack.url}/api/v2/signingCert`, request);
  return { status: response.status, answer: (await response.json()) as Answer };
}

interface Answer {
  readonly error?: string;
  readonly message?: string;
  readonly signedCertificateEmbeddedSct?: { readonly chain: { readonly certificates: string[] } };
}

async function certify(request: TokenRequest, challenge: string, pair?: KeyPair): Promise<Certificate> {
  const { answer } = await post(keyRequest(await stack.token(request), challenge, pair));
  return leafOf(answer);
}

function leafOf(answer: Answer): Certificate {
  const [leaf = ""] = answer.signedCertificateEmbeddedSct?.chain.certificates ?? [];
  return parseCertificate(new Uint8Array(new X509Certificate(leaf).raw));
}

describe("OIDC", () => {
  test("a token verifies by discovery and JWKS, as jose does it", async () => {
    const discovered = await (await fetch(`${stack.url}/.well-known/openid-configuration`)).json();
    const { jwks_uri: keys, issuer } = discovered as { jwks_uri: string; issuer: string };
    const token = await stack.token({ email: "ada@example.com", claims: { extra: 1 } });
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(keys)), { issuer, audience: "sigstore" });
    expect(payload).toMatchObject({ sub: "ada@example.com", email_verified: true, extra: 1 });
  });

  test("tokens come over HTTP by query and by body", async () => {
    const text = await (await fetch(`${stack.url}/token?github=octo/release&audience=other&expires_in=5`)).text();
    const claims = JSON.parse(Buffer.from(text.split(".")[1] ?? "", "base64url").toString()) as Record<string, number>;
    expect(claims).toMatchObject({ sub: "repo:octo/release:ref:refs/heads/main", aud: "other" });
    expect((claims["exp"] ?? 0) - (claims["iat"] ?? 0)).toBe(5);
    const body = JSON.stringify({ subject: "https://robot.example" });
    const answer = await (await fetch(`${stack.url}/token`, { method: "POST", body })).json();
    expect(answer).toMatchObject({ expires_in: 600, id_token: expect.stringMatching(/^ey/) });
  });

  test("a token for nobody is refused", async () => {
    const answer = await (await fetch(`${stack.url}/token`)).json();
    expect(answer).toMatchObject({ error: "LOCAL_SIGSTORE_REQUEST_MALFORMED" });
  });
});

describe("identities", () => {
  test.each<[string, TokenRequest, unknown]>([
    ["an email", { email: "ada@example.com" }, { type: "email", value: "ada@example.com" }],
    [
      "an email that was verified, in a word",
      { subject: "7", claims: { email: "ada@example.com", email_verified: "true" } },
      { type: "email", value: "ada@example.com" },
    ],
    ["a URI", { subject: "https://robot.example/1" }, { type: "uri", value: "https://robot.example/1" }],
    ["a name", { subject: "ada" }, { type: "other-name", oid: certificateOids.otherName, value: "ada!127.0.0.1" }],
  ])("%s goes into a critical alternative name", async (_, request, expected) => {
    const leaf = await certify(request, request.subject ?? request.email ?? "");
    expect(leaf.subjectAltNames).toEqual([expected]);
  });

  test("a CI run has every claim of Fulcio's list", async () => {
    const claims = githubActionsClaims({ repository: "octo/release", environment: "prod" });
    const leaf = await certify({ claims }, claims["sub"] ?? "");
    const arcs = Object.values(fulcioClaimArcs).map((arc) => `1.3.6.1.4.1.57264.1.${arc}`);
    expect(arcs.filter((oid) => !leaf.extensions.has(oid))).toEqual([]);
    const textOf = (claim: FulcioClaim): string =>
      Buffer.from(
        leaf.extensions.get(`1.3.6.1.4.1.57264.1.${fulcioClaimArcs[claim]}`)?.value.subarray(2) ?? [],
      ).toString();
    expect(textOf("runInvocationURI")).toBe("https://github.com/octo/release/actions/runs/4242424242/attempts/1");
    expect(textOf("deploymentEnvironment")).toBe("prod");
    expect(textOf("sourceRepositoryOwnerURI")).toBe("https://github.com/octo");
  });

  test.each<KeyKind>(["p256", "p384", "p521", "ed25519", "rsa2048"])("a %s key is certified", async (kind) => {
    const pair = makeKeyPair(kind);
    const leaf = await certify({ email: "ada@example.com" }, "ada@example.com", pair);
    expect(Buffer.from(leaf.spki)).toEqual(Buffer.from(pair.spki));
  });

  test("the proof may be over the email while the subject is another", async () => {
    const leaf = await certify({ subject: "4711", email: "ada@example.com" }, "ada@example.com");
    expect(leaf.subjectAltNames).toEqual([{ type: "email", value: "ada@example.com" }]);
  });

  test.skipIf(!hasOpenssl)("a certificate signing request made by OpenSSL is accepted, a changed one not", async () => {
    const dir = mkdtempSync(join(tmpdir(), "local-sigstore-"));
    const file = join(dir, "key.pem");
    writeFileSync(file, key.privateKey.export({ format: "pem", type: "pkcs8" }));
    execFileSync("openssl", ["req", "-new", "-key", file, "-subj", "/CN=x", "-out", join(dir, "csr.pem")]);
    const csr = readFileSync(join(dir, "csr.pem"), "utf8");
    const token = await stack.token({ email: "ada@example.com" });
    const headers = { authorization: `Bearer ${token}` };
    const { answer } = await post({ certificateSigningRequest: Buffer.from(csr).toString("base64") }, headers);
    expect(Buffer.from(leafOf(answer).spki)).toEqual(Buffer.from(key.spki));
    const der = Buffer.from(csr.replace(/-----[^-]+-----/g, ""), "base64");
    der[der.length - 3] = (der[der.length - 3] ?? 0) ^ 1;
    const refused = await post({ certificateSigningRequest: der.toString("base64") }, headers);
    expect(refused.answer.error).toBe("LOCAL_SIGSTORE_PROOF_REFUSED");
  });
});

test("the trust bundle is the authority's chain", async () => {
  const answer = (await (await fetch(`${stack.url}/api/v2/trustBundle`)).json()) as {
    chains: { certificates: string[] }[];
  };
  expect(answer.chains[0]?.certificates).toEqual(stack.ca.chain.map((der) => pem("CERTIFICATE", der)));
  expect(await (await fetch(`${stack.url}/api/v2/configuration`)).json()).toMatchObject({
    issuers: [{ issuerUrl: stack.url }],
  });
});

describe("tokens that are refused", () => {
  // As Fulcio 1.8.8 does for issuers of the type email.
  test.each([
    { email_verified: false },
    { email_verified: "false" },
    {},
    { email: "gr\u00fcn@example.com", email_verified: true },
  ])("for an email that is not verified, or cannot be in a certificate: %j", async (claims) => {
    const token = await stack.token({ subject: "7", claims: { email: "ada@example.com", ...claims } });
    const { status, answer } = await post(keyRequest(token, "7"));
    expect([status, answer.error]).toEqual([401, "LOCAL_SIGSTORE_TOKEN_REFUSED"]);
  });

  const email = "ada@example.com";
  test.each<[string, TokenRequest]>([
    ["expired", { email, expiresInSeconds: -1 }],
    ["for another audience", { email, audience: "other" }],
    ["of another issuer", { email, claims: { iss: "https://issuer.example" } }],
    ["not valid yet", { email, claims: { nbf: 4_000_000_000 } }],
    ["signed by another key", { email, key: makeKeyPair("p256") }],
    ["without a subject", { email, claims: { sub: "" } }],
  ])("%s", async (_, request) => {
    const token = await stack.token(request);
    const { status, answer } = await post(keyRequest(token, email));
    expect([status, answer.error]).toEqual([401, "LOCAL_SIGSTORE_TOKEN_REFUSED"]);
    expect(answer.message).not.toContain(token);
  });

  test("without a signature", async () => {
    const [, payload] = (await stack.token({ email })).split(".");
    const header = Buffer.from('{"alg":"none"}').toString("base64url");
    const { answer } = await post(keyRequest(`${header}.${payload}.`, email));
    expect(answer.error).toBe("LOCAL_SIGSTORE_TOKEN_REFUSED");
  });

  test("none at all, and no JWT", async () => {
    expect((await post({})).answer.error).toBe("LOCAL_SIGSTORE_TOKEN_REFUSED");
    expect((await post(keyRequest("abc", email))).answer.error).toBe("LOCAL_SIGSTORE_TOKEN_REFUSED");
    expect((await post(keyRequest("a.b.c", email))).answer.error).toBe("LOCAL_SIGSTORE_REQUEST_MALFORMED");
  });
});

describe("requests that are refused", () => {
  test("a proof over something else, or by another key", async () => {
    const token = await stack.token({ email: "ada@example.com" });
    const wrong = await post(keyRequest(token, "mallory@example.com"));
    expect([wrong.status, wrong.answer.error]).toEqual([400, "LOCAL_SIGSTORE_PROOF_REFUSED"]);
    const other = keyRequest(token, "ada@example.com", makeKeyPair("p256"));
    const mixed = {
      ...other,
      publicKeyRequest: {
        ...(other["publicKeyRequest"] as object),
        publicKey: { content: pem("PUBLIC KEY", key.spki) },
      },
    };
    expect((await post(mixed)).answer.error).toBe("LOCAL_SIGSTORE_PROOF_REFUSED");
  });

  test("no key, a broken key, no JSON, too much of it", async () => {
    const token = await stack.token({ email: "ada@example.com" });
    const malformed = "LOCAL_SIGSTORE_REQUEST_MALFORMED";
    const request = keyRequest(token, "ada@example.com");
    expect((await post({ ...request, publicKeyRequest: {} })).answer.error).toBe(malformed);
    const broken = { publicKey: { content: "-----BEGIN PUBLIC KEY-----" }, proofOfPossession: "AAAA" };
    expect((await post({ ...request, publicKeyRequest: broken })).answer.error).toBe(malformed);
    expect((await post({ ...request, certificateSigningRequest: "AAAA" })).answer.error).toBe(malformed);
    expect((await post("{")).answer.error).toBe(malformed);
    const large = await post(" ".repeat(5 * 1024 * 1024));
    expect([large.status, large.answer.error]).toEqual([413, "LOCAL_SIGSTORE_REQUEST_TOO_LARGE"]);
  });
});

describe("faults", () => {
  const email = "ada@example.com";
  test("change what is certified, once", async () => {
    const ask = (): Promise<Certificate> => certify({ email }, email);
    stack.faults.set("fulcio", { kind: "wrong-key", times: 1 });
    expect(Buffer.from((await ask()).spki)).not.toEqual(Buffer.from(key.spki));
    expect(Buffer.from((await ask()).spki)).toEqual(Buffer.from(key.spki));
    stack.faults.set("fulcio", { kind: "wrong-identity", times: 1 });
    expect((await ask()).subjectAltNames[0]?.value).toBe("mallory@example.com");
    stack.faults.set("fulcio", { kind: "no-sct", times: 1 });
    expect((await ask()).sctList).toBeUndefined();
    stack.faults.set("fulcio", { kind: "wrong-sct", times: 1 });
    expect((await ask()).sctList).toBeDefined();
    stack.faults.set("fulcio", { kind: "expired", times: 1 });
    expect((await ask()).notAfterMs).toBeLessThan(Date.now());
    stack.faults.set("fulcio", { kind: "wrong-issuer", times: 1 });
    const issuer = (await ask()).extensions.get("1.3.6.1.4.1.57264.1.1")?.value ?? [];
    expect(Buffer.from(issuer).toString()).toBe("https://issuer.example.com");
  });

  test("of the OIDC provider make tokens that Fulcio refuses", async () => {
    for (const kind of ["expired", "wrong-signer"] as const) {
      stack.faults.set("oidc", { kind, times: 1 });
      const { answer } = await post(keyRequest(await stack.token({ email }), email));
      expect(answer.error).toBe("LOCAL_SIGSTORE_TOKEN_REFUSED");
    }
  });
});

test("public keys come as PEM or as base64 of DER", async () => {
  const token = await stack.token({ email: "ada@example.com" });
  const request = keyRequest(token, "ada@example.com");
  const content = Buffer.from(createPublicKey(key.publicKey.export({ format: "pem", type: "spki" })).export({ format: "der", type: "spki" })).toString("base64"); // prettier-ignore
  const { answer } = await post({
    ...request,
    publicKeyRequest: { ...(request["publicKeyRequest"] as object), publicKey: { content } },
  });
  expect(Buffer.from(leafOf(answer).spki)).toEqual(Buffer.from(key.spki));
});
