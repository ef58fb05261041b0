import {
  attachBundle,
  cosignTag,
  deleteManifest,
  descriptorOf,
  fallbackTag,
  findEvidence,
  formatReference,
  formatRepository,
  listReferrers,
  parseReference,
  pinReference,
  removeReferrer,
  repairTag,
  tagReference,
  type FetchedManifest,
  type FoundEvidence,
  type ImageEvidence,
  type Reference,
  type Registry,
  type Repository,
} from "@countersign/oci";
import { matchSubject, parseStatement, quote, type Digest } from "@countersign/core";
import { pipelineError } from "@countersign/pipeline";
import { parseBundle } from "@countersign/sigstore";
import { readBundles } from "../../bundle-file.ts";
import { isAnybodyThere } from "../../ci.ts";
import { cliError } from "../../errors.ts";
import { imageError } from "../../image-errors.ts";
import type { ImageEvidenceOptions } from "../../image-options.ts";
import { claimedKindOf } from "../../evidence-kind.ts";
import { readSmallFile } from "../../input.node.ts";
import { evidenceRepositoryOf, openRegistry } from "../../registry.ts";
import { formatJson } from "../../render-json.ts";
import { formatFailureText, plain } from "../../render-text.ts";
import type { Terminal } from "../../terminal.ts";

interface Stage {
  readonly reference: Reference;
  readonly registry: Registry;
  readonly image: FetchedManifest;
  readonly place: Repository;
  readonly pinned: string;
}

async function setStage(operand: string, options: ImageEvidenceOptions, terminal: Terminal): Promise<Stage> {
  const reference = parseReference(operand);
  const registry = openRegistry(options, [reference], terminal);
  const image = await registry.manifest(reference);
  const place = evidenceRepositoryOf(options) ?? reference;
  return { reference, registry, image, place, pinned: formatReference(pinReference(reference, image.digest)) };
}

/** `countersign image download`: every bundle, envelope and older signature beside an image, a line each. Nothing is verified. */
export async function imageDownloadCommand(
  operands: readonly string[],
  options: ImageEvidenceOptions,
  terminal: Terminal,
): Promise<number> {
  const { registry, image, place } = await setStage(operands[0] ?? "", options, terminal);
  const { evidence, problems } = await findKind(registry, { place, image }, options);
  for (const piece of evidence) terminal.out(`${lineOf(piece)}\n`);
  for (const problem of problems) terminal.err(formatFailureText(problem, terminal));
  if (evidence.length === 0 && problems.length === 0) throw pipelineError("PIPELINE_IMAGE_UNSIGNED");
  return problems.length > 0 ? 3 : 0;
}

/** What is of the wanted kind by what it says of itself: a bundle's place tells nothing. What cannot be read is of no kind. */
async function findKind(
  registry: Registry,
  { place, image }: Pick<Stage, "place" | "image">,
  { kind = "all" }: ImageEvidenceOptions,
): Promise<FoundEvidence> {
  const found = await findEvidence(registry, { repository: place, digest: image.digest, wanted: kind });
  if (kind === "all") return found;
  return { ...found, evidence: found.evidence.filter((piece) => claimedKindOf(piece).kind === kind) };
}

function lineOf(piece: ImageEvidence): string {
  return piece.layout === "sig-tag" || piece.layout === "sig-referrer" ? signatureLine(piece) : oneLine(piece.bytes);
}

/** A signature of cosign's older layout with all that its layer keeps, by the names that `cosign download signature` gives them. */
function signatureLine({ bytes, annotations }: ImageEvidence): string {
  const part = (name: string): string | null => annotations.get(`dev.sigstore.cosign/${name}`) ?? null;
  return JSON.stringify({
    Base64Signature: annotations.get("dev.cosignproject.cosign/signature") ?? "",
    Payload: Buffer.from(bytes).toString("base64"),
    Cert: part("certificate"),
    Chain: part("chain"),
    Bundle: jsonOrText(part("bundle")),
    RFC3161Timestamp: jsonOrText(part("rfc3161timestamp")),
  });
}

