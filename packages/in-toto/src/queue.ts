import type { ArtifactList } from "./artifact-list.ts";

/** Entries of a list, in order: few or many. */
export type Entries = readonly number[] | Uint32Array;

/** The artifacts of a list that no rule has consumed yet. Lives as long as one list of rules is applied. */
export class Queue {
  readonly list: ArtifactList;
  #size: number;
  /** One byte an entry, not 0 if it was taken; undefined as long as nothing was: most queues are emptied by one rule. */
  #taken: Uint8Array | undefined;
  /** The entries that were left when they were last asked for; undefined: all. */
  #left: Uint32Array | undefined;

  constructor(list: ArtifactList) {
    this.list = list;
    this.#size = list.size;
  }

  get size(): number {
    return this.#size;
  }

  has(entry: number): boolean {
    const isEntry = entry >= 0 && entry < this.list.size && this.#size > 0;
    return isEntry && (this.#taken === undefined || this.#taken[entry] === 0);
  }

  /** The entries that are left, in order. */
  entries(): Uint32Array {
    if (this.#size === 0) this.#left = new Uint32Array(0);
    this.#left ??= new Uint32Array(this.list.size).map((_, entry) => entry);
    if (this.#left.length > this.#size) this.#left = this.#left.filter((entry) => this.has(entry));
    return this.#left;
  }

  /** Takes entries that are queued, each once. */
  take(entries: Entries): void {
    this.#size -= entries.length;
    if (entries.length === 0 || this.#size === 0) return;
    this.#taken ??= new Uint8Array(this.list.size);
    for (const entry of entries) this.#taken[entry] = 1;
  }
}

/** Those entries of which it is true. */
export function keepEntries(entries: Entries, isKept: (entry: number) => boolean): Entries {
  const [first] = entries;
  // As of a rule for one file, of which a layout may have very many.
  if (entries.length === 1 && first !== undefined) return isKept(first) ? entries : [];
  return Array.isArray(entries) ? entries.filter(isKept) : (entries as Uint32Array).filter(isKept);
}
