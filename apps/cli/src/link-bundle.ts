import { base64, utf8 } from "@countersign/core";
import { formatSigstoreKey, parseLayoutKey, parseMetadata, type LayoutKey } from "@countersign/in-toto";
import { parseBundle, readIdentity } from "@countersign/sigstore";
import type { OpenedMetadata } from "./bundled-link.ts";

/** A layout or link out of a Sigstore bundle. See `openMetadata`. */
export function openBundle(bytes: Uint8Array): OpenedMetadata {
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
