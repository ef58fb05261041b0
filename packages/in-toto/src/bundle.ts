import {
  pae,
  parseJson,
  parseStatement,
  quote,
  TrustError,
  type JsonObject,
  type LoggedIn,
  type SignedBy,
  type Statement,
  type VerifiedTime,
  type Verifier,
} from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { LayoutKey } from "./key.ts";
import { linkOf, linkPredicateType } from "./attestation/statement-artifact.ts";
import { inTotoPayloadType, maxLinkBytes, readPayload, type Content, type Metadata } from "./metadata.ts";

/** What a Sigstore bundle was proved to carry, and who signed that. */
export interface ProvedEnvelope {
  readonly payloadType: string;
  /** The very bytes that were signed. */
  readonly payload: Uint8Array;
  readonly signer: SignedBy;
  readonly times: readonly VerifiedTime[];
  readonly logs: readonly LoggedIn[];
}

/**
 * Proves a Sigstore bundle with all that stands in it: signature, certificate, log entries and times; with `key` one that
 * this key signed, without it one with a certificate. Whoever verifies hands it in (pipeline's `bundleProver`), since this
 * package knows nothing of Sigstore. Throws the reason of a refusal.
 */
export type BundleProver = (bundle: Uint8Array, key?: Pick<Verifier, "spki">) => ProvedEnvelope;

/** Who signed what came in a bundle. */
export type Prover = Pick<ProvedEnvelope, "signer" | "times" | "logs">;

/**
 * Proves a bundle, and that it is the functionary's. Throws INTOTO_BUNDLE_UNTRUSTED for whatever is wrong with it, and
 * INTOTO_IDENTITY_MISMATCH.
 */
export function proveBundle(bytes: Uint8Array, key: LayoutKey, prove: BundleProver | undefined): ProvedEnvelope {
  const envelope = openBundle(bytes, key, prove);
  checkProved(envelope, key);
  return envelope;
}

function openBundle(bytes: Uint8Array, key: LayoutKey, prove: BundleProver | undefined): ProvedEnvelope {
  const checked = `bundle for ${quote(key.keyid.slice(0, 8))}`;
  if (prove === undefined)
    throw inTotoError("INTOTO_BUNDLE_UNTRUSTED", { checked, got: "nothing that verifies bundles was given" });
  try {
    return key.check.kind === "plain" ? prove(bytes, key.check.verifier) : prove(bytes);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw inTotoError("INTOTO_BUNDLE_UNTRUSTED", { checked, got: `${error.message} (${error.code})` }, error);
  }
}

/**
 * The link or layout in a Sigstore bundle, proved for one who must have signed it: a key, or an identity. Throws
 * INTOTO_BUNDLE_UNTRUSTED, INTOTO_IDENTITY_MISMATCH and what `metadataOf` throws.
 */
export function proveMetadata(bytes: Uint8Array, key: LayoutKey, prove: BundleProver): Metadata {
  return metadataOf(proveBundle(bytes, key, prove));
}

/** The link or layout in a proved bundle. Throws INTOTO_METADATA_TYPE and what `readPayload`, `parseStatement` and `linkOf` throw. */
export function metadataOf({ payloadType, payload, signer, times, logs }: ProvedEnvelope): Metadata {
  if (payloadType !== inTotoPayloadType)
    throw inTotoError("INTOTO_METADATA_TYPE", { checked: "payloadType", expected: inTotoPayloadType });
  const signedBytes = (): Uint8Array => pae(payloadType, payload);
  const proved: Prover = { signer, times, logs };
  return { form: "dsse", mode: "strict", signatures: [], signedBytes, proved, ...readBundled(payload) };
}

/** A link or layout (ITE-5), or the Statement that stands for a link, which other tools can verify too. */
function readBundled(payload: Uint8Array): Content {
  const statement = statementIn(payload);
  return statement === undefined ? readPayload(payload, "strict") : { type: "link", link: linkOf(statement) };
}

/** The Statement of link 0.3 that the payload is, if it is one. */
function statementIn(payload: Uint8Array): Statement | undefined {
  const value = parseJson(payload, { maxBytes: maxLinkBytes });
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject || (value as JsonObject)["predicateType"] !== linkPredicateType) return undefined;
  return parseStatement(payload);
}

/** Proves that who signed the bundle is the functionary: the same identity and issuer, or the same key. Throws INTOTO_IDENTITY_MISMATCH. */
export function checkProved({ signer }: Prover, { check, keyid, materialId }: LayoutKey): void {
  const checked = `key ${quote(keyid)}`;
  if (check.kind === "sigstore") {
    const { identity, issuer } = check.identity;
    if (signer.kind === "certificate" && signer.identity.value === identity && signer.issuer === issuer) return;
    const expected = `${quote(identity)} vouched for by ${quote(issuer)}`;
    throw inTotoError("INTOTO_IDENTITY_MISMATCH", { checked, expected, got: whoText(signer) });
  }
  if (check.kind === "plain" && signer.kind === "key" && signer.keyid === materialId) return;
  throw inTotoError("INTOTO_IDENTITY_MISMATCH", { checked, expected: "a signature by this key", got: whoText(signer) });
}

/** A signer in words. */
export function whoText(signer: SignedBy): string {
  if (signer.kind === "key") return `key ${quote(signer.keyid)}`;
  return `${quote(signer.identity.value)} vouched for by ${quote(signer.issuer)}`;
}
