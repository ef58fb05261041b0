import { createPublicKey, verify } from "node:crypto";
import * as pkijs from "pkijs";
import type { Authority, IssueOptions } from "./ca.ts";
import { pem } from "./certificate.ts";
import type { Identity } from "./certificate.ts";
import { localSigstoreError } from "./errors.ts";
import type { Faults } from "./faults.ts";
import { ciClaims } from "./fulcio-extension.ts";
import { json } from "./http.ts";
import type { Reply, Request, Route } from "./http.ts";
import { makeKeyPair } from "./keyring.ts";
import { sigstoreAudience } from "./oidc.ts";
import type { Oidc } from "./oidc.ts";
import { bytesAt, decodeBase64, memberAt, parseRequestJson, readOr, textAt } from "./request.ts";

/** What Fulcio's HTTP face needs. */
export interface FulcioOptions {
  readonly ca: Authority;
  readonly oidc: Oidc;
  readonly faults: Faults;
  readonly now: () => Date;
}

/** Fulcio's v2 API: signingCert, trustBundle, configuration. */
export function fulcioRoutes(o: FulcioOptions): readonly Route[] {
  const chain = o.ca.chain.map((der) => pem("CERTIFICATE", der));
  return [
    {
      service: "fulcio",
      method: "POST",
      path: /\/api\/v2\/signingCert/,
      answer: (request) => signingCert(request, o),
    },
    {
      service: "fulcio",
      method: "GET",
      path: /\/api\/v2\/trustBundle/,
      answer: () => json({ chains: [{ certificates: chain }] }),
    },
    {
      service: "fulcio",
      method: "GET",
      path: /\/api\/v2\/configuration/,
      answer: () => json({ issuers: [configuration(o.oidc.issuer)] }),
    },
  ];
}

/** What an honest Fulcio certifies for these token claims: identity, issuer and extensions. */
export function certifiable(
  claims: Readonly<Record<string, unknown>>,
): Required<Pick<IssueOptions, "identity" | "issuer" | "claims">> {
  return { identity: identityOf(claims), issuer: String(claims["iss"]), claims: ciClaims(claims) };
}

function configuration(issuerUrl: string): Record<string, unknown> {
  return { issuerUrl, audience: sigstoreAudience, challengeClaim: "sub", spiffeTrustDomain: "", issuerType: "email" };
}

async function signingCert(request: Request, o: FulcioOptions): Promise<Reply> {
  const asked = parseRequestJson(request.body);
  const claims = o.oidc.checkToken(tokenOf(request, asked));
  const spki = await certifiedKey(asked, claims);
  const issued = o.ca.issue(withFault({ spki, ...certifiable(claims) }, o));
  const certificates = [issued.certificate, ...issued.chain].map((der) => pem("CERTIFICATE", der));
  return json({ signedCertificateEmbeddedSct: { chain: { certificates } } });
}

function tokenOf(request: Request, asked: unknown): string {
  const header = request.headers["authorization"];
  const inBody = memberAt(asked, "credentials.oidcIdentityToken");
  if (typeof inBody === "string") return inBody;
  if (typeof header === "string" && header.startsWith("Bearer ")) return header.slice("Bearer ".length);
  throw localSigstoreError("LOCAL_SIGSTORE_TOKEN_REFUSED", "no token in the request");
}

/** The key to certify, after its holder was proved: by the CSR's own signature, or by one over the subject or email. */
async function certifiedKey(asked: unknown, claims: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
  if (memberAt(asked, "certificateSigningRequest") !== undefined) {
    return await checkRequestSignature(bytesAt(asked, "certificateSigningRequest"));
  }
  const content = textAt(asked, "publicKeyRequest.publicKey.content");
  const proof = bytesAt(asked, "publicKeyRequest.proofOfPossession");
  const key = readOr("public key", () => publicKeyOf(content));
  const hash = key.asymmetricKeyType === "ed25519" ? null : hashOfKey(key.asymmetricKeyDetails?.namedCurve);
  const challenges = [claims["sub"], claims["email"]].filter((value) => typeof value === "string");
  const isHeld = challenges.some((challenge) => isProof({ hash, challenge, key, proof }));
  if (!isHeld) throw localSigstoreError("LOCAL_SIGSTORE_PROOF_REFUSED");
  return new Uint8Array(key.export({ format: "der", type: "spki" }));
}

