import { quote, TrustError } from "@countersign/core";
import { closing, makeDirectories, replaceFile, replaceFileQuickly, type Disk } from "./disk.ts";
import { tufError } from "./errors.ts";
import { waitForLock, type LockWait, type Locks } from "./lock.ts";
import { checkStoreName, type Store, type StoreSession } from "./store.ts";

/** What a store on a disk stands on. */
export interface DirectoryStoreOptions {
  readonly directory: string;
  readonly disk: Disk;
  readonly locks: Locks;
  readonly sleep: LockWait["sleep"];
  /** How long a session waits for its turn, in milliseconds. */
  readonly maxWaitMs: number;
}

/** The store's own file, which is locked and always empty. It is never removed: a waiting process has it open. */
export const lockName = "lock";

/**
 * A store in a directory: one plain file a name, and `lock`. Files hold exactly the bytes that were written, since other
 * tools read them too; so a file that was cut off from outside is noticed by whoever parses it.
 * Each session removes what a killed one left half-written.
 */
export function makeDirectoryStore(options: DirectoryStoreOptions): Store {
  const { directory, disk, locks } = options;
  return {
    open: async (work, { signal } = {}) => {
      await makeDirectories(disk, directory);
      const lock = await waitForLock(locks, `${directory}/${lockName}`, lockWait(options, signal));
      try {
        return await work(directorySession(disk, directory, await removeLeftovers(disk, directory)));
      } finally {
        await lock.release();
      }
    },
  };
}

function lockWait({ sleep, maxWaitMs }: DirectoryStoreOptions, signal: AbortSignal | undefined): LockWait {
  const aborted = (): TrustError => tufError("TUF_STORE_ABORTED");
  const busy = (detail: string): TrustError => tufError("TUF_STORE_BUSY", detail);
  return { sleep, maxWaitMs, busy, aborted, ...(signal && { signal }) };
}

// The dot keeps it from being a store's name.
function temporaryName(name: string): string {
  return `.${name}.tmp`;
}

/** Gives the names that are left. */
async function removeLeftovers(disk: Disk, directory: string): Promise<Names> {
  const names = new Names();
  for (const name of await disk.list(directory)) {
    if (/^\..*\.tmp$/.test(name)) await disk.remove(`${directory}/${name}`);
    else names.add(name);
  }
  return names;
}

/**
 * What may be in the directory. Only whoever has the lock puts something there, so that who has it need not ask the disk for what
 * is not here. One name for all spellings that some file system takes for the same.
 */
class Names {
  readonly #known = new Set<string>();

  has(name: string): boolean {
    return this.#known.has(name.toLowerCase());
  }

  add(name: string): void {
    this.#known.add(name.toLowerCase());
  }
}

function directorySession(disk: Disk, directory: string, names: Names): StoreSession {
  const pathOf = (name: string): string => {
    checkStoreName(name);
    return `${directory}/${name}`;
  };
  // Whatever is in the way is not ours; a file replaces all but a directory by itself.
  const clear = async (path: string): Promise<void> => {
    if ((await disk.stat(path))?.kind === "directory") await disk.remove(path);
  };
  const put = async (name: string, bytes: Uint8Array, replace: typeof replaceFile): Promise<void> => {
    const [path, temporary] = [pathOf(name), temporaryName(name)];
    if (names.has(name)) await clear(path);
    const isTemporaryFree = !names.has(temporary);
    names.add(name);
    names.add(temporary);
    await replace(disk, { path, temporary: `${directory}/${temporary}`, isTemporaryFree, bytes });
  };
  return {
    read: async (name, maxBytes) => {
      const path = pathOf(name);
      return names.has(name) ? readStored(disk, path, maxBytes) : undefined;
    },
    write: async (name, bytes) => put(name, bytes, replaceFile),
    cache: async (name, bytes) => put(name, bytes, replaceFileQuickly),
    remove: async (name) => {
      await disk.remove(pathOf(name));
      await disk.syncDirectory(directory);
    },
    list: async () => (await disk.list(directory)).filter(isStoreName).toSorted(),
  };
}

function isStoreName(name: string): boolean {
  try {
    checkStoreName(name);
    return true;
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}

async function readStored(disk: Disk, path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const entry = await disk.stat(path);
  if (entry === undefined) return undefined;
  if (entry.kind !== "file") throw tufError("TUF_STORE_DAMAGED", { checked: quote(path), got: `a ${entry.kind}` });
  const file = await disk.open(path);
  if (file === undefined) return undefined;
  return closing(file, async () => {
    // One byte more than may be, to see that there is more.
    const buffer = new Uint8Array(Math.min(entry.size, maxBytes) + 1);
    const read = await file.read(buffer, 0);
    if (read <= maxBytes && read < buffer.length) return buffer.subarray(0, read);
    throw tufError("TUF_STORE_DAMAGED", { checked: quote(path), expected: `at most ${maxBytes} bytes` });
  });
}
