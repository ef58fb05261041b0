import { parseEnvelope, parseJson, parseStatement, TrustError } from "@countersign/core";
import type { ImageEvidence } from "@countersign/oci";
import { imageSignatureType } from "@countersign/pipeline";
import { parseBundle } from "@countersign/sigstore";

/** What a piece of evidence says that it is; nobody has verified it. */
export interface ClaimedKind {
  /** Undefined where it cannot be read. */
  readonly kind?: "signature" | "attestation";
  readonly predicateType?: string;
}

/** Reads it by what was signed, as a verifier would, never by lists and annotations. */
export function claimedKindOf(piece: ImageEvidence): ClaimedKind {
  if (piece.layout === "sig-tag" || piece.layout === "sig-referrer") return { kind: "signature" };
  try {
    const payload = payloadOf(piece);
    if (payload === undefined) return { kind: "signature" };
    const { predicateType } = parseStatement(payload);
    return { kind: predicateType === imageSignatureType ? "signature" : "attestation", predicateType };
  } catch (error) {
    if (error instanceof TrustError) return {};
    throw error;
  }
}

/** The Statement that an envelope carries; undefined for a bare signature. */
function payloadOf({ layout, bytes }: ImageEvidence): Uint8Array | undefined {
  if (layout !== "bundle" && layout !== "github") return parseEnvelope(parseJson(bytes)).payload;
  const { content } = parseBundle(bytes);
  return content.kind === "envelope" ? content.envelope.payload : undefined;
}
