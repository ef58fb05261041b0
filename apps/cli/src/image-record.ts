import { parseReference } from "@countersign/oci";
import { openRegistry } from "./registry.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The manifest, or index, of an image in its registry, proved to be that of its digest; with the credentials that `image` commands
 * use. Throws the errors of references and registries.
 */
export async function fetchImage(reference: string, terminal: Terminal): Promise<Uint8Array> {
  const parsed = parseReference(reference);
  const { bytes } = await openRegistry({}, [parsed], terminal).manifest(parsed);
  return bytes;
}
