/**
 * All that this package asks of a file system, so that a test can stop it after any step, and drop what was not synced.
 * Paths use `/`. Rejects with TUF_DISK_FULL, TUF_DISK_READ_ONLY or TUF_DISK_FAILED. `disk.node.ts` has the real one.
 */
export interface Disk {
  /** What is there, not following a link; undefined if nothing is. */
  stat(path: string): Promise<DiskEntry | undefined>;
  /** Names in a directory, as they are spelt there; none if there is no such directory. */
  list(path: string): Promise<readonly string[]>;
  /** Makes one directory; fine if it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Opens for reading, never through a link; undefined if there is none. */
  open(path: string): Promise<DiskFile | undefined>;
  /** Makes a file that must not exist yet, not even as a link. */
  create(path: string): Promise<DiskFile>;
  /**
   * Opens for reading and writing a file of ours that is there, never through a link; undefined if there is none, or if somebody
   * else owns it, may write to it or knows it by another name too.
   */
  reopen(path: string): Promise<DiskFile | undefined>;
  /** Replaces what is at `to`, in one step. Durable only after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or an empty directory; fine if there is none. */
  remove(path: string): Promise<void>;
  /** Makes new, renamed and removed names of a directory durable, where the platform can. */
  syncDirectory(path: string): Promise<void>;
}

export interface DiskEntry {
  readonly kind: "file" | "directory" | "link" | "other";
  /** In bytes; of files only. */
  readonly size: number;
}

/** An open file. Positions and sizes are in bytes. */
export interface DiskFile {
  /** Fills the buffer from there on; the number of bytes is less only at the end of the file. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Writes all of it. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Makes the content durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The directory of a path: what stands before its last slash. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
}

/** What goes into one file in one step. */
export interface Replacement {
  readonly path: string;
  /** In the same directory, ours alone. */
  readonly temporary: string;
  /** Nothing lies at `temporary`, so that nothing has to be removed there. */
  readonly isTemporaryFree?: boolean;
  readonly bytes: Uint8Array;
}

/**
 * Makes the file hold these bytes: a crash at any moment leaves the old or the new ones, and once this resolved they are the
 * new ones. What lies at `temporary` is lost.
 */
export async function replaceFile(disk: Disk, replacement: Replacement): Promise<void> {
  await replaceFileQuickly(disk, replacement, (file) => file.sync());
  await disk.syncDirectory(parentOf(replacement.path));
}

/** As `replaceFile`, but a loss of power may leave the file missing or damaged; other processes never see it so. */
export async function replaceFileQuickly(
  disk: Disk,
  { path, temporary, isTemporaryFree = false, bytes }: Replacement,
  beforeClose: (file: DiskFile) => Promise<void> = async () => {},
): Promise<void> {
  if (!isTemporaryFree) await disk.remove(temporary);
  try {
    const file = await disk.create(temporary);
    await closing(file, async () => {
      await file.write(bytes, 0);
      await beforeClose(file);
    });
    await disk.rename(temporary, path);
  } catch (error) {
    // The error that is on its way matters more; a later session removes what is left.
    await disk.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Closes the file after the work; the error of the work comes before that of closing. */
export async function closing<T>(file: DiskFile, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
  await file.close();
  return result;
}

/** Makes a directory and those above it, and their names durable. */
export async function makeDirectories(disk: Disk, path: string): Promise<void> {
  if (path === "." || path === "/" || /^[A-Za-z]:$/.test(path) || (await disk.stat(path)) !== undefined) return;
  await makeDirectories(disk, parentOf(path));
  await disk.makeDirectory(path);
  await disk.syncDirectory(parentOf(path));
}