function jsonOrText(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

/** JSON without line ends between its members; other bytes as they are in base64. */
function oneLine(bytes: Uint8Array): string {
  try {
    return JSON.stringify(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    return JSON.stringify({ base64: Buffer.from(bytes).toString("base64") });
  }
}

/** `countersign image attach`: stores bundles that were made elsewhere, each only if it says that it is about this image. */
export async function imageAttachCommand(
  operands: readonly string[],
  options: ImageEvidenceOptions,
  terminal: Terminal,
): Promise<number> {
  const stage = await setStage(operands[0] ?? "", options, terminal);
  const bundles = operands.slice(1).flatMap((path) => readAttachable(path, stage.image.digest));
  const created = terminal
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, "Z");
  const attached = [];
  for (const each of bundles) {
    const attachment = { ...each, subject: descriptorOf(stage.image), created };
    attached.push(await attachBundle(stage.registry, stage.place, attachment, { random: Math.random }));
  }
  if (options.json === true)
    terminal.out(formatJson({ schema: "countersign.image-attached/v1", pinned: stage.pinned, attached }));
  else for (const { digest } of attached) terminal.out(`${formatRepository(stage.place)}@${digest}\n`);
  return 0;
}

interface Attachable {
  readonly bundle: Uint8Array;
  readonly content: "dsse-envelope" | "message-signature";
  readonly predicateType?: string;
}

/** The bundle of a file, or of each line of a `.jsonl`, as `image download` prints them. */
function readAttachable(path: string, digest: Digest): readonly Attachable[] {
  if (!path.endsWith(".jsonl")) return [checkAttachable(readSmallFile(path, "bundle"), path, digest)];
  return readBundles([path]).map(({ bytes, source }) => checkAttachable(bytes, source, digest));
}

function checkAttachable(bundle: Uint8Array, path: string, digest: Digest): Attachable {
  const { content, version } = parseBundle(bundle);
  if (version !== "0.3")
    throw imageError("CLI_BUNDLE_OTHER_IMAGE", {
      checked: quote(path),
      expected: "a bundle of version 0.3",
      got: version,
    });
  if (content.kind === "message") {
    if (content.digest === digest) return { bundle, content: "message-signature" };
    throw imageError("CLI_BUNDLE_OTHER_IMAGE", {
      checked: quote(path),
      expected: digest,
      got: content.digest ?? "no digest",
    });
  }
  const statement = parseStatement(content.envelope.payload);
  if (matchSubject(statement, [digest]) === undefined)
    throw imageError("CLI_BUNDLE_OTHER_IMAGE", { checked: quote(path), expected: `${digest} among its subjects` });
  return { bundle, content: "dsse-envelope", predicateType: statement.predicateType };
}

/** `countersign image clean`: removes signatures and attestations beside an image, and leaves the image. */
export async function imageCleanCommand(
  operands: readonly string[],
  options: ImageEvidenceOptions,
  terminal: Terminal,
): Promise<number> {
  const stage = await setStage(operands[0] ?? "", options, terminal);
  const found = await findKind(stage.registry, stage, options);
  const [problem] = found.problems;
  if (problem !== undefined) throw problem;
  const holders = [...new Set(found.evidence.map(({ manifest }) => manifest))];
  await confirm(holders.length, stage, options, terminal);
  const removed: Digest[] = [];
  for (const digest of holders) {
    const isTag = found.evidence.some((each) => each.manifest === digest && each.layout.endsWith("-tag"));
    const { registry, place, image } = stage;
    const isGone = isTag
      ? await deleteManifest(registry, place, digest)
      : await removeReferrer(registry, place, { subject: image.digest, digest });
    if (isGone) removed.push(digest);
  }
  if (options.json === true)
    terminal.out(formatJson({ schema: "countersign.image-cleaned/v1", pinned: stage.pinned, removed }));
  else for (const digest of removed) terminal.out(`${digest}\n`);
  return 0;
}

async function confirm(
  count: number,
  { pinned }: Stage,
  { yes }: ImageEvidenceOptions,
  terminal: Terminal,
): Promise<void> {
  if (yes === true || count === 0) return;
  if (!isAnybodyThere(terminal))
    throw cliError("CLI_USAGE", `--yes is needed to remove ${count} manifests beside ${plain(pinned)}`);
  const answer = await terminal.ask(`countersign: remove ${count} manifests beside ${plain(pinned)}? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw cliError("CLI_USAGE", "nothing was removed");
}

/** `countersign image repair`: rebuilds the tag that stands in for a list of referrers from the manifests that exist. */
export async function imageRepairCommand(
  operands: readonly string[],
  options: ImageEvidenceOptions,
  terminal: Terminal,
): Promise<number> {
  const { registry, image, place, pinned } = await setStage(operands[0] ?? "", options, terminal);
  const { source } = await listReferrers(registry, place, image.digest);
  const known = (options.manifest ?? []).map((text) => parseReference(`x@${text}`).digest as Digest);
  const { entries, dropped } =
    source === "api" ? { entries: [], dropped: [] } : await repairTag(registry, place, image.digest, known);
  const listed = entries.map(({ digest }) => digest);
  if (options.json === true)
    terminal.out(formatJson({ schema: "countersign.image-repaired/v1", pinned, source, listed, dropped }));
  else {
    if (source === "api")
      terminal.err("countersign: the registry keeps the list of referrers itself; there is nothing to repair\n");
    for (const digest of listed) terminal.out(`${digest}\n`);
    for (const digest of dropped)
      terminal.err(`countersign: left out: ${digest} does not exist, or is about another image\n`);
  }
  return 0;
}

/** `countersign image triangulate`: where evidence about an image is looked for. Asks the registry only what a tag names. */
export async function imageTriangulateCommand(
  operands: readonly string[],
  options: ImageEvidenceOptions,
  terminal: Terminal,
): Promise<number> {
  const { image, place } = await setStage(operands[0] ?? "", options, terminal);
  const { digest } = image;
  const tags = [fallbackTag(digest), cosignTag(digest, "sig"), cosignTag(digest, "att")];
  const places = [
    `${formatRepository(place)}/referrers/${digest}`,
    ...tags.map((tag) => formatReference(tagReference(place, tag))),
  ];
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.image-places/v1", digest, places }));
  else terminal.out(`${places.join("\n")}\n`);
  return 0;
}
