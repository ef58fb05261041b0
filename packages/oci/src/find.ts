import { quote, TrustError, type Digest } from "@countersign/core";
import { ociError } from "./errors.ts";
import { pinReference, tagReference } from "./reference.ts";
import { fallbackTag, listReferrers } from "./referrers.ts";
import type { Descriptor } from "./descriptor.ts";
import type { ImageManifest } from "./manifest.ts";
import type { FetchedManifest, Registry, Repository } from "./registry.ts";

/** The ways in which evidence is kept beside an image; the letters are those of docs/images.md. */
export type EvidenceLayout =
  /** A: cosign's tag `sha256-….sig`, a layer a signature. */
  | "sig-tag"
  /** B: cosign's tag `sha256-….att`, a layer an attestation. */
  | "att-tag"
  /** D: a Sigstore bundle that refers to the image. */
  | "bundle"
  /** E: cosign's experimental referrer with layers as A. */
  | "sig-referrer"
  /** E: a referrer with DSSE layers. */
  | "att-referrer"
  /** A bundle from GitHub's API. */
  | "github";

/** One piece of evidence as it was found: unverified, and about whatever its own bytes say. */
export interface ImageEvidence {
  readonly layout: EvidenceLayout;
  /** Where it came from, for messages. */
  readonly source: string;
  /** The manifest that holds it. */
  readonly manifest: Digest;
  /** A bundle, a simple-signing payload or a DSSE envelope. */
  readonly bytes: Uint8Array;
  /** Those of the layer: cosign keeps signature, certificate and log entry there. */
  readonly annotations: ReadonlyMap<string, string>;
}

/** What was found, what could not be read, and what was passed over. */
export interface FoundEvidence {
  readonly evidence: readonly ImageEvidence[];
  /** Whatever may hide evidence: each makes the answer incomplete. */
  readonly problems: readonly TrustError[];
  /** Listed, and about another image: ignored, and to be told. */
  readonly rejected: readonly TrustError[];
  readonly notes: readonly string[];
}

/** What to look for. */
export interface FindOptions {
  /** The repository that holds the evidence. */
  readonly repository: Repository;
  readonly digest: Digest;
  readonly wanted: "signature" | "attestation" | "all";
  /** The largest single piece of evidence, in bytes; 32 MiB unless given. */
  readonly maxBytes?: number;
  /** Put before cosign's tags. */
  readonly tagPrefix?: string;
}

/** The largest single piece of evidence unless told otherwise, in bytes: attested bills of materials are large. */
export const maxEvidenceBytes: number = 32 * 1024 * 1024;
/** The most pieces of evidence of one image that are looked at. */
export const maxEvidence: number = 1000;
/** The most bytes of evidence of one image that are kept in memory. */
export const maxEvidenceTotalBytes: number = 128 * 1024 * 1024;

const bundlePrefix = "application/vnd.dev.sigstore.bundle";
const cosignSignatureType = "application/vnd.dev.cosign.artifact.sig.v1+json";
const inTotoType = "application/vnd.in-toto+json";
const notaryType = "application/vnd.cncf.notary.signature";
const simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json";
const dsseType = "application/vnd.dsse.envelope.v1+json";

/**
 * Collects the evidence about a digest in every layout that exists. Every source is asked, whatever another one said; one
 * that fails is a problem of the answer and replaces nothing. Manifests whose subject is another image are ignored and
 * told. Nothing is verified here but that bytes are those of their digests.
 */
export async function findEvidence(registry: Registry, options: FindOptions): Promise<FoundEvidence> {
  const run: Run = { registry, options, budget: { bytes: maxEvidenceTotalBytes, pieces: maxEvidence } };
  return merge(await Promise.all([fromReferrers(run), ...tagsOf(options).map((tag) => fromCosignTag(run, tag))]));
}

interface Run {
  readonly registry: Registry;
  readonly options: FindOptions;
  /** What may still be fetched, counted before it is. */
  readonly budget: { bytes: number; pieces: number };
}

function merge(parts: readonly FoundEvidence[]): FoundEvidence {
  return {
    evidence: parts.flatMap((part) => part.evidence),
    problems: parts.flatMap((part) => part.problems),
    rejected: parts.flatMap((part) => part.rejected),
    notes: parts.flatMap((part) => part.notes),
  };
}

/** The tag under which cosign keeps its older signatures (`sig`) or attestations (`att`) of a digest. */
export function cosignTag(digest: Digest, suffix: "sig" | "att" | "sbom", prefix = ""): string {
  return `${prefix}${digest.replace(":", "-")}.${suffix}`;
}

interface CosignTag {
  readonly tag: string;
  readonly layout: "sig-tag" | "att-tag";
  readonly layerType: string;
}

function tagsOf({ digest, wanted, tagPrefix = "" }: FindOptions): readonly CosignTag[] {
  const signature: CosignTag = {
    tag: cosignTag(digest, "sig", tagPrefix),
    layout: "sig-tag",
    layerType: simpleSigningType,
  };
  const attestation: CosignTag = { tag: cosignTag(digest, "att", tagPrefix), layout: "att-tag", layerType: dsseType };
  if (wanted === "all") return [signature, attestation];
  return wanted === "signature" ? [signature] : [attestation];
}

const nothing: FoundEvidence = { evidence: [], problems: [], rejected: [], notes: [] };

