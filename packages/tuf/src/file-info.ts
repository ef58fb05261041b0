import {
  digestOf,
  hashBytes,
  hashNames,
  parseDigest,
  quote,
  type Digest,
  type HashName,
  type ObjectReader,
} from "@countersign/core";
import { metadataMalformed } from "./form.ts";

/** What timestamp and snapshot metadata say of another metadata file (specification 1.0.34 §4.4). */
export interface MetaFile {
  readonly version: number;
  /** In bytes. */
  readonly length?: number;
  /** Every one must fit; none if the metadata names none. */
  readonly digests: readonly Digest[];
}

/** Reads one of the rows of `meta`. Throws TUF_METADATA_MALFORMED. */
export function readMetaFile(reader: ObjectReader): MetaFile {
  const version = readCount(reader, "version", 1);
  const digests = reader.has("hashes") ? readDigests(reader.object("hashes")) : [];
  return reader.has("length") ? { version, length: readCount(reader, "length", 0), digests } : { version, digests };
}

/**
 * Reads `hashes`: at least one of SHA-256, SHA-384 and SHA-512, in lower-case hex. Others are passed over, so that md5 alone
 * is none. Throws TUF_METADATA_MALFORMED.
 */
export function readDigests(hashes: ObjectReader): readonly Digest[] {
  const digests = hashNames.flatMap((name) => (hashes.has(name) ? [readDigest(name, hashes.string(name))] : []));
  if (digests.length > 0) return digests;
  throw metadataMalformed({ checked: "hashes", expected: "at least one of sha256, sha384, sha512", got: "none" });
}

function readDigest(name: HashName, text: string): Digest {
  if (text.length === hashBytes[name] * 2 && /^[0-9a-f]+$/.test(text)) return parseDigest(`${name}:${text}`);
  throw metadataMalformed({
    checked: `hashes.${name}`,
    expected: `${hashBytes[name] * 2} lower-case hex digits`,
    got: quote(text),
  });
}

/** Reads a whole number from `least` to 2^53 − 1. Throws TUF_METADATA_MALFORMED. */
export function readCount(reader: ObjectReader, name: string, least: number): number {
  const value = reader.number(name);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw metadataMalformed({ checked: name, expected: `a whole number from ${least}`, got: String(value) });
}

/** The first of the digests that the bytes have not; undefined if they have all. */
export function findWrongDigest(
  bytes: Uint8Array,
  digests: readonly Digest[],
): { expected: Digest; got: Digest } | undefined {
  for (const expected of digests) {
    const got = digestOf(expected.slice(0, expected.indexOf(":")) as HashName, bytes);
    if (got !== expected) return { expected, got };
  }
  return undefined;
}
