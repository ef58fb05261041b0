import { quote, unescapeCanonical, utf8 } from "@countersign/core";
import { compareStringBytes, type StringBytes } from "./canonical-bytes.ts";
import { inTotoError } from "./errors.ts";
import type { Hashes } from "./hashes.ts";

type Movable = { -readonly [Part in keyof StringBytes]: StringBytes[Part] };

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
    return path.isWellFormed() ? this.#search(keyOf(path)) : -1;
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
    const path = this.#pathBytes(0);
    const otherPath = other.#pathBytes(0);
    for (let own = 0, at = 0; own < this.size && at < other.size;) {
      const isSame = this.#isSameEntry(own, other, at);
      this.#moveTo(own, path);
      other.#moveTo(at, otherPath);
      const order = isSame ? 0 : compareStringBytes(path, otherPath);
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
    const from = this.#places[entry * 2 + 1] as number;
    const to = this.#places[entry * 2 + 2] as number;
    const start = other.#places[found * 2 + 1] as number;
    const end = other.#places[found * 2 + 2] as number;
    // The two bytes before the next path are no part of the hashes.
    return to - from === end - start && isSameRun(this.#bytes, from, to - 2, { bytes: other.#bytes, from: start });
  }

  pathAt(entry: number): string {
    return unescapeCanonical(this.#slice(entry * 2));
  }

  hashesAt(entry: number): Hashes {
    return this.#slice(entry * 2 + 1) as Hashes;
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
    let low = 0;
    let high = this.size - 1;
    const tried = this.#pathBytes(0);
    while (low <= high) {
      const middle = (low + high) >> 1;
      this.#moveTo(middle, tried);
      const order = compareStringBytes(tried, path);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #pathBytes(entry: number): Movable {
    const path = { bytes: this.#bytes, from: 0, to: 0 };
    this.#moveTo(entry, path);
    return path;
  }

  /** One object for many paths: they are looked at too often for one each. */
  #moveTo(entry: number, path: Movable): void {
    path.from = this.#places[entry * 2] as number;
    path.to = (this.#places[entry * 2 + 1] as number) - 2;
  }

  #isSameEntry(own: number, other: ArtifactList, at: number): boolean {
    const from = this.#places[own * 2] as number;
    const to = this.#places[own * 2 + 2] as number;
    const start = other.#places[at * 2] as number;
    const end = other.#places[at * 2 + 2] as number;
    return to - from === end - start && isSameRun(this.#bytes, from, to - 2, { bytes: other.#bytes, from: start });
  }

  /** From one place to the next. */
  #slice(place: number): string {
    const from = this.#places[place] as number;
    const to = (this.#places[place + 1] as number) - 2;
    this.#text ??= this.#decode();
    if (this.#text === "") return decoder.decode(this.#bytes.subarray(from, to));
    const start = this.#places[0] as number;
    return this.#text.slice(from - start, to - start);
  }

  #decode(): string {
    const start = this.#places[0] as number;
    const end = (this.#places.at(-1) as number) - 2;
    const text = decoder.decode(this.#bytes.subarray(start, end));
    return text.length === end - start ? text : "";
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** From the end: hashes differ sooner than paths. */
function isSameRun(bytes: Uint8Array, from: number, to: number, run: Omit<StringBytes, "to">): boolean {
  const other = run.bytes;
  const shift = run.from - from;
  for (let at = to - 1; at >= from; at--) if (bytes[at] !== other[at + shift]) return false;
  return true;
}

/** What a plain path is written into to be looked for: a layout may ask for very many. */
const scratch = new Uint8Array(256);

/** A path as canonical JSON has it; only good until the next one. */
function keyOf(path: string): StringBytes {
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (at === scratch.length || !isPlain(code)) {
      const bytes = utf8(escapePath(path));
      return { bytes, from: 0, to: bytes.length };
    }
    scratch[at] = code;
  }
  return { bytes: scratch, from: 0, to: path.length };
}

/** Whether a character is one byte and needs no escape. */
function isPlain(code: number): boolean {
  return code < 128 && code !== 34 && code !== 92;
}

function escapePath(path: string): string {
  return !path.includes('"') && !path.includes("\\") ? path : path.replaceAll(/["\\]/g, String.raw`\$&`);
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
