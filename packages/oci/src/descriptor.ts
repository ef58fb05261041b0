import {
  parseDigest,
  quote,
  readObject,
  TrustError,
  type Detail,
  type Digest,
  type Json,
  type ObjectReader,
} from "@countersign/core";
import { ociError } from "./errors.ts";

/** A pointer to content: its kind, digest and exact length. Unverified, until the content was fetched and hashed. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Only set in referrers lists: a hint, the manifest decides. */
  readonly artifactType?: string;
  readonly annotations: ReadonlyMap<string, string>;
  readonly platform?: Platform;
}

/** What an image in an index runs on (image-spec, "Image Index"). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
}

/** The most annotations of one descriptor or manifest. */
export const maxAnnotations: number = 1024;
/** The largest content a descriptor may speak of, in bytes. */
export const maxDescribedBytes: number = Number.MAX_SAFE_INTEGER;
/** The longest media type, in UTF-16 units (RFC 6838 §4.2, twice 127 and the slash). */
export const maxMediaTypeChars: number = 255;

/** Reads one descriptor (image-spec, "Descriptor"); unknown members are passed over. Throws OCI_MANIFEST_MALFORMED. */
export function readDescriptor(value: Json, at: string): Descriptor {
  const reader = readObject(value, at, malformed);
  const artifactType = reader.optionalString("artifactType");
  const platform = reader.optionalObject("platform");
  return {
    mediaType: readMediaType(reader, "mediaType", at),
    digest: readDigest(reader.string("digest"), `${at}.digest`),
    size: readSize(reader, at),
    ...(artifactType !== undefined && { artifactType }),
    annotations: readAnnotations(reader, at),
    ...(platform !== undefined && { platform: readPlatform(platform) }),
  };
}

/** The descriptor as JSON, members in the specification's order. */
export function formatDescriptor(descriptor: Descriptor): Json {
  const { mediaType, digest, size, artifactType, annotations, platform } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations.size > 0 && { annotations: Object.fromEntries(annotations) }),
    ...(platform !== undefined && {
      platform: {
        architecture: platform.architecture,
        os: platform.os,
        ...(platform.variant !== undefined && { variant: platform.variant }),
        ...(platform.osVersion !== undefined && { "os.version": platform.osVersion }),
      },
    }),
  };
}

/** `linux/arm64/v8`: how people write a platform. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** A member that is a media type: `type/subtype`, no parameters. */
export function readMediaType(reader: ObjectReader, name: string, at: string): string {
  const text = reader.string(name);
  if (text.length <= maxMediaTypeChars && /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+$/.test(text)) return text;
  throw malformed({ checked: `${at}.${name}`, expected: "a media type", got: quote(text) });
}

/** The `annotations` member: a text for each name; absent is empty. */
export function readAnnotations(reader: ObjectReader, at: string): ReadonlyMap<string, string> {
  const value = reader.optionalJson("annotations");
  if (value === undefined) return new Map();
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw malformed({ checked: `${at}.annotations`, expected: "an object" });
  const entries = Object.entries(value);
  if (entries.length > maxAnnotations)
    throw malformed({ checked: `${at}.annotations`, expected: `at most ${maxAnnotations}`, got: `${entries.length}` });
  return new Map(entries.map(([name, text]) => [name, readText(text, `${at}.annotations.${quote(name)}`)]));
}

/** The error of whatever is not a manifest or descriptor. */
export function malformed(detail: Detail): TrustError {
  return ociError("OCI_MANIFEST_MALFORMED", detail);
}

function readText(value: Json | undefined, at: string): string {
  if (typeof value === "string") return value;
  throw malformed({ checked: at, expected: "a string" });
}

function readSize(reader: ObjectReader, at: string): number {
  const size = reader.number("size");
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw malformed({ checked: `${at}.size`, expected: `a whole number from 0 to ${maxDescribedBytes}`, got: `${size}` });
}

function readDigest(text: string, at: string): Digest {
  try {
    return parseDigest(text);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw malformed({ checked: at, expected: "sha256:<64 lower-case hex digits>, or sha512 alike", got: quote(text) });
  }
}

function readPlatform(reader: ObjectReader): Platform {
  const variant = reader.optionalString("variant");
  const osVersion = reader.optionalString("os.version");
  return {
    os: reader.string("os"),
    architecture: reader.string("architecture"),
    ...(variant !== undefined && variant !== "" && { variant }),
    ...(osVersion !== undefined && { osVersion }),
  };
}
