import { parseUtf8, TrustError, utf8 } from "@countersign/core";
import { closing, replaceFileQuickly, type Disk, type DiskFile } from "./disk.ts";
import { checkTarget, type TargetCheck, type WantedTarget } from "./target-check.ts";
import type { FetchedTarget } from "./fetch.ts";

/** A download in progress: a file that only this process writes to. */
export interface Part {
  readonly path: string;
  /** Where the server's name for this state of the file is kept, for a later run. */
  readonly tagPath: string;
  readonly file: DiskFile;
  /** Of what the file holds. */
  check: TargetCheck;
}

/** How much is read at once, in bytes. */
const pieceBytes = 4 * 1024 * 1024;

/** Opens what an earlier run left, and hashes it; or begins anew. */
export async function openPart(disk: Disk, path: string, wanted: WantedTarget): Promise<Part> {
  const entry = await disk.stat(path);
  if (entry !== undefined && entry.kind !== "file") await disk.remove(path);
  const file = (await disk.reopen(path)) ?? (await replaceByEmpty(disk, path));
  const part: Part = { path, tagPath: path.replace(/part$/, "tag"), file, check: checkTarget(wanted) };
  try {
    await readPart(part, wanted);
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
  return part;
}

/** What somebody else put there, and may still write to, is not continued. */
async function replaceByEmpty(disk: Disk, path: string): Promise<DiskFile> {
  await disk.remove(path);
  return disk.create(path);
}

/** Throws away what the part holds. */
export async function emptyPart(part: Part, wanted: WantedTarget): Promise<void> {
  await part.file.truncate(0);
  part.check = checkTarget(wanted);
}

async function readPart(part: Part, wanted: WantedTarget): Promise<void> {
  const buffer = new Uint8Array(pieceBytes);
  for (;;) {
    const read = await part.file.read(buffer, part.check.size);
    if (part.check.size + read > wanted.length) return emptyPart(part, wanted);
    part.check.update(buffer.subarray(0, read));
    if (read < buffer.length) return;
  }
}

/**
 * Appends a body to the part: while one piece is written it is hashed, and the next one comes. What was written when an error
 * comes stays, for a later run.
 */
export async function fillPart(
  part: Part,
  body: FetchedTarget["body"],
  onProgress: (bytes: number) => void,
): Promise<void> {
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const piece of body) {
      await writing;
      writing = part.file.write(piece, part.check.size);
      // Its failure is thrown where it is awaited.
      writing.catch(() => {});
      part.check.update(piece);
      onProgress(part.check.size);
    }
  } finally {
    await writing;
  }
}

/** Longest tag that is kept, in bytes. */
const maxTagBytes = 300;

/** The server's name for the state of the file of which the part holds the beginning. */
export async function readTag(disk: Disk, { tagPath }: Part): Promise<string | undefined> {
  try {
    const file = await disk.open(tagPath);
    if (file === undefined) return undefined;
    const buffer = new Uint8Array(maxTagBytes);
    const text = parseUtf8(buffer.subarray(0, await closing(file, () => file.read(buffer, 0))));
    return /^"[\x21\x23-\x7e]{0,200}"$/.test(text) ? text : undefined;
  } catch (error) {
    // Only saves time: without it the server is not asked whether the file is still the same.
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

/** Keeps the name, or forgets the one of another state. */
export async function writeTag(disk: Disk, { tagPath }: Part, validator: string | undefined): Promise<void> {
  if (validator === undefined) return disk.remove(tagPath);
  await replaceFileQuickly(disk, { path: tagPath, temporary: tagTemporary({ tagPath }), bytes: utf8(validator) });
}

/** What a killed process may leave of a tag. */
export function tagTemporary({ tagPath }: Pick<Part, "tagPath">): string {
  return `${tagPath}.tmp`;
}
