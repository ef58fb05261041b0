import { maxLinkBytes, parseEvidence } from "@countersign/in-toto";
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
  // Loaded here: what is signed by a key needs none of it.
  const { openBundle } = await import("./link-bundle.ts");
  return openBundle(bytes);
}