type PublicKey = ReturnType<typeof createPublicKey>;

function publicKeyOf(content: string): PublicKey {
  if (content.includes("-----BEGIN")) return createPublicKey(content);
  return createPublicKey({
    key: Buffer.from(decodeBase64(content, "publicKey.content")),
    format: "der",
    type: "spki",
  });
}

/** Fulcio hashes challenges with SHA-256 for RSA and P-256, else with the hash of the curve. */
function hashOfKey(curve: string | undefined): string {
  if (curve === "secp384r1") return "sha384";
  return curve === "secp521r1" ? "sha512" : "sha256";
}

function isProof(o: { hash: string | null; challenge: string; key: PublicKey; proof: Uint8Array }): boolean {
  const isOver = (hash: string | null): boolean => verify(hash, Buffer.from(o.challenge), o.key, o.proof);
  return readOr("proof of possession", () => isOver(o.hash) || (o.hash === null ? false : isOver("sha256")));
}

async function checkRequestSignature(encoded: Uint8Array): Promise<Uint8Array> {
  const armoured = Buffer.from(encoded).toString("latin1");
  const inner = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([^-]+)-----END/.exec(armoured)?.[1];
  const der = inner === undefined ? encoded : decodeBase64(inner, "certificateSigningRequest");
  const csr = readOr("certificate signing request", () =>
    pkijs.CertificationRequest.fromBER(new Uint8Array(der).buffer),
  );
  const isGood = await csr.verify().catch(() => false);
  if (!isGood) throw localSigstoreError("LOCAL_SIGSTORE_PROOF_REFUSED", "certificate signing request");
  return new Uint8Array(csr.subjectPublicKeyInfo.toSchema().toBER());
}

function identityOf(claims: Readonly<Record<string, unknown>>): Identity {
  const subject = String(claims["sub"]);
  if (typeof claims["job_workflow_ref"] === "string") {
    return { type: "uri", value: `https://github.com/${claims["job_workflow_ref"]}` };
  }
  if (typeof claims["ci_config_ref_uri"] === "string") {
    return { type: "uri", value: `https://${claims["ci_config_ref_uri"]}` };
  }
  if (typeof claims["email"] === "string") return { type: "email", value: verifiedEmail(claims["email"], claims) };
  if (subject.includes("://")) return { type: "uri", value: subject };
  const host = URL.canParse(String(claims["iss"])) ? new URL(String(claims["iss"])).hostname : "local";
  return { type: "other-name", value: `${subject}!${host}` };
}

/** Some issuers write the claim as a word (AWS Cognito); in a certificate an address is ASCII (RFC 5280 §4.2.1.6). */
function verifiedEmail(email: string, claims: Readonly<Record<string, unknown>>): string {
  const verified = claims["email_verified"];
  if (verified !== true && verified !== "true")
    throw localSigstoreError("LOCAL_SIGSTORE_TOKEN_REFUSED", "its address is not verified");
  if (/^[!-~]+$/.test(email)) return email;
  throw localSigstoreError("LOCAL_SIGSTORE_TOKEN_REFUSED", "its address cannot stand in a certificate");
}

function withFault(options: IssueOptions, o: FulcioOptions): IssueOptions {
  const kinds = ["wrong-sct", "no-sct", "wrong-key", "wrong-identity", "wrong-issuer", "expired"] as const;
  switch (o.faults.take("fulcio", kinds)?.kind) {
    case undefined:
      return options;
    case "wrong-sct":
      return { ...options, sct: "wrong-precert" };
    case "no-sct":
      return { ...options, sct: "none" };
    case "wrong-key":
      return { ...options, spki: makeKeyPair("p256").spki };
    case "wrong-identity":
      return { ...options, identity: { type: "email", value: "mallory@example.com" } };
    case "wrong-issuer":
      return { ...options, issuer: "https://issuer.example.com" };
    case "expired": {
      const notAfter = new Date(o.now().getTime() - 60 * 60 * 1000);
      return { ...options, notBefore: new Date(notAfter.getTime() - 10 * 60 * 1000), notAfter };
    }
  }
}