async function fromCosignTag(run: Run, { tag, layout, layerType }: CosignTag): Promise<FoundEvidence> {
  return await orProblem(async () => {
    const found = await run.registry.findManifest(tagReference(run.options.repository, tag));
    if (found === undefined) return nothing;
    if (found.manifest.kind !== "image")
      throw ociError("OCI_MANIFEST_TYPE", { checked: `tag ${tag}`, expected: "an image manifest" });
    return await layersOf(run, { fetched: found, manifest: found.manifest, layout, layerType });
  });
}

async function fromReferrers(run: Run): Promise<FoundEvidence> {
  const { repository, digest } = run.options;
  const list = await listReferrers(run.registry, repository, digest);
  const parts = await Promise.all(list.entries.map((entry) => fromReferrer(run, entry)));
  return merge([{ ...nothing, problems: list.problems, notes: list.notes }, ...parts]);
}

/** Entries are hints: a type that is none of ours is passed over, all others are decided by the manifest that is fetched. */
async function fromReferrer(run: Run, entry: Descriptor): Promise<FoundEvidence> {
  if (!isPossible(entry)) return note(`${entry.digest} is ${kindOf(entry.artifactType ?? "")}`);
  return await orProblem(async () => {
    spend(run, entry.size);
    const fetched = await run.registry.findManifest(pinReference(run.options.repository, entry.digest));
    if (fetched === undefined)
      return note(`${entry.digest} is listed in ${fallbackTag(run.options.digest)} and does not exist`);
    const { manifest } = fetched;
    checkSize(fetched, entry);
    if (manifest.kind !== "image") return note(`${entry.digest} is an index, not evidence`);
    if (manifest.subject?.digest !== run.options.digest) {
      const error = ociError("OCI_SUBJECT_MISMATCH", {
        checked: entry.digest,
        expected: run.options.digest,
        got: manifest.subject?.digest ?? "none",
      });
      return { ...nothing, rejected: [error] };
    }
    return await fromManifest(run, { fetched, manifest });
  });
}

/** What the list said it would be is what was counted against the budget. */
function checkSize({ bytes, digest }: FetchedManifest, { size }: Descriptor): void {
  if (bytes.length !== size)
    throw ociError("OCI_SIZE_MISMATCH", { checked: digest, expected: `${size} bytes`, got: `${bytes.length}` });
}

/** Old clients wrote the config's media type, or none, where the artifact type belongs. */
function isPossible({ artifactType }: Descriptor): boolean {
  if (artifactType === undefined || artifactType === "" || artifactType.startsWith(bundlePrefix)) return true;
  const possible = [
    cosignSignatureType,
    inTotoType,
    "application/vnd.oci.empty.v1+json",
    "application/vnd.oci.image.config.v1+json",
  ];
  return possible.includes(artifactType);
}

function kindOf(artifactType: string): string {
  if (artifactType === notaryType) return "a Notary Project signature, which countersign does not verify";
  return `of type ${quote(artifactType)}, neither signature nor attestation`;
}

interface Held {
  readonly fetched: FetchedManifest;
  readonly manifest: ImageManifest;
}

async function fromManifest(run: Run, held: Held): Promise<FoundEvidence> {
  const { artifactType, layers } = held.manifest;
  const [first] = layers;
  if (artifactType.startsWith(bundlePrefix) || first?.mediaType.startsWith(bundlePrefix) === true) {
    if (layers.length !== 1)
      throw ociError("OCI_MANIFEST_MALFORMED", {
        checked: held.fetched.digest,
        expected: "one layer",
        got: `${layers.length}`,
      });
    return await layersOf(run, { ...held, layout: "bundle", layerType: bundlePrefix });
  }
  if (artifactType === cosignSignatureType) {
    if (run.options.wanted === "attestation") return nothing;
    return await layersOf(run, { ...held, layout: "sig-referrer", layerType: simpleSigningType });
  }
  if (artifactType === inTotoType) {
    if (run.options.wanted === "signature") return nothing;
    return await layersOf(run, { ...held, layout: "att-referrer", layerType: "application/vnd." });
  }
  return note(`${held.fetched.digest} is ${kindOf(artifactType)}`);
}

interface Layers extends Held {
  readonly layout: EvidenceLayout;
  readonly layerType: string;
}

async function layersOf(run: Run, { fetched, manifest, layout, layerType }: Layers): Promise<FoundEvidence> {
  const { repository, maxBytes = maxEvidenceBytes } = run.options;
  const parts = await Promise.all(
    manifest.layers.map(async (layer, index): Promise<FoundEvidence> => {
      const source = `${repository.registry}/${repository.repository}@${fetched.digest}${manifest.layers.length > 1 ? `, layer ${index}` : ""}`;
      if (!layer.mediaType.startsWith(layerType)) return note(`${source} is of type ${quote(layer.mediaType)}`);
      return await orProblem(async () => {
        spend(run, layer.size);
        const bytes = await run.registry.blob(repository, layer, maxBytes);
        return {
          ...nothing,
          evidence: [{ layout, source, manifest: fetched.digest, bytes, annotations: layer.annotations }],
        };
      });
    }),
  );
  return merge(parts);
}

/** Descriptors say how much will come, and what comes is held to it. */
function spend({ budget }: Run, bytes: number): void {
  budget.bytes -= bytes;
  budget.pieces--;
  if (budget.bytes >= 0 && budget.pieces >= 0) return;
  const expected = `at most ${maxEvidence} pieces and ${maxEvidenceTotalBytes} bytes`;
  throw ociError("OCI_TOO_MANY", { checked: "evidence", expected });
}

function note(text: string): FoundEvidence {
  return { ...nothing, notes: [text] };
}

async function orProblem(work: () => Promise<FoundEvidence>): Promise<FoundEvidence> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { ...nothing, problems: [error] };
  }
}
