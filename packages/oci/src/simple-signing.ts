import {
  parseJson,
  quote,
  readObject,
  type Detail,
  type Digest,
  type Json,
  type ObjectReader,
  type TrustError,
} from "@countersign/core";
import { ociError } from "./errors.ts";

/** What a signature of cosign's older kind was made over (containers/image "simple signing"), as its bytes say. */
export interface SimpleSigning {
  readonly digest: string;
  /** The name under which it was signed; registries and tools are free to write nothing. */
  readonly reference: string;
  /** Annotations of the signer's. */
  readonly optional: ReadonlyMap<string, Json>;
}

/** The largest payload that is read, in bytes. */
export const maxSimpleSigningBytes: number = 1024 * 1024;
/** The only type of payload that is a signature of an image. */
export const simpleSigningType = "cosign container image signature";

/**
 * Parses a simple-signing payload and proves that it is a signature of `digest`: its type, and the manifest that it
 * names. Proves nothing about who signed it. Throws OCI_PAYLOAD_MALFORMED, OCI_PAYLOAD_MISMATCH.
 */
export function checkSimpleSigning(payload: Uint8Array, digest: Digest): SimpleSigning {
  const reader = readObject(
    parseJson(payload, { maxBytes: maxSimpleSigningBytes, maxDepth: 32 }),
    "payload",
    malformed,
  );
  const critical = reader.object("critical");
  const type = critical.string("type");
  if (type !== simpleSigningType)
    throw ociError("OCI_PAYLOAD_MISMATCH", {
      checked: "critical.type",
      expected: quote(simpleSigningType),
      got: quote(type),
    });
  const signed = digestIn(critical.object("image"));
  if (signed !== digest)
    throw ociError("OCI_PAYLOAD_MISMATCH", { checked: "signed manifest", expected: digest, got: quote(signed) });
  const reference = critical.optionalObject("identity")?.optionalString("docker-reference") ?? "";
  return { digest: signed, reference, optional: optionalOf(reader) };
}

/** Go reads the member in any case, and the specification's own example has a capital: both spellings, but not two of them. */
function digestIn(image: ObjectReader): string {
  const names = ["docker-manifest-digest", "Docker-manifest-digest"].filter((name) => image.has(name));
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw malformed({ checked: "critical.image", expected: "one docker-manifest-digest", got: `${names.length}` });
  return image.string(name);
}

function optionalOf(reader: ObjectReader): ReadonlyMap<string, Json> {
  const value = reader.optionalJson("optional");
  if (value === undefined || value === null) return new Map();
  if (typeof value !== "object" || Array.isArray(value))
    throw malformed({ checked: "optional", expected: "an object" });
  return new Map(Object.entries(value as Readonly<Record<string, Json>>));
}

function malformed(detail: Detail): TrustError {
  return ociError("OCI_PAYLOAD_MALFORMED", detail);
}
