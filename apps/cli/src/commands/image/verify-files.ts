import {
  findDockerfileImages,
  findKubernetesImages,
  formatPath,
  parseKindPaths,
  parseReference,
  type KindPaths,
} from "@countersign/oci";
import { attempt, parseUtf8, quote, TrustError } from "@countersign/core";
import { cliError } from "../../errors.ts";
import { imageError } from "../../image-errors.ts";
import type { ImageFilesOptions } from "../../image-options.ts";
import type { ImageUse } from "../../image-pin.ts";
import { readSmallFile, readStandardInput } from "../../input.node.ts";
import { rewriteFile } from "../../output.node.ts";
import { formatJson } from "../../render-json.ts";
import { formatWarning } from "../../render-text.ts";
import type { Terminal } from "../../terminal.ts";
import type { YamlDocument } from "../../yaml.ts";
import { exitCodeOf, judgeImages, parseAnnotations, reportsOf, tell, type Outcome } from "./verify.ts";

/** `countersign image verify-manifests`: 0 only if every image of every file is allowed. */
export async function imageVerifyManifestsCommand(
  operands: readonly string[],
  options: ImageFilesOptions,
  terminal: Terminal,
): Promise<number> {
  const kinds = parseKindPaths(options.kindPath ?? []);
  if (options.pin === true && options.json === true && operands.includes("-"))
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--pin of standard input",
      got: "--json as well, for the same standard output",
    });
  const texts = new Map<string, string>();
  for (const file of operands) texts.set(file, await readText(file));
  const { parseYaml } = await import("../../yaml.ts");
  const read = [...texts].map(([file, text]) => readManifest(file, parseYaml(text, file), kinds));
  const uses = read.flatMap((each) => each.uses);
  const unread = read.flatMap((each) => each.unread);
  const judged = [...(await judgeUses(uses, options, terminal)), ...unread];
  const isPinned = options.pin === true && exitCodeOf(judged) === 0;
  const { files, problems } = isPinned ? await pinFiles(texts, uses, judged) : nothingPinned;
  // Written before anything is said: whoever reads the report is told once, of all that went wrong.
  for (const { file, pinned } of files) if (file === "-" || pinned !== texts.get(file)) write(file, pinned, terminal);
  const outcomes = [...judged, ...problems];
  report(uses, outcomes, { ...options, ...(options.pin === true && { pinned: true }) }, terminal);
  return exitCodeOf(outcomes);
}

interface Pinned {
  readonly files: readonly { readonly file: string; readonly pinned: string }[];
  /** If there are any, no file is to be written. */
  readonly problems: readonly Outcome[];
}

const nothingPinned: Pinned = { files: [], problems: [] };

async function pinFiles(
  texts: ReadonlyMap<string, string>,
  uses: readonly ImageUse[],
  outcomes: readonly Outcome[],
): Promise<Pinned> {
  const { pinImages } = await import("../../image-pin.ts");
  const digests = digestsOf(outcomes);
  const [files, problems]: [{ file: string; pinned: string }[], Outcome[]] = [[], []];
  for (const [file, text] of texts) {
    try {
      files.push({ file, pinned: pinImages({ file, text, uses, digests }) });
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      problems.push({ reference: file, error });
    }
  }
  return problems.length > 0 ? { files: [], problems } : { files, problems };
}

/** `countersign image verify-dockerfile`: 0 only if every image that the files build from is allowed. */
export async function imageVerifyDockerfileCommand(
  operands: readonly string[],
  options: ImageFilesOptions,
  terminal: Terminal,
): Promise<number> {
  const buildArgs = parseAnnotations(options.buildArg);
  const uses: ImageUse[] = [];
  for (const file of operands) {
    for (const { image, by, line } of findDockerfileImages(await readText(file), buildArgs)) {
      if (by === "syntax" && options.judgeSyntax !== true) warnOfFrontend(image, terminal);
      else uses.push({ file, where: `line ${line}, ${by}`, image });
    }
  }
  const outcomes = await judgeUses(uses, options, terminal);
  report(uses, outcomes, options, terminal);
  return exitCodeOf(outcomes);
}

async function readText(file: string): Promise<string> {
  return parseUtf8(file === "-" ? await readStandardInput() : readSmallFile(file, "file"));
}

function readManifest(
  file: string,
  documents: readonly YamlDocument[],
  kinds: KindPaths,
): { readonly uses: readonly ImageUse[]; readonly unread: readonly Outcome[] } {
  const uses: ImageUse[] = [];
  const unread: Outcome[] = [];
  for (const [document, parsed] of documents.entries()) {
    const found = findKubernetesImages(parsed.value, kinds);
    for (const { image, path } of found.uses)
      uses.push({ file, where: formatPath(path), image, at: { document, path, range: parsed.rangeOf(path) } });
    const tell = (code: "CLI_IMAGES_UNREAD" | "CLI_IMAGE_MISSING", got: string): unknown =>
      unread.push({ reference: file, error: imageError(code, { checked: quote(file), got }) });
    for (const at of found.unread) tell("CLI_IMAGES_UNREAD", at);
    for (const at of found.missing) tell("CLI_IMAGE_MISSING", at);
  }
  return { uses, unread };
}

/** Each image once, however often it is named. What is no name of an image does not keep the others from being judged. */
async function judgeUses(
  uses: readonly ImageUse[],
  options: ImageFilesOptions,
  terminal: Terminal,
): Promise<readonly Outcome[]> {
  const wrong = uses.flatMap((use) => nameProblem(use) ?? []);
  const wrongNames = new Set(wrong.map(({ reference }) => reference));
  const images = [...new Set(uses.map(({ image }) => image))].filter((image) => !wrongNames.has(image));
  const annotations = parseAnnotations(options.annotation);
  return [...(await judgeImages(images, { kind: "signature", annotations }, options, terminal)), ...wrong];
}

function nameProblem({ file, where, image }: ImageUse): Outcome | undefined {
  if (attempt(() => parseReference(image)) !== undefined) return undefined;
  const detail = { checked: `${quote(file)}, ${where}`, expected: "the name of an image", got: quote(image) };
  return { reference: image, error: imageError("CLI_IMAGE_NAME", detail) };
}

function report(
  uses: readonly ImageUse[],
  outcomes: readonly Outcome[],
  options: ImageFilesOptions & { readonly pinned?: true },
  terminal: Terminal,
): void {
  const places = uses.map(({ file, where, image }) => ({ file, where, image }));
  if (options.json === true) terminal.out(formatJson({ ...reportsOf(outcomes), places }));
  // With --pin the files, or standard output, carry the digests.
  tell(outcomes, options.pinned === true ? { ...options, json: true } : options, terminal);
  if (uses.length === 0) terminal.err(formatWarning("no image is named here", "CLI_NO_IMAGES", terminal));
}

function warnOfFrontend(image: string, terminal: Terminal): void {
  terminal.err(
    formatWarning(`# syntax= runs ${quote(image)}, which is not judged here`, "CLI_DOCKERFILE_SYNTAX", terminal),
  );
}

function digestsOf(outcomes: readonly Outcome[]): ReadonlyMap<string, string> {
  return new Map(
    outcomes.flatMap((each) =>
      "report" in each
        ? [[each.reference, each.report.pinned.slice(each.report.pinned.indexOf("@") + 1)] as const]
        : [],
    ),
  );
}

function write(file: string, pinned: string, terminal: Terminal): void {
  if (file === "-") terminal.out(pinned);
  else rewriteFile(file, pinned);
}
