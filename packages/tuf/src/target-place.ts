import { quote, TrustError } from "@countersign/core";
import { closing, makeDirectories, type Disk } from "./disk.ts";
import { tufError } from "./errors.ts";
import { checkTarget, isWrongBytes, type WantedTarget } from "./target-check.ts";
import { targetSegments, type Naming } from "./target-name.ts";

/** Where a target goes. */
export interface TargetPlace {
  readonly parent: string;
  readonly path: string;
  readonly fileName: string;
}

/**
 * Finds, and makes, the folders below the output directory that a target's name asks for. Throws TUF_TARGET_NAME, TUF_TARGET_BLOCKED
 * for a link or anything else that is no folder, TUF_TARGET_COLLISION and TUF_DISK_*. The output directory itself may be a link.
 */
export async function makeTargetPlace(
  disk: Disk,
  directory: string,
  name: string,
  naming: Naming,
): Promise<TargetPlace> {
  const segments = targetSegments(name, naming);
  const fileName = segments.at(-1) as string;
  await makeDirectories(disk, directory);
  let parent = directory;
  for (const folder of segments.slice(0, -1)) {
    await checkFolder(disk, parent, folder);
    parent = `${parent}/${folder}`;
  }
  await checkCase(disk, parent, fileName);
  return { parent, fileName, path: `${parent}/${fileName}` };
}

async function checkFolder(disk: Disk, parent: string, folder: string): Promise<void> {
  const path = `${parent}/${folder}`;
  const entry = await disk.stat(path);
  if (entry === undefined) {
    await disk.makeDirectory(path);
    await disk.syncDirectory(parent);
  } else if (entry.kind !== "directory") {
    throw tufError("TUF_TARGET_BLOCKED", { checked: quote(path), expected: "a folder", got: `a ${entry.kind}` });
  }
  await checkCase(disk, parent, folder);
}

/** Throws TUF_TARGET_COLLISION if something answers to the name that is spelt otherwise. */
async function checkCase(disk: Disk, parent: string, name: string): Promise<void> {
  if ((await disk.stat(`${parent}/${name}`)) === undefined) return;
  const names = await disk.list(parent);
  if (names.includes(name)) return;
  const other = names.find((each) => folded(each) === folded(name)) ?? name;
  throw tufError("TUF_TARGET_COLLISION", { checked: quote(name), got: quote(other) });
}

/** A name as file systems compare it that are blind to case and to how accents are composed. */
export function folded(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** Whether the file is there already and is, after another look at all of it, what was signed. Throws TUF_TARGET_BLOCKED. */
export async function isInPlace(disk: Disk, place: TargetPlace, wanted: WantedTarget): Promise<boolean> {
  const size = await checkFree(disk, place);
  return size === wanted.length && isRight(disk, place.path, wanted);
}

/** The size of the file that would be replaced, if there is one. Throws TUF_TARGET_BLOCKED for a link, a folder and the like. */
export async function checkFree(disk: Disk, { path }: TargetPlace): Promise<number | undefined> {
  const entry = await disk.stat(path);
  if (entry === undefined || entry.kind === "file") return entry?.size;
  throw tufError("TUF_TARGET_BLOCKED", { checked: quote(path), expected: "a file", got: `a ${entry.kind}` });
}

const pieceBytes = 4 * 1024 * 1024;

async function isRight(disk: Disk, path: string, wanted: WantedTarget): Promise<boolean> {
  const file = await disk.open(path);
  if (file === undefined) return false;
  const check = checkTarget(wanted);
  const buffer = new Uint8Array(pieceBytes);
  return closing(file, async () => {
    try {
      for (let read = buffer.length; read === buffer.length && check.size <= wanted.length;) {
        read = await file.read(buffer, check.size);
        check.update(buffer.subarray(0, read));
      }
      check.finish();
      return true;
    } catch (error) {
      if (error instanceof TrustError && isWrongBytes(error)) return false;
      throw error;
    }
  });
}
