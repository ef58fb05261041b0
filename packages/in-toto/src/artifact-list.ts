import { quote, unescapeCanonical, utf8 } from "@countersign/core";
import { compareStringBytes, type StringBytes } from "./canonical-bytes.ts";
import { inTotoError } from "./errors.ts";
import type { Hashes } from "./hashes.ts";

/** How another list has an artifact. */
export const artifactStates = { absent: 0, different: 1, same: 2 } as const;

/** Artifacts as their canonical JSON, and where each of them stands in it. */
export interface ArtifactPlaces {
  /** Canonical JSON, of which the object of artifacts is a part. */
  readonly bytes: Uint8Array;
  /** Of each entry, in order, where its path and its hashes start; one more path's start at the end. */
  readonly places: Uint32Array;
}

/**
 * A map of artifacts, in order of their paths, that is nothing but the bytes that were signed: strings are made when they
 * are asked for, and two lists are compared without any. A link of 100,000 files would else take many times the memory.
 * What is found by path has a number, its entry.
 */
export class ArtifactList implements ReadonlyMap<string, Hashes> {
  readonly #bytes: Uint8Array;
  readonly #places: Uint32Array;
  /** All of it as text, once a part was asked for; `undefined` before, empty if bytes and UTF-16 units do not correspond. */
  #text: string | undefined;
  readonly size: number;

  constructor({ bytes, places }: ArtifactPlaces) {
    this.#bytes = bytes;
    this.#places = places;
    this.size = (places.length - 1) / 2;
  }

  /** The entry of a path, -1 if there is none. */
  find(path: string): number {
    if (!path.isWellFormed()) return -1;
    const bytes = utf8(escapePath(path));
    return this.#search({ bytes, from: 0, to: bytes.length });
  }

  /** How the other list has one entry of this. */
  stateIn(other: ArtifactList, entry: number): number {
    const found = other.#search(this.#pathBytes(entry));
    if (found < 0) return artifactStates.absent;
    return this.hasSameHashes(entry, other, found) ? artifactStates.same : artifactStates.different;
  }

