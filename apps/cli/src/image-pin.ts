import { quote, type Json } from "@countersign/core";
import { imageError } from "./image-errors.ts";
import { parseYaml } from "./yaml.ts";

/** An image that a file names, and where. */
export interface ImageUse {
  readonly file: string;
  readonly where: string;
  readonly image: string;
  /** In a manifest. */
  readonly at?: {
    /** Which of the file's documents, from 0. */
    readonly document: number;
    readonly path: readonly (string | number)[];
    /** Where in the file's text it stands, if it can be pinned there. */
    readonly range: readonly [number, number] | undefined;
  };
}

/** What is to be written. */
export interface Pinning {
  readonly file: string;
  readonly text: string;
  /** Those of other files are passed over. */
  readonly uses: readonly ImageUse[];
  /** By image as written. */
  readonly digests: ReadonlyMap<string, string>;
}

/**
 * The text of a manifest with `@sha256:…` behind the name of each image, and nothing else changed: read again, it must say of
 * each image that was judged its digest, and of everything else what it said before. Throws CLI_IMAGE_UNPINNED.
 */
export function pinImages(pinning: Pinning): string {
  const { file, text } = pinning;
  const uses = pinning.uses.filter((use) => use.file === file);
  const pinned = write(text, uses, pinning.digests);
  const expected = parseYaml(text, file).map(({ value }) => value);
  for (const { image, at } of uses)
    if (at !== undefined) setAt(expected[at.document], at.path, nameOf(image, pinning.digests));
  const got = parseYaml(pinned, file).map(({ value }) => value);
  if (JSON.stringify(got) === JSON.stringify(expected)) return pinned;
  throw imageError("CLI_IMAGE_UNPINNED", {
    checked: quote(file),
    expected: "each image in plain text, in a place of its own",
  });
}

function nameOf(image: string, digests: ReadonlyMap<string, string>): string {
  const digest = digests.get(image);
  return digest === undefined || image.includes("@") ? image : `${image}@${digest}`;
}

/** From the last to the first, so that places stay right. */
function write(text: string, uses: readonly ImageUse[], digests: ReadonlyMap<string, string>): string {
  const places = new Map<number, { readonly end: number; readonly image: string }>();
  for (const { at, image } of uses) if (at?.range !== undefined) places.set(at.range[0], { end: at.range[1], image });
  let pinned = text;
  for (const [start, { end, image }] of [...places].toSorted(([a], [b]) => b - a)) {
    const written = pinned.slice(start, end);
    pinned = pinned.slice(0, start) + written.replace(image, () => nameOf(image, digests)) + pinned.slice(end);
  }
  return pinned;
}

/** Values of `parseYaml` share nothing: an alias is a copy. */
function setAt(value: Json | undefined, path: readonly (string | number)[], text: string): void {
  let inner = value as Record<string | number, Json> | undefined;
  for (const step of path.slice(0, -1)) inner = inner?.[step] as Record<string | number, Json> | undefined;
  const last = path.at(-1);
  if (inner !== undefined && last !== undefined) inner[last] = text;
}
