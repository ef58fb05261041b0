import type { Artifacts } from "./artifacts.ts";
import type { Hashes } from "./hashes.ts";

/** The artifacts that no rule has consumed yet. Lives as long as one list of rules is applied. */
export class Queue {
  readonly #artifacts: Artifacts;
  /** Undefined as long as nothing was taken: most queues are emptied by one rule and never copied. */
  #left: Set<string> | undefined;

  constructor(artifacts: Artifacts) {
    this.#artifacts = artifacts;
  }

  get size(): number {
    return (this.#left ?? this.#artifacts).size;
  }

  has(path: string): boolean {
    return (this.#left ?? this.#artifacts).has(path);
  }

  paths(): readonly string[] {
    return [...(this.#left ?? this.#artifacts).keys()];
  }

  /** Each queued path with its hashes. */
  *entries(): Generator<readonly [string, Hashes]> {
    if (this.#left === undefined) yield* this.#artifacts.entries();
    else for (const path of this.#left) yield [path, this.#artifacts.get(path) as Hashes];
  }

  /** Takes paths that are queued, each once. */
  remove(paths: readonly string[]): void {
    if (paths.length === 0) return;
    const isAll = paths.length === this.size;
    this.#left = isAll ? new Set() : (this.#left ?? new Set(this.#artifacts.keys()));
    if (isAll) return;
    for (const path of paths) this.#left.delete(path);
  }
}
