import {
  digestOf,
  hash,
  hex,
  parseDer,
  parseUtf8,
  quote,
  readUtf8String,
  TrustError,
  type Certificate,
  type SignedBy,
} from "@countersign/core";
import { sigstoreError } from "./errors.ts";

const fulcio = "1.3.6.1.4.1.57264.1";
const issuerV1 = `${fulcio}.1`;
const issuerV2 = `${fulcio}.8`;

/** Fulcio's extension claims (fulcio docs/oid-info.md): raw text up to .6, a DER UTF8String from .9 on. */
export const extensionNames: ReadonlyMap<string, string> = new Map([
  [`${fulcio}.2`, "githubWorkflowTrigger"],
  [`${fulcio}.3`, "githubWorkflowSHA"],
  [`${fulcio}.4`, "githubWorkflowName"],
  [`${fulcio}.5`, "githubWorkflowRepository"],
  [`${fulcio}.6`, "githubWorkflowRef"],
  [`${fulcio}.9`, "buildSignerURI"],
  [`${fulcio}.10`, "buildSignerDigest"],
  [`${fulcio}.11`, "runnerEnvironment"],
  [`${fulcio}.12`, "sourceRepositoryURI"],
  [`${fulcio}.13`, "sourceRepositoryDigest"],
  [`${fulcio}.14`, "sourceRepositoryRef"],
  [`${fulcio}.15`, "sourceRepositoryIdentifier"],
  [`${fulcio}.16`, "sourceRepositoryOwnerURI"],
  [`${fulcio}.17`, "sourceRepositoryOwnerIdentifier"],
  [`${fulcio}.18`, "buildConfigURI"],
  [`${fulcio}.19`, "buildConfigDigest"],
  [`${fulcio}.20`, "buildTrigger"],
  [`${fulcio}.21`, "runInvocationURI"],
  [`${fulcio}.22`, "sourceRepositoryVisibilityAtSigning"],
  [`${fulcio}.23`, "deploymentEnvironment"],
  [`${fulcio}.24`, "tokenSubject"],
]);
const rawText: ReadonlySet<string> = new Set([1, 2, 3, 4, 5, 6].map((arc) => `${fulcio}.${arc}`));

/** The signer that a certificate names. */
export type CertificateSigner = Extract<SignedBy, { kind: "certificate" }>;

/**
 * Reads the one identity (URI, e-mail or Fulcio otherName) and the issuer that vouched for it from a leaf.
 * Several SANs, none, or two issuers that differ are refused. Says nothing about whether the certificate is genuine.
 */
export function readIdentity(leaf: Certificate): CertificateSigner {
  return {
    kind: "certificate",
    identity: readSubject(leaf),
    issuer: readIssuer(leaf),
    extensions: readExtensions(leaf),
    fingerprint: digestOf("sha256", leaf.raw),
    keyid: hex(hash("sha256", leaf.spki)),
    notBefore: new Date(leaf.notBeforeMs).toISOString(),
    notAfter: new Date(leaf.notAfterMs).toISOString(),
  };
}

function readSubject(leaf: Certificate): CertificateSigner["identity"] {
  const [name, ...others] = leaf.subjectAltNames;
  if (name === undefined || others.length > 0)
    throw wrong("subject alternative names", "exactly one", String(leaf.subjectAltNames.length));
  if (name.value === "") throw wrong("subject alternative name", "a value", "nothing");
  if (name.type === "uri" || name.type === "email") return { type: name.type, value: name.value };
  if (name.type === "other-name" && name.oid === `${fulcio}.7`) return { type: "other-name", value: name.value };
  throw wrong("subject alternative name", "a URI, an e-mail address or a Fulcio user name", name.type);
}

function readIssuer(leaf: Certificate): string {
  const current = readExtension(leaf, issuerV2);
  const former = readExtension(leaf, issuerV1);
  if (current !== undefined && former !== undefined && current !== former)
    throw wrong("issuer extensions", "one issuer", `${quote(current)} and ${quote(former)}`);
  const issuer = current ?? former;
  if (issuer === undefined || issuer === "") throw wrong("issuer extension", "an issuer", "none");
  return issuer;
}

function readExtensions(leaf: Certificate): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [oid, name] of extensionNames) {
    const value = readExtension(leaf, oid);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function readExtension(leaf: Certificate, oid: string): string | undefined {
  const extension = leaf.extensions.get(oid);
  if (extension === undefined) return undefined;
  try {
    return rawText.has(oid) ? parseUtf8(extension.value) : readUtf8String(parseDer(extension.value));
  } catch (cause) {
    if (cause instanceof TrustError)
      throw sigstoreError("SIGSTORE_CERTIFICATE_IDENTITY", { checked: `extension ${oid}`, got: cause.message }, cause);
    throw cause;
  }
}

function wrong(checked: string, expected: string, got: string): TrustError {
  return sigstoreError("SIGSTORE_CERTIFICATE_IDENTITY", { checked, expected, got });
}
