import {
  findDockerfileImages,
  findKubernetesImages,
  formatPath,
  parseKindPaths,
  type KindPaths,
} from "@countersign/oci";
import { parseUtf8, quote } from "@countersign/core";
import { cliError } from "../../errors.ts";
import type { ImageFilesOptions } from "../../image-options.ts";
import { readSmallFile, readStandardInput } from "../../input.node.ts";
import { writeAtomic } from "../../output.node.ts";
import { formatJson } from "../../render-json.ts";
import { formatWarning } from "../../render-text.ts";
import type { Terminal } from "../../terminal.ts";
import { exitCodeOf, judgeImages, parseAnnotations, reportsOf, tell, type Outcome } from "./verify.ts";

/** An image that a file names, and where. */
interface Use {
  readonly file: string;
  readonly where: string;
  readonly image: string;
  /** Where in the file's text it stands, if it can be pinned there. */
  readonly range?: readonly [number, number];
}

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
  const read = await Promise.all([...texts].map(([file, text]) => readManifest(file, text, kinds)));
  const uses = read.flatMap((each) => each.uses);
  const unread = read.flatMap((each) => each.unread);
  const outcomes = [...(await judgeUses(uses, options, terminal)), ...unread];
  report(uses, outcomes, { ...options, ...(options.pin === true && { pinned: true }) }, terminal);
  const code = exitCodeOf(outcomes);
  if (code === 0 && options.pin === true)
    for (const [file, text] of texts) writePinned(file, text, { uses, outcomes }, terminal);
  return code;
}

/** `countersign image verify-dockerfile`: 0 only if every image that the files build from is allowed. */
export async function imageVerifyDockerfileCommand(
  operands: readonly string[],
  options: ImageFilesOptions,
  terminal: Terminal,
): Promise<number> {
  const buildArgs = parseAnnotations(options.buildArg);
  const uses: Use[] = [];
  for (const file of operands) {
    for (const { image, by, line } of findDockerfileImages(await readText(file), buildArgs)) {
      if (by === "syntax") warnOfFrontend(image, terminal);
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

async function readManifest(
  file: string,
  text: string,
  kinds: KindPaths,
): Promise<{ readonly uses: readonly Use[]; readonly unread: readonly Outcome[] }> {
  const { parseYaml } = await import("../../yaml.ts");
  const uses: Use[] = [];
  const unread: Outcome[] = [];
  for (const document of parseYaml(text, file)) {
    const found = findKubernetesImages(document.value, kinds);
    for (const { image, path } of found.uses) {
      const range = document.rangeOf(path);
      uses.push({ file, where: formatPath(path), image, ...(range !== undefined && { range }) });
    }
    for (const at of found.unread)
      unread.push({ reference: file, error: cliError("CLI_IMAGES_UNREAD", { checked: quote(file), got: at }) });
  }
  return { uses, unread };
}

/** Each image once, however often it is named. */
async function judgeUses(
  uses: readonly Use[],
  options: ImageFilesOptions,
  terminal: Terminal,
): Promise<readonly Outcome[]> {
  const images = [...new Set(uses.map(({ image }) => image))];
  const annotations = parseAnnotations(options.annotation);
  return await judgeImages(images, { kind: "signature", annotations }, options, terminal);
}

function report(
  uses: readonly Use[],
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

/** Writes `@sha256:…` behind each name, from the last to the first, so that places stay right. */
function writePinned(
  file: string,
  text: string,
  { uses, outcomes }: { readonly uses: readonly Use[]; readonly outcomes: readonly Outcome[] },
  terminal: Terminal,
): void {
  const digests = new Map(
    outcomes.flatMap((each) => ("report" in each ? [[each.reference, digestOf(each.report.pinned)] as const] : [])),
  );
  const places = new Map<number, { readonly end: number; readonly image: string }>();
  for (const use of uses)
    if (use.file === file && use.range !== undefined) places.set(use.range[0], { end: use.range[1], image: use.image });
  let pinned = text;
  for (const [start, { end, image }] of [...places].toSorted(([a], [b]) => b - a)) {
    const digest = digests.get(image);
    if (digest === undefined || image.includes("@")) continue;
    const written = pinned.slice(start, end);
    pinned = pinned.slice(0, start) + written.replace(image, () => `${image}@${digest}`) + pinned.slice(end);
  }
  if (file === "-") terminal.out(pinned);
  else if (pinned !== text) writeAtomic(file, pinned);
}

function digestOf(pinned: string): string {
  return pinned.slice(pinned.indexOf("@") + 1);
}
