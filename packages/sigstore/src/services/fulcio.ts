import {
  attempt,
  base64,
  derBitString,
  derExplicit,
  derInteger,
  derNull,
  derOid,
  derSequence,
  equalBytes,
  formatPem,
  parseCertificate,
  parseJson,
  parsePem,
  quote,
  readObject,
  TrustError,
  utf8,
  type AlgorithmName,
  type Certificate,
  type ObjectReader,
  type Signer,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { isIssuerOf, isNameOf, nameFor } from "../fulcio-name.ts";
import { readIdentity } from "../identity.ts";
import { loginError } from "../login-errors.ts";
import type { Token } from "../oidc.ts";
import { apiUrl, isSharing, jsonBody, send, type Caller } from "../request.ts";

/** How long Fulcio may take to answer, in milliseconds. */
export const fulcioTimeoutMs = 20_000;
/** The largest answer of Fulcio, in bytes. */
export const maxFulcioBytes: number = 256 * 1024;

/** The key to certify, and who says that its holder is who. */
export interface CertificateRequest {
  /** Base URL. */
  readonly url: string;
  readonly token: Token;
  readonly signer: Signer;
  readonly named?: Named;
}

/** Exactly whom a certificate must name, in place of what follows from the token. */
export interface Named {
  readonly identity?: string;
  readonly issuer?: string;
}

/**
 * Has Fulcio (v2 API, signingCert) certify the signer's key for the token's identity. Possession of the key is proved by
 * a PKCS#10 request, whose own signature needs no agreement on which claim is the subject. Returns the chain, leaf first;
 * proves that the leaf holds our key, and names whom the token names (`isNameOf`, `isIssuerOf`) or `named` asks for. Does not prove
 * who issued it, nor that it names one person only: the verifier does.
 * Throws SIGSTORE_FULCIO_RESPONSE, SIGSTORE_FULCIO_IDENTITY, SIGSTORE_SIGN_ALGORITHM and the errors of `send`; none repeats a piece
 * of the token as it was sent.
 */
export async function requestCertificate(caller: Caller, asked: CertificateRequest): Promise<readonly Certificate[]> {
  const csr = formatPem("CERTIFICATE REQUEST", await signRequest(asked.signer));
  const body = jsonBody({
    credentials: { oidcIdentityToken: asked.token.raw },
    certificateSigningRequest: base64(utf8(csr)),
  });
  const request = {
    method: "POST" as const,
    url: apiUrl(asked.url, "/api/v2/signingCert"),
    headers: { "content-type": "application/json", accept: "application/json" },
    body,
    timeoutMs: fulcioTimeoutMs,
    maxBytes: maxFulcioBytes,
  };
  const response = await send(caller, request, { secret: asked.token.raw });
  const chain = readChain(response.body, asked.token.raw);
  const leaf = chain[0] as Certificate;
  if (!equalBytes(leaf.spki, asked.signer.spki)) throw refused("a certificate for another key");
  checkName(leaf, asked);
  checkIssuer(leaf, asked);
  return chain;
}

function checkName(leaf: Certificate, { token, named = {} }: CertificateRequest): void {
  const { identity } = named;
  const stranger = leaf.subjectAltNames.find((name) =>
    identity === undefined ? !isNameOf(name, token) : name.value !== identity,
  );
  if (stranger === undefined) return;
  const expected = identity ?? nameFor(token)?.value ?? token.email ?? token.subject;
  throw otherIdentity(token, { checked: "name", expected, got: stranger.value });
}

function checkIssuer(leaf: Certificate, { token, named = {} }: CertificateRequest): void {
  const issuer = attempt(() => readIdentity(leaf).issuer);
  if (issuer === undefined) return;
  if (named.issuer === undefined ? isIssuerOf(issuer, token) : issuer === named.issuer) return;
  throw otherIdentity(token, { checked: "issuer", expected: named.issuer ?? token.issuer, got: issuer });
}

/** What a claim says is for everybody to read in the certificate; the token as it was sent is not. */
function otherIdentity(
  { raw }: Token,
  { checked, expected, got }: Record<"checked" | "expected" | "got", string>,
): TrustError {
  const shown = isSharing(got, raw) ? "something that cannot be shown" : quote(got);
  return loginError("SIGSTORE_FULCIO_IDENTITY", { checked, expected: quote(expected), got: shown });
}

function refused(got: string): TrustError {
  return sigstoreError("SIGSTORE_FULCIO_RESPONSE", { got });
}

/** Errors of the parsers quote what they read, which may be our own token sent back. */
function readChain(body: Uint8Array, secret: string): readonly Certificate[] {
  try {
    return parseChain(body);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const isSecret = isSharing(error.message, secret);
    if (error.code === "SIGSTORE_FULCIO_RESPONSE" && !isSecret) throw error;
    throw refused(isSecret ? "an answer that cannot be read" : error.message);
  }
}

function parseChain(body: Uint8Array): readonly Certificate[] {
  const reader = readObject(parseJson(body, { maxDepth: 16 }), "answer", (detail) =>
    sigstoreError("SIGSTORE_FULCIO_RESPONSE", detail),
  );
  // The detached form is what a Fulcio without CT log sends: whether that is enough is for the verifier to say.
  const signed: ObjectReader =
    reader.optionalObject("signedCertificateEmbeddedSct") ?? reader.object("signedCertificateDetachedSct");
  const certificates = signed.object("chain").array("certificates", 10);
  const chain = certificates.map(readPemCertificate);
  if (chain.length === 0) throw refused("no certificate");
  return chain;
}

function readPemCertificate(text: unknown): Certificate {
  const [block, ...others] = typeof text === "string" ? parsePem(text) : [];
  if (block === undefined || others.length > 0 || block.label !== "CERTIFICATE")
    throw refused("something else than one PEM certificate");
  return parseCertificate(block.bytes);
}

/** PKCS#10 (RFC 2986 §4): version 1, no name, the key, an empty set of attributes, signed by the key. */
async function signRequest(signer: Signer): Promise<Uint8Array> {
  const info = derSequence(derInteger(0), derSequence(), signer.spki, derExplicit(0, new Uint8Array()));
  return derSequence(
    info,
    algorithmIdentifier(signer.algorithm.name),
    derBitString(await signer.sign({ message: info })),
  );
}

const oids: Partial<Record<AlgorithmName, string>> = {
  "ecdsa-p256-sha256": "1.2.840.10045.4.3.2",
  "ecdsa-p384-sha384": "1.2.840.10045.4.3.3",
  "ecdsa-p521-sha512": "1.2.840.10045.4.3.4",
  "rsa-pkcs1-sha256": "1.2.840.113549.1.1.11",
};

// RFC 5758 §3.2: ECDSA has no parameters; RFC 4055 §5: RSA PKCS#1 v1.5 has NULL.
function algorithmIdentifier(name: AlgorithmName): Uint8Array {
  const oid = oids[name];
  if (oid === undefined) throw sigstoreError("SIGSTORE_SIGN_ALGORITHM", { checked: "certificate request", got: name });
  return name.startsWith("rsa") ? derSequence(derOid(oid), derNull()) : derSequence(derOid(oid));
}
