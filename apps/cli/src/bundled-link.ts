import { base64, utf8 } from "@countersign/core";
import { formatSigstoreKey, maxLinkBytes, parseEvidence, parseLayoutKey, parseMetadata } from "@countersign/in-toto";
import type { LayoutKey, Metadata } from "@countersign/in-toto";
import { readSmallFile } from "./input.node.ts";

/** A layout or link as it claims to be. */
export interface OpenedMetadata {
  readonly metadata: Metadata;
  /** Whom the certificate of a Sigstore bundle names, as a layout would list them. */
  readonly identity?: LayoutKey;
}

/**
 * Reads a layout or link, also out of a Sigstore bundle, whose envelope then stands under the id of the identity in its
 * certificate. Verifies nothing. Throws CLI_FILE_* and what `parseEvidence` and sigstore's `parseBundle` throw.
 */
export async function openMetadata(path: string): Promise<OpenedMetadata> {
  const bytes = readSmallFile(path, "layout or link", maxLinkBytes);
  const metadata = parseEvidence(bytes, "strict");
  if (metadata !== "bundle") return { metadata };
  const { parseBundle, readIdentity } = await import("@countersign/sigstore");
  const { content, material } = parseBundle(bytes);
  if (content.kind !== "envelope") return { metadata: parseMetadata(bytes, "strict") };
  const [leaf] = material.kind === "certificate" ? material.chain : [];
  const identity = leaf === undefined ? undefined : identityOf(readIdentity(leaf));
  const { payload, payloadType, signatures } = content.envelope;
  const envelope = {
    payload: base64(payload),
    payloadType,
    signatures: signatures.map(({ keyid, sig }) => ({ keyid: identity?.keyid ?? keyid, sig: base64(sig) })),
  };
  const opened = parseMetadata(utf8(JSON.stringify(envelope)), "strict");
  return { metadata: opened, ...(identity === undefined ? {} : { identity }) };
}

function identityOf(signer: { readonly identity: { readonly value: string }; readonly issuer: string }): LayoutKey {
  return parseLayoutKey(formatSigstoreKey({ identity: signer.identity.value, issuer: signer.issuer }));
}
