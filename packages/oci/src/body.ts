import { concatBytes, digestName, digestOf, makeDigestHasher, type Digest } from "@countersign/core";
import { ociError } from "./errors.ts";

/** The whole body. Throws OCI_TOO_LARGE as soon as it is longer than `maxBytes`. */
export async function readBody(body: AsyncIterable<Uint8Array>, maxBytes: number, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw ociError("OCI_TOO_LARGE", { checked: what, expected: `at most ${maxBytes} bytes` });
    chunks.push(chunk);
  }
  return joined(chunks);
}

/** What a stream must turn out to be. */
export interface Expected {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The whole body, right in length and digest. Throws as `verifiedStream` does. */
export async function readVerified(
  body: AsyncIterable<Uint8Array>,
  { digest, size }: Expected,
  what: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > size) break;
    chunks.push(chunk);
  }
  checkSize(length, size, what);
  const bytes = joined(chunks);
  checkDigest(digestOf(digestName(digest), bytes), digest, what);
  return bytes;
}

/**
 * The stream's chunks, the last of them only once all together have the length and digest: whoever reads to the end has
 * the right content, and whoever was lied to gets OCI_DIGEST_MISMATCH or OCI_SIZE_MISMATCH before the end.
 */
export async function* verifiedStream(
  body: AsyncIterable<Uint8Array>,
  { digest, size }: Expected,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hasher = makeDigestHasher(digestName(digest));
  let length = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of body) {
    if (chunk.length === 0) continue;
    length += chunk.length;
    if (length > size) break;
    hasher.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  checkSize(length, size, what);
  checkDigest(hasher.finish(), digest, what);
  if (held !== undefined) yield held;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : concatBytes(...chunks);
}

function checkSize(got: number, size: number, what: string): void {
  if (got === size) return;
  const expected = `${size} bytes`;
  throw ociError("OCI_SIZE_MISMATCH", { checked: what, expected, got: got > size ? "more" : `${got}` });
}

function checkDigest(got: Digest, digest: Digest, what: string): void {
  if (got !== digest) throw ociError("OCI_DIGEST_MISMATCH", { checked: what, expected: digest, got });
}
