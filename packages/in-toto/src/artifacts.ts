import { endOfString, endOfValue, quote, readTextValue, unescapeCanonical } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { checkHashes, type Hashes } from "./hashes.ts";
import { checkArtifactPath } from "./name.ts";
import type { Mode } from "./mode.ts";
import type { JsonObject } from "@countersign/core";

/** Each artifact's path with its hashes. */
export type Artifacts = ReadonlyMap<string, Hashes>;

/** The most artifacts on one side of a link. */
export const maxArtifacts: number = 4_000_000;

/** Artifacts as a JSON object. */
export function formatArtifacts(artifacts: Artifacts): JsonObject {
  // Through entries, so that a path named __proto__ is a member.
  return Object.fromEntries([...artifacts].map(([path, hashes]) => [path, readTextValue(hashes)]));
}

/**
 * Reads the object of artifacts that starts at `from` in canonical text, and says where it ends. Checks all hashes, and
 * in strict mode all paths. The result shares the text's memory. Throws INTOTO_LINK_MALFORMED, INTOTO_NAME_UNSAFE,
 * INTOTO_TOO_LARGE.
 */
export function readArtifacts(
  text: string,
  from: number,
  mode: Mode,
): { readonly artifacts: Artifacts; readonly to: number } {
  if (text[from] !== "{") throw inTotoError("INTOTO_LINK_MALFORMED", { expected: "objects of artifacts" });
  const places: number[] = [];
  let at = from + 1;
  while (text.charCodeAt(at) === 34) {
    const nameEnd = endOfString(text, at);
    places.push(at + 1, nameEnd + 1);
    at = endOfEntry(text, at, nameEnd, mode);
    // Over the comma; the brace at the end is passed over below.
    if (text.charCodeAt(at) === 44) at++;
    if (places.length > maxArtifacts * 2)
      throw inTotoError("INTOTO_TOO_LARGE", { checked: "artifacts of a link", expected: `at most ${maxArtifacts}` });
  }
  // As if one more entry followed.
  places.push(at + 2);
  return { artifacts: new ArtifactList(text, places), to: at + 1 };
}

/** By far the most common entry: a safe path that needs no escapes, and one SHA-256. */
const commonEntry = /"(?:(?!\.{0,2}\/)[^"\\/\0]+\/)*(?!\.{1,2}")[^"\\/\0]+":\{"sha256":"[0-9a-f]{64}"\}/y;
/** Longer names are read piece by piece, in UTF-16 units. */
const maxCommonChars = 4096;

function endOfEntry(text: string, from: number, nameEnd: number, mode: Mode): number {
  commonEntry.lastIndex = from;
  if (nameEnd - from <= maxCommonChars && commonEntry.test(text)) return commonEntry.lastIndex;
  const path = unescapeCanonical(text.slice(from + 1, nameEnd - 1));
  if (mode === "strict") checkArtifactPath(path);
  const to = endOfValue(text, nameEnd + 1);
  if (to - nameEnd > maxCommonChars)
    throw inTotoError("INTOTO_LINK_MALFORMED", { checked: `hashes of ${quote(path)}`, got: "too many" });
  checkHashes(text.slice(nameEnd + 1, to), mode);
  return to;
}

/**
 * A map that makes its strings when they are asked for, and its index at the first question about a path: a link of
 * 100,000 files would else take twice the time and memory, and the materials of most links are only gone through.
 */
class ArtifactList implements ReadonlyMap<string, Hashes> {
  readonly #text: string;
  /** Of each entry, where its path and its hashes start; one more path's start at the end. */
  readonly #places: readonly number[];
  #index: ReadonlyMap<string, number> | undefined;

  constructor(text: string, places: readonly number[]) {
    this.#text = text;
    this.#places = places;
  }

  get size(): number {
    return (this.#places.length - 1) / 2;
  }

  has(path: string): boolean {
    return this.#indexed().has(path);
  }

  get(path: string): Hashes | undefined {
    const entry = this.#indexed().get(path);
    return entry === undefined ? undefined : this.#hashesAt(entry);
  }

  *keys(): Generator<string, undefined> {
    for (let entry = 0; entry < this.size; entry++) yield this.#pathAt(entry);
    return undefined;
  }

  *values(): Generator<Hashes, undefined> {
    for (let entry = 0; entry < this.size; entry++) yield this.#hashesAt(entry);
    return undefined;
  }

  *entries(): Generator<[string, Hashes], undefined> {
    for (let entry = 0; entry < this.size; entry++) yield [this.#pathAt(entry), this.#hashesAt(entry)];
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, Hashes], undefined> {
    return this.entries();
  }

  forEach(visit: (hashes: Hashes, path: string, map: ReadonlyMap<string, Hashes>) => void): void {
    for (const [path, hashes] of this.entries()) visit(hashes, path, this);
  }

  #indexed(): ReadonlyMap<string, number> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<string, number>();
    for (let entry = 0; entry < this.size; entry++) index.set(this.#pathAt(entry), entry);
    this.#index = index;
    return index;
  }

  #pathAt(entry: number): string {
    return unescapeCanonical(this.#text.slice(this.#places[entry * 2], (this.#places[entry * 2 + 1] as number) - 2));
  }

  #hashesAt(entry: number): Hashes {
    return this.#text.slice(this.#places[entry * 2 + 1], (this.#places[entry * 2 + 2] as number) - 2) as Hashes;
  }
}
