import { parseJson, quote, readObject, type Json, type JsonObject, type ObjectReader } from "@countersign/core";
import { malformed, readAnnotations, readDescriptor, readMediaType, type Descriptor } from "./descriptor.ts";
import { ociError } from "./errors.ts";

/** A manifest as parsed: right in form, bound to its digest by whoever fetched it, and nothing more. */
export type Manifest = ImageManifest | ImageIndex;

/** One image or artifact (image-spec, "Image Manifest"; Docker's schema 2 is of the same shape). */
export interface ImageManifest {
  readonly kind: "image";
  readonly mediaType: string;
  /** The member, or the config's media type where there is none: what kind of artifact it says it is. */
  readonly artifactType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** The manifest this one says it speaks about. */
  readonly subject?: Descriptor;
  readonly annotations: ReadonlyMap<string, string>;
}

/** Several manifests under one digest (image-spec, "Image Index"; Docker's manifest list). */
export interface ImageIndex {
  readonly kind: "index";
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations: ReadonlyMap<string, string>;
}

/** The largest manifest that is read, in bytes (distribution-spec asks registries for at least this much). */
export const maxManifestBytes: number = 4 * 1024 * 1024;
/** The most layers of one manifest; cosign writes one a signature and stops at this number as well. */
export const maxLayers: number = 1000;
/** The most manifests of one index. */
export const maxIndexEntries: number = 10_000;

export const ociManifestType = "application/vnd.oci.image.manifest.v1+json";
export const ociIndexType = "application/vnd.oci.image.index.v1+json";
const dockerManifestType = "application/vnd.docker.distribution.manifest.v2+json";
const dockerListType = "application/vnd.docker.distribution.manifest.list.v2+json";

/** What is asked for: registries answer 404 to whoever does not name the type. */
export const acceptedManifestTypes: readonly string[] = [
  ociIndexType,
  ociManifestType,
  dockerListType,
  dockerManifestType,
];

const imageTypes: ReadonlySet<string> = new Set([ociManifestType, dockerManifestType]);
const indexTypes: ReadonlySet<string> = new Set([ociIndexType, dockerListType]);

/**
 * Parses a manifest or an index. `contentType` is what the registry said it is; a `mediaType` member must agree with it,
 * since one digest must not be read in two ways. Throws OCI_MANIFEST_MALFORMED, OCI_MANIFEST_TYPE, and core's errors of JSON.
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest {
  const json = parseJson(bytes, { maxBytes: maxManifestBytes, maxDepth: 32 });
  const reader = readObject(json, "manifest", malformed);
  checkSpelling(json, "manifest");
  checkVersion(reader);
  const mediaType = pickType(reader, contentType);
  if (indexTypes.has(mediaType)) return readIndex(reader, mediaType);
  if (imageTypes.has(mediaType)) return readImage(reader, mediaType);
  throw ociError("OCI_MANIFEST_TYPE", { expected: "an image manifest or index", got: quote(mediaType) });
}

/** The members that runtimes read of manifests, descriptors and platforms. */
const known: ReadonlyMap<string, string> = new Map(
  "schemaVersion mediaType artifactType config layers manifests subject annotations digest size urls data platform architecture os os.version os.features variant"
    .split(" ")
    .map((name) => [fold(name), name]),
);

/** As Go compares the names of members, in any case: the long s is an s, the sign of kelvin a k. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

/**
 * Refuses members that Go, in which runtimes are written, takes for known ones although they are spelled otherwise: beside
 * `manifests` it would read `Manifests` as well, the last one counts, and another image would run than the one that was judged.
 */
function checkSpelling(value: Json, at: string): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const each of value as readonly Json[]) checkSpelling(each, at);
    return;
  }
  for (const [name, inner] of Object.entries(value as JsonObject)) {
    const plain = known.get(fold(name));
    if (plain !== undefined && plain !== name)
      throw malformed({ checked: at, expected: `members in plain spelling, as ${plain}`, got: quote(name) });
    // Names of annotations are free, and Go takes them as they are.
    if (name !== "annotations" && inner !== undefined) checkSpelling(inner, `${at}.${quote(name)}`);
  }
}

/** JSON of a manifest as this package writes it: no white space, members as given. */
export function formatManifest(value: Json): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function checkVersion(reader: ObjectReader): void {
  if (!reader.has("schemaVersion") || reader.number("schemaVersion") !== 2)
    throw ociError("OCI_MANIFEST_TYPE", { checked: "schemaVersion", expected: "2" });
}

/** umoci and others leave the member out: then the header decides, and without one, what the document holds. */
function pickType(reader: ObjectReader, contentType: string | undefined): string {
  const header = contentType?.split(";")[0]?.trim().toLowerCase();
  const said =
    header === "" || header === "application/json" || header === "application/octet-stream" ? undefined : header;
  const member = reader.has("mediaType") ? readMediaType(reader, "mediaType", "manifest") : undefined;
  if (reader.has("manifests") && (reader.has("layers") || reader.has("config")))
    throw malformed({ checked: "manifest", expected: "either manifests or layers", got: "both" });
  if (member !== undefined && said !== undefined && member !== said)
    throw ociError("OCI_MANIFEST_TYPE", { checked: "mediaType", expected: quote(said), got: quote(member) });
  return member ?? said ?? (reader.has("manifests") ? ociIndexType : ociManifestType);
}

function readImage(reader: ObjectReader, mediaType: string): ImageManifest {
  const config = readDescriptor(reader.json("config"), "manifest.config");
  const artifactType = reader.optionalString("artifactType");
  return {
    kind: "image",
    mediaType,
    artifactType: artifactType ?? config.mediaType,
    config,
    layers: reader.array("layers", maxLayers).map((each, index) => readDescriptor(each, `manifest.layers[${index}]`)),
    ...readSubject(reader),
    annotations: readAnnotations(reader, "manifest"),
  };
}

function readIndex(reader: ObjectReader, mediaType: string): ImageIndex {
  const artifactType = reader.optionalString("artifactType");
  return {
    kind: "index",
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    manifests: reader
      .array("manifests", maxIndexEntries)
      .map((each, index) => readDescriptor(each, `index.manifests[${index}]`)),
    ...readSubject(reader),
    annotations: readAnnotations(reader, "index"),
  };
}

function readSubject(reader: ObjectReader): { readonly subject?: Descriptor } {
  const subject = reader.optionalJson("subject");
  return subject === undefined ? {} : { subject: readDescriptor(subject, "manifest.subject") };
}
