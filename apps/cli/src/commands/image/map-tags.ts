import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { quote, type Digest } from "@countersign/core";
import { formatRepository, parseReference, type Reference } from "@countersign/oci";
import { formatTagMap, maxTagMapBytes, parseTagMap, tagMapTarget } from "@countersign/pipeline";
import { cliError } from "../../errors.ts";
import type { ImageMapOptions } from "../../image-options.ts";
import { readSmallFile } from "../../input.node.ts";
import { writeAtomic } from "../../output.node.ts";
import { openRegistry } from "../../registry.ts";
import { formatJson } from "../../render-json.ts";
import { plain, row, whole } from "../../render-text.ts";
import type { Terminal } from "../../terminal.ts";

type Tagged = Reference & { readonly tag: string };

/** `countersign image map-tags`: what each tag names now, or the digest given beside it, into the map of its repository. */
export async function imageMapTagsCommand(
  operands: readonly string[],
  options: ImageMapOptions,
  terminal: Terminal,
): Promise<number> {
  const references = operands.map(parseTagged);
  const digests = await digestsOf(references, options, terminal);
  const maps = [...Map.groupBy(references, formatRepository)].map(([repository, tags]) => {
    return { repository, ...change(tags[0] as Tagged, changesOf(tags, digests), options.output ?? ".") };
  });
  for (const { path, text } of maps) {
    mkdirSync(dirname(path), { recursive: true });
    writeAtomic(path, text);
    if (options.json !== true) terminal.out(`${whole(path)}\n`);
  }
  const listed = maps.map(({ repository, path, target, tags }) => ({ repository, path, target, tags }));
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.image-maps/v1", maps: listed }));
  if (options.quiet !== true)
    for (const each of references)
      terminal.err(`${row(plain(each.tag), digests.get(each) ?? "taken out")} of ${plain(formatRepository(each))}\n`);
  return 0;
}

/** `latest` is meant only where it is written: what is published for all should not be a guess. */
function parseTagged(text: string): Tagged {
  const reference = parseReference(text);
  const { tag } = reference;
  const isWritten = tag !== undefined && text.split("@")[0]?.endsWith(`:${tag}`) === true;
  if (isWritten) return { ...reference, tag };
  throw cliError("CLI_OPTION_VALUE", { checked: "image", expected: "NAME:TAG", got: quote(text) });
}

async function digestsOf(
  references: readonly Tagged[],
  options: ImageMapOptions,
  terminal: Terminal,
): Promise<ReadonlyMap<Tagged, Digest>> {
  if (options.remove === true) return new Map();
  const registry = openRegistry(options, references, terminal);
  const found = await Promise.all(
    references.map(async (each): Promise<readonly [Tagged, Digest]> => [
      each,
      each.digest ?? (await registry.manifest(each)).digest,
    ]),
  );
  return new Map(found);
}

function changesOf(
  references: readonly Tagged[],
  digests: ReadonlyMap<Tagged, Digest>,
): ReadonlyMap<string, Digest | undefined> {
  const changes = new Map<string, Digest | undefined>();
  for (const each of references) {
    if (changes.has(each.tag))
      throw cliError("CLI_OPTION_VALUE", { checked: "image", expected: "each tag once", got: quote(each.tag) });
    changes.set(each.tag, digests.get(each));
  }
  return changes;
}

interface Changed {
  readonly path: string;
  readonly target: string;
  readonly text: string;
  readonly tags: Readonly<Record<string, Digest>>;
}

/** The map with the changes; an undefined digest takes the tag out. */
function change(repository: Tagged, changes: ReadonlyMap<string, Digest | undefined>, folder: string): Changed {
  const target = tagMapTarget(repository);
  const path = join(folder, ...target.split("/"));
  const before = existsSync(path) ? parseTagMap(readSmallFile(path, "map", maxTagMapBytes)) : undefined;
  if (before !== undefined && formatRepository(before.repository) !== formatRepository(repository))
    throw cliError("CLI_OPTION_VALUE", { checked: quote(path), got: quote(formatRepository(before.repository)) });
  const tags = new Map(before?.tags);
  for (const [tag, digest] of changes) {
    if (digest !== undefined) tags.set(tag, digest);
    else if (!tags.delete(tag))
      throw cliError("CLI_OPTION_VALUE", { checked: "--remove", expected: "a tag of the map", got: quote(tag) });
  }
  const text = new TextDecoder().decode(formatTagMap({ repository, tags }));
  return { path, target, text, tags: Object.fromEntries(tags) };
}
