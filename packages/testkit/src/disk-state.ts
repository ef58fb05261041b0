/** A file as the process sees it, and as it would be after a loss of power. */
export interface SimulatedFile {
  readonly kind: "file" | "link" | "other";
  current: Uint8Array;
  synced: Uint8Array;
}

type Entries = Map<string, SimulatedFile>;

/** One change of names that is not durable yet. */
type NameChange = (entries: Entries) => void;

interface SimulatedDirectory {
  readonly current: Entries;
  readonly synced: Entries;
  pending: NameChange[];
}

/** Says of each thing that was not synced whether it reached the disk all the same: a number in [0, 1). */
export type Luck = () => number;

/** All files of a simulated disk. Directories are always durable, the names in them only once they are synced. */
export class DiskState {
  readonly #directories = new Map<string, SimulatedDirectory>();

  directory(path: string): SimulatedDirectory | undefined {
    return this.#directories.get(path);
  }

  directories(): readonly string[] {
    return [...this.#directories.keys()];
  }

  addDirectory(path: string): void {
    if (!this.#directories.has(path))
      this.#directories.set(path, { current: new Map(), synced: new Map(), pending: [] });
  }

  removeDirectory(path: string): void {
    this.#directories.delete(path);
  }

  /** Changes names now, and on the disk at the next sync of the directory. */
  change(path: string, change: NameChange): void {
    const directory = this.#directories.get(path);
    if (directory === undefined) throw new Error(`no directory ${path}`);
    change(directory.current);
    directory.pending.push(change);
  }

  syncDirectory(path: string): void {
    const directory = this.#directories.get(path);
    for (const change of directory?.pending.splice(0) ?? []) change(directory?.synced as Entries);
  }

  /** What a machine finds that starts again: each change of names that was not synced is there or not, each content is old, new, torn or zeros. */
  afterPowerCut(luck: Luck): DiskState {
    const next = new DiskState();
    const contents = new Map<SimulatedFile, Uint8Array>();
    for (const [path, directory] of this.#directories) {
      next.addDirectory(path);
      const entries = new Map(directory.synced);
      for (const change of directory.pending) if (luck() < 0.5) change(entries);
      for (const [name, file] of entries) {
        const bytes = contents.get(file) ?? survivor(file, luck());
        contents.set(file, bytes);
        next.put(path, name, { kind: file.kind, current: bytes, synced: bytes });
      }
    }
    return next;
  }

  /** What the next process finds after one was killed: all of it. */
  afterKill(): DiskState {
    const next = new DiskState();
    for (const [path, { current }] of this.#directories) {
      next.addDirectory(path);
      for (const [name, file] of current)
        next.put(path, name, { kind: file.kind, current: file.current, synced: file.current });
    }
    return next;
  }

  /** Puts a durable entry. */
  put(path: string, name: string, file: SimulatedFile): void {
    this.change(path, (entries) => entries.set(name, file));
    this.syncDirectory(path);
  }
}

function survivor({ current, synced }: SimulatedFile, luck: number): Uint8Array {
  if (current === synced) return current;
  if (luck < 0.4) return synced;
  if (luck < 0.6) return current;
  // The length reached the disk before the content did: what is missing reads as zeros.
  if (luck < 0.8) {
    const torn = new Uint8Array(current.length);
    torn.set(current.subarray(0, Math.floor(current.length / 2)));
    return torn;
  }
  return current.slice(0, Math.floor(current.length / 2));
}
