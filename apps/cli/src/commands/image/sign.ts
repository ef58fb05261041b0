import {
  choosePlatforms,
  formatReference,
  parseReference,
  pinReference,
  type FetchedManifest,
  type Reference,
  type Registry,
} from "@countersign/oci";
import { signImage, type ImageSigned, type ImageSignWorld, type ImageStatement } from "@countersign/pipeline";
import { checkConsent, publicHosts } from "../../consent.ts";
import { cliError } from "../../errors.ts";
import { imageError } from "../../image-errors.ts";
import type { ImageSignOptions } from "../../image-options.ts";
import { interruptible } from "../../interrupt.ts";
import { useNetwork } from "../../network.node.ts";
import { evidenceRepositoryOf, openRegistry } from "../../registry.ts";
import { formatJson } from "../../render-json.ts";
import { formatWarning, plain, row } from "../../render-text.ts";
import { newBundle, SigningRun, type NewBundle } from "../../signing-run.ts";
import { makeSigning, type Signing } from "../../signing.ts";
import { readPlan } from "../../statement-plan.ts";
import type { Terminal } from "../../terminal.ts";
import { parseAnnotations } from "./verify.ts";

/** `countersign image sign`: each signature is verified as a receiver would before it is stored. */
export async function imageSignCommand(
  operands: readonly string[],
  options: ImageSignOptions,
  terminal: Terminal,
): Promise<number> {
  const annotations = parseAnnotations(options.annotation);
  return await signImages(operands, { kind: "signature", annotations }, options, terminal);
}

/** `countersign image attest`, as `image sign`. */
export async function imageAttestCommand(
  operands: readonly string[],
  options: ImageSignOptions,
  terminal: Terminal,
): Promise<number> {
  if (options.statement === undefined && (options.predicate === undefined || options.type === undefined))
    throw cliError("CLI_USAGE", "--predicate <file> and --type <type> are needed, or --statement <file>");
  const plan = await readPlan(options, { operands: [], now: terminal.now() });
  const { predicateType } = plan;
  const statement: ImageStatement =
    plan.kind === "statement"
      ? { kind: "statement", predicateType, bytes: plan.bytes }
      : { kind: "attestation", predicateType, predicate: plan.kind === "predicate" ? plan.predicate : "" };
  return await signImages(operands, statement, options, terminal);
}

async function signImages(
  operands: readonly string[],
  statement: ImageStatement,
  options: ImageSignOptions,
  terminal: Terminal,
): Promise<number> {
  const references = operands.map(parseReference);
  const isPayload = options.legacy === true && statement.kind === "signature";
  const signing = await makeSigning(options, terminal, isPayload ? "files" : "statement");
  if (signing.kind === "keyless") await checkConsent({ hosts: publicHosts(signing.logs) }, options, terminal);
  useNetwork(terminal);
  const registry = openRegistry(options, references, terminal);
  const signed: ImageSigned[] = [];
  const bundles: NewBundle[] = [];
  const run = new SigningRun({ bundles, terminal, isJson: options.json === true });
  await interruptible(async () => {
    for (const reference of references)
      signed.push(...(await signOne(reference, { statement, options, terminal, signing, registry, run, bundles })));
  }, run);
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.image-signed/v1", images: signed }));
  else for (const { pinned } of signed) terminal.out(`${pinned}\n`);
  return 0;
}

interface Job {
  readonly statement: ImageStatement;
  readonly options: ImageSignOptions;
  readonly terminal: Terminal;
  readonly signing: Signing;
  readonly registry: Registry;
  readonly run: SigningRun;
  /** Of all images so far that are to be signed. */
  readonly bundles: NewBundle[];
}

async function signOne(reference: Reference, job: Job): Promise<readonly ImageSigned[]> {
  const { registry, options, terminal, signing, statement, run, bundles } = job;
  const root = await registry.manifest(reference);
  if (reference.digest === undefined) warnOfTag(reference, root, job);
  const evidenceRepository = evidenceRepositoryOf(options);
  const world: ImageSignWorld = { ...signing.world, registry, random: Math.random };
  const done: ImageSigned[] = [];
  const images = (await imagesOf(reference, root, job)).map((image) => {
    const bundle = newBundle(formatReference(pinReference(reference, image.digest)));
    bundles.push(bundle);
    return { image, bundle };
  });
  for (const { image, bundle } of images) {
    const layout = options.legacy === true ? "legacy" : "bundle";
    const more = evidenceRepository === undefined ? {} : { evidenceRepository };
    const signed = await run.store(bundle, async (watch, lose) =>
      signImage({ image, reference, statement, layout, ...more }, await signing.open(), { ...world, watch, lose }),
    );
    done.push(signed);
    if (options.quiet !== true) terminal.err(formatSigned(signed, terminal));
  }
  return done;
}

/** The image itself, and with --recursive all that its index names, BuildKit's attestations too: cosign signs them as well. */
async function imagesOf(
  reference: Reference,
  root: FetchedManifest,
  { options, registry }: Job,
): Promise<readonly FetchedManifest[]> {
  const images = new Map([[root.digest, root]]);
  const queue = options.recursive === true ? [root] : [];
  for (const { manifest } of queue) {
    if (manifest.kind !== "index") continue;
    choosePlatforms(manifest, "all");
    for (const { digest } of manifest.manifests) {
      if (images.has(digest)) continue;
      const child = await registry.manifest(pinReference(reference, digest));
      images.set(digest, child);
      queue.push(child);
    }
  }
  return [...images.values()];
}

/** A tag may be moved between two looks at it: what was signed is said. */
function warnOfTag(reference: Reference, { digest }: FetchedManifest, { terminal }: Job): void {
  const error = imageError("CLI_IMAGE_TAG", { checked: plain(reference.tag ?? "latest"), got: digest });
  terminal.err(formatWarning(error.message, error.code, terminal));
}

function formatSigned(signed: ImageSigned, terminal: Terminal): string {
  const by =
    signed.listedBy === "api"
      ? "the registry's list of referrers"
      : "a tag, which registries without that list do not keep safe from other writers";
  const lines = [
    `${terminal.style("green", "signed:")} ${plain(signed.pinned)}`,
    row("predicate", plain(signed.predicateType)),
    row("stored", `${signed.digest}, found through ${by}`),
  ];
  return `${lines.join("\n")}\n`;
}