  /** How the other list has each entry of this: both are in order, so that one walk along them tells. */
  statesIn(other: ArtifactList): Uint8Array {
    const states = new Uint8Array(this.size);
    for (let own = 0, at = 0; own < this.size && at < other.size;) {
      const isSame = this.#isSameEntry(own, other, at);
      const order = isSame ? 0 : compareStringBytes(this.#pathBytes(own), other.#pathBytes(at));
      if (isSame) states[own] = artifactStates.same;
      // Equal hashes were seen already: the entries would have been the same.
      else if (order === 0) states[own] = artifactStates.different;
      if (order <= 0) own++;
      if (order >= 0) at++;
    }
    return states;
  }

  /** Whether an entry of this has the hashes of an entry of the other list. */
  hasSameHashes(entry: number, other: ArtifactList, found: number): boolean {
    const [from, to] = [this.#places[entry * 2 + 1] as number, this.#places[entry * 2 + 2] as number];
    const [start, end] = [other.#places[found * 2 + 1] as number, other.#places[found * 2 + 2] as number];
    return to - from === end - start && this.#isSameRun(from, to - 2, { bytes: other.#bytes, from: start });
  }

  pathAt(entry: number): string {
    const [from, to] = [this.#places[entry * 2] as number, this.#places[entry * 2 + 1] as number];
    return unescapeCanonical(this.#slice(from, to - 2));
  }

  hashesAt(entry: number): Hashes {
    const [from, to] = [this.#places[entry * 2 + 1] as number, this.#places[entry * 2 + 2] as number];
    return this.#slice(from, to - 2) as Hashes;
  }

  has(path: string): boolean {
    return this.find(path) >= 0;
  }

  get(path: string): Hashes | undefined {
    const entry = this.find(path);
    return entry < 0 ? undefined : this.hashesAt(entry);
  }

  *keys(): Generator<string, undefined> {
    for (let entry = 0; entry < this.size; entry++) yield this.pathAt(entry);
    return undefined;
  }

  *values(): Generator<Hashes, undefined> {
    for (let entry = 0; entry < this.size; entry++) yield this.hashesAt(entry);
    return undefined;
  }

  *entries(): Generator<[string, Hashes], undefined> {
    for (let entry = 0; entry < this.size; entry++) yield [this.pathAt(entry), this.hashesAt(entry)];
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, Hashes], undefined> {
    return this.entries();
  }

  forEach(visit: (hashes: Hashes, path: string, map: ReadonlyMap<string, Hashes>) => void): void {
    for (const [path, hashes] of this.entries()) visit(hashes, path, this);
  }

  #search(path: StringBytes): number {
    let [low, high] = [0, this.size - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const order = compareStringBytes(this.#pathBytes(middle), path);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #pathBytes(entry: number): StringBytes {
    const [from, to] = [this.#places[entry * 2] as number, (this.#places[entry * 2 + 1] as number) - 2];
    return { bytes: this.#bytes, from, to };
  }

  #isSameEntry(own: number, other: ArtifactList, at: number): boolean {
    const [from, to] = [this.#places[own * 2] as number, this.#places[own * 2 + 2] as number];
    const [start, end] = [other.#places[at * 2] as number, other.#places[at * 2 + 2] as number];
    return to - from === end - start && this.#isSameRun(from, to - 2, { bytes: other.#bytes, from: start });
  }

  #isSameRun(from: number, to: number, run: Omit<StringBytes, "to">): boolean {
    const bytes = this.#bytes;
    const shift = run.from - from;
    // From the end: hashes differ sooner than paths.
    for (let at = to - 1; at >= from; at--) if (bytes[at] !== run.bytes[at + shift]) return false;
    return true;
  }

  #slice(from: number, to: number): string {
    const [start = 0] = this.#places;
    if (this.#text === undefined) {
      const end = (this.#places.at(-1) as number) - 2;
      const text = decoder.decode(this.#bytes.subarray(start, end));
      this.#text = text.length === end - start ? text : "";
    }
    return this.#text === ""
      ? decoder.decode(this.#bytes.subarray(from, to))
      : this.#text.slice(from - start, to - start);
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function escapePath(path: string): string {
  return path.replaceAll(/["\\]/g, String.raw`\$&`);
}

/** Artifacts from anywhere as a list. Throws INTOTO_LINK_MALFORMED for a path that is no Unicode text. */
export function listArtifacts(artifacts: ReadonlyMap<string, Hashes>): ArtifactList {
  if (artifacts instanceof ArtifactList) return artifacts;
  const parts = [...artifacts].map(([path, hashes]) => {
    if (!path.isWellFormed())
      throw inTotoError("INTOTO_LINK_MALFORMED", { checked: `path ${quote(path)}`, expected: "Unicode text" });
    const bytes = utf8(escapePath(path));
    return { bytes, from: 0, to: bytes.length, hashes: utf8(hashes) };
  });
  parts.sort(compareStringBytes);
  const length = parts.reduce((sum, { bytes, hashes }) => sum + bytes.length + hashes.length + 4, 0);
  return new ArtifactList(layOut(parts, new Uint8Array(length)));
}

/** What stands between a path and its hashes. */
const between = utf8('":');

type Part = StringBytes & { readonly hashes: Uint8Array };

/** Each entry as in canonical JSON, from its path to its hashes; what stands between entries is not written. */
function layOut(parts: readonly Part[], bytes: Uint8Array): ArtifactPlaces {
  const places = new Uint32Array(parts.length * 2 + 1);
  let at = 0;
  for (const [entry, part] of parts.entries()) {
    places[entry * 2] = at;
    bytes.set(part.bytes, at);
    at += part.bytes.length + between.length;
    bytes.set(between, at - between.length);
    places[entry * 2 + 1] = at;
    bytes.set(part.hashes, at);
    at += part.hashes.length + 2;
  }
  places[parts.length * 2] = at;
  return { bytes, places };
}
