import { tufError, type Disk, type DiskEntry, type DiskFile, type Locks } from "@countersign/tuf";
import { DiskState, type SimulatedFile } from "./disk-state.ts";

/** What happens to the process that uses the disk. */
export interface DiskFate {
  /** The change after which the process is dead, counted from 1; of a write, only half is done. Never unless given. */
  readonly cutAt?: number;
  /** The change that says the disk is full, counted from 1, and how many after it do; the process lives on. */
  readonly full?: { readonly at: number; readonly times: number };
  /** Names that differ in upper and lower case only are one, as on Windows. */
  readonly caseBlind?: true;
}

/** What a dead process would say if it could. */
export class ProcessDied extends Error {
  override readonly name = "ProcessDied";
}

/** A disk in memory that forgets, after a loss of power, what was not synced. */
export interface SimulatedDisk {
  readonly disk: Disk;
  readonly state: DiskState;
  /** How many changes were made so far. */
  readonly changes: () => number;
}

/** A process's view of that state, until its fate befalls it. */
export function makeSimulatedDisk(state: DiskState = startState(), fate: DiskFate = {}): SimulatedDisk {
  const steps = new Steps(fate);
  return { state, disk: makeDisk(new Names(state, fate.caseBlind === true), steps), changes: () => steps.count };
}

/** Locks among whoever shares this object: what the operating system does, for one simulated machine. */
export function makeSimulatedLocks(): Locks {
  const held = new Set<string>();
  return {
    take: async (path) => {
      if (held.has(path)) return undefined;
      held.add(path);
      return { release: async () => void held.delete(path) };
    },
  };
}

function startState(): DiskState {
  const state = new DiskState();
  state.addDirectory("/");
  return state;
}

/** Counts changes, and stops the process at the one that its fate names. */
class Steps {
  readonly #fate: DiskFate;
  count = 0;

  constructor(fate: DiskFate) {
    this.#fate = fate;
  }

  /** Before something is only looked at. */
  look(): void {
    if (this.#fate.cutAt !== undefined && this.count >= this.#fate.cutAt) throw new ProcessDied();
  }

  /** Makes a change, or half of it. */
  change<T>(whole: () => T, half: () => void = () => {}): T {
    this.look();
    this.count++;
    if (this.count === this.#fate.cutAt) {
      half();
      throw new ProcessDied();
    }
    const { full } = this.#fate;
    if (full !== undefined && this.count >= full.at && this.count < full.at + full.times) {
      half();
      throw tufError("TUF_DISK_FULL", "simulated");
    }
    return whole();
  }
}

/** Paths to entries. */
class Names {
  readonly state: DiskState;
  readonly #isCaseBlind: boolean;

  constructor(state: DiskState, isCaseBlind: boolean) {
    this.state = state;
    this.#isCaseBlind = isCaseBlind;
  }

  split(path: string): { readonly parent: string; readonly name: string } {
    const slash = path.lastIndexOf("/");
    const parent = slash <= 0 ? "/" : path.slice(0, slash);
    const name = path.slice(slash + 1);
    const names = [...(this.state.directory(parent)?.current.keys() ?? [])];
    const same = this.#isCaseBlind ? names.find((other) => other.toLowerCase() === name.toLowerCase()) : undefined;
    return { parent, name: same ?? name };
  }

  find(path: string): SimulatedFile | undefined {
    const { parent, name } = this.split(path);
    return this.state.directory(parent)?.current.get(name);
  }

  put(path: string, file: SimulatedFile | undefined): void {
    const { parent, name } = this.split(path);
    this.state.change(parent, (entries) => {
      if (file === undefined) entries.delete(name);
      else entries.set(name, file);
    });
  }
}

function makeDisk(names: Names, steps: Steps): Disk {
  const { state } = names;
  const open = async (path: string): Promise<DiskFile | undefined> => {
    steps.look();
    const file = names.find(path);
    if (file !== undefined && file.kind !== "file") throw tufError("TUF_DISK_FAILED", path);
    return file && openFile(file, steps);
  };
  return {
    stat: async (path) => {
      steps.look();
      return entryOf(names, path);
    },
    list: async (path) => {
      steps.look();
      const below = state.directories().filter((other) => other !== "/" && names.split(other).parent === path);
      return [...(state.directory(path)?.current.keys() ?? []), ...below.map((other) => names.split(other).name)];
    },
    makeDirectory: async (path) => steps.change(() => state.addDirectory(path)),
    open,
    reopen: open,
    create: async (path) =>
      steps.change(() => {
        if (entryOf(names, path) !== undefined) throw tufError("TUF_DISK_FAILED", { checked: path, got: "EEXIST" });
        const file: SimulatedFile = { kind: "file", current: nothing, synced: nothing };
        names.put(path, file);
        return openFile(file, steps);
      }),
    rename: async (from, to) => steps.change(() => renameEntry(names, from, to)),
    remove: async (path) => {
      steps.look();
      const entry = entryOf(names, path);
      if (entry === undefined) return;
      steps.change(() => (entry.kind === "directory" ? removeDirectory(names, path) : names.put(path, undefined)));
    },
    syncDirectory: async (path) => steps.change(() => state.syncDirectory(path)),
  };
}

const nothing = new Uint8Array(0);

function entryOf(names: Names, path: string): DiskEntry | undefined {
  if (names.state.directory(path) !== undefined) return { kind: "directory", size: 0 };
  const file = names.find(path);
  return file && { kind: file.kind, size: file.current.length };
}

/** One change for both names, as a journal has it. */
function renameEntry(names: Names, from: string, to: string): void {
  const file = names.find(from);
  if (file === undefined || entryOf(names, to)?.kind === "directory") throw tufError("TUF_DISK_FAILED", from);
  const [source, target] = [names.split(from), names.split(to)];
  if (source.parent !== target.parent) {
    names.put(from, undefined);
    names.put(to, file);
    return;
  }
  names.state.change(source.parent, (entries) => {
    entries.delete(source.name);
    entries.set(target.name, file);
  });
}

function removeDirectory(names: Names, path: string): void {
  if ((names.state.directory(path)?.current.size ?? 0) > 0) throw tufError("TUF_DISK_FAILED", path);
  names.state.removeDirectory(path);
}

function openFile(file: SimulatedFile, steps: Steps): DiskFile {
  const put = (bytes: Uint8Array, position: number): void => {
    const whole = new Uint8Array(Math.max(file.current.length, position + bytes.length));
    whole.set(file.current);
    whole.set(bytes, position);
    file.current = whole;
  };
  return {
    read: async (buffer, position) => {
      steps.look();
      const part = file.current.subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    },
    write: async (bytes, position) =>
      steps.change(
        () => put(bytes, position),
        () => put(bytes.subarray(0, bytes.length >> 1), position),
      ),
    truncate: async (size) => steps.change(() => void (file.current = file.current.slice(0, size))),
    sync: async () => steps.change(() => void (file.synced = file.current)),
    close: async () => steps.look(),
  };
}
