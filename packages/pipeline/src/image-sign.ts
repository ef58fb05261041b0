import {
  digestBytes,
  digestName,
  digestOf,
  formatStatement,
  hashNames,
  hex,
  parseStatement,
  utf8,
  type Artifact,
  type Digest,
  type Json,
} from "@countersign/core";
import {
  attachBundle,
  attachLayer,
  descriptorOf,
  formatReference,
  formatRepository,
  pinReference,
  simpleSigningType,
  type Attached,
  type AttachWorld,
  type FetchedManifest,
  type Reference,
  type Registry,
  type Repository,
} from "@countersign/oci";
import { checkDetachable, formatDetached, parseBundle, type SignAs } from "@countersign/sigstore";
import { imageSignatureType } from "./image-role.ts";
import { attest, sign, type SignWorld } from "./sign.ts";

/** What is to be said about an image. */
export type ImageStatement =
  | { readonly kind: "signature"; readonly annotations?: ReadonlyMap<string, string> }
  /** The predicate goes in as the text it is. */
  | { readonly kind: "attestation"; readonly predicateType: string; readonly predicate: string }
  /** Signed as it is; the image must be among its subjects. */
  | { readonly kind: "statement"; readonly predicateType: string; readonly bytes: Uint8Array };

/** What is to be signed, and where the result goes. */
export interface ImageSigning {
  readonly image: FetchedManifest;
  readonly reference: Reference;
  readonly statement: ImageStatement;
  /** Where the evidence goes, if not beside the image. */
  readonly evidenceRepository?: Repository;
  /** `bundle` is what cosign 3 and GitHub write and read; `legacy` is for older verifiers. */
  readonly layout?: "bundle" | "legacy";
}

/** The outside world of signing an image. */
export interface ImageSignWorld extends SignWorld, AttachWorld {
  readonly registry: Registry;
  /** Is given a bundle that was made, and may be in a log, but could not be stored. */
  readonly lose?: (bundle: string) => void;
}

/** A new piece of evidence, stored. */
export interface ImageSigned extends Attached {
  /** What was signed, by its digest. */
  readonly pinned: string;
  readonly predicateType: string;
}

/**
 * Signs one manifest by its digest and stores the evidence; nothing is stored unless our own verifier has accepted it.
 * Throws what `sign`, `attest` and the registry throw.
 */
export async function signImage(signing: ImageSigning, as: SignAs, world: ImageSignWorld): Promise<ImageSigned> {
  const { reference, image, statement, layout } = signing;
  const attached = layout === "legacy" ? await signLegacy(signing, as, world) : await signBundle(signing, as, world);
  const predicateType = statement.kind === "signature" ? imageSignatureType : statement.predicateType;
  return { ...attached, pinned: formatReference(pinReference(reference, image.digest)), predicateType };
}

function artifactOf({ image, reference }: ImageSigning): Artifact {
  return { name: formatReference(pinReference(reference, image.digest)), digests: [image.digest] };
}

async function signBundle(signing: ImageSigning, as: SignAs, world: ImageSignWorld): Promise<Attached> {
  const { image, statement, reference, evidenceRepository } = signing;
  const bytes = imageStatementBytes(image.digest, statement);
  const { bundle } = await attest({ statement: bytes, artifacts: [artifactOf(signing)] }, as, world);
  const attachment = {
    subject: descriptorOf(image),
    bundle: utf8(bundle),
    content: "dsse-envelope",
    predicateType: parseStatement(bytes).predicateType,
    created: createdAt(world),
  } as const;
  return await orLost(
    () => attachBundle(world.registry, evidenceRepository ?? reference, attachment, world),
    bundle,
    world,
  );
}

/** What is in a log is there for ever: whoever signs gets its bundle one way or the other. */
async function orLost(store: () => Promise<Attached>, bundle: string, { lose }: ImageSignWorld): Promise<Attached> {
  try {
    return await store();
  } catch (error) {
    lose?.(bundle);
    throw error;
  }
}

/** RFC 3339 without fractions, as other tools write it. */
function createdAt(world: SignWorld): string {
  return world
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, "Z");
}

/** The bytes of the Statement that stands for what is said about an image (cosign 3's form for a signature). */
export function imageStatementBytes(digest: Digest, statement: ImageStatement): Uint8Array {
  if (statement.kind === "statement") return statement.bytes;
  const named = { [digestName(digest)]: hex(digestBytes(digest)) };
  if (statement.kind === "attestation")
    return formatStatement([{ digest: named }], statement.predicateType, statement.predicate);
  const annotations = Object.fromEntries(statement.annotations ?? []);
  const subject = { digest: named, ...(Object.keys(annotations).length > 0 && { annotations }) };
  return formatStatement([subject], imageSignatureType, "{}");
}

/** cosign's older layout: a payload that names the image, signed as any other artifact, its evidence in annotations. */
async function signLegacy(signing: ImageSigning, as: SignAs, world: ImageSignWorld): Promise<Attached> {
  const { image, statement, reference, evidenceRepository } = signing;
  checkDetachable(as.services?.rekor ?? []);
  const place = evidenceRepository ?? reference;
  if (statement.kind !== "signature") {
    const signed = imageStatementBytes(image.digest, statement);
    const { bundle } = await attest({ statement: signed, artifacts: [artifactOf(signing)] }, as, world);
    const attach = (): Promise<Attached> => {
      const { bytes, annotations: own } = formatDetached(parseBundle(utf8(bundle)));
      const annotations = new Map([...own, ["predicateType", statement.predicateType]]);
      return attachLayer(world.registry, place, { digest: image.digest, kind: "att", bytes, annotations });
    };
    return await orLost(attach, bundle, world);
  }
  const bytes = payloadBytes(image.digest, signing, statement.annotations);
  const digests = hashNames.map((name) => digestOf(name, bytes));
  const artifact: Artifact = { name: "simple-signing payload", digests, bytes, size: bytes.length };
  const { bundle } = await sign(artifact, as, world);
  const attach = (): Promise<Attached> => {
    const { annotations } = formatDetached(parseBundle(utf8(bundle)));
    return attachLayer(world.registry, place, { digest: image.digest, kind: "sig", bytes, annotations });
  };
  return await orLost(attach, bundle, world);
}

function payloadBytes(
  digest: Digest,
  { reference }: ImageSigning,
  annotations: ReadonlyMap<string, string> | undefined,
): Uint8Array {
  const optional: Json = annotations === undefined || annotations.size === 0 ? null : Object.fromEntries(annotations);
  const critical = {
    identity: { "docker-reference": formatRepository(reference) },
    image: { "docker-manifest-digest": digest },
    type: simpleSigningType,
  };
  return utf8(JSON.stringify({ critical, optional }));
}
