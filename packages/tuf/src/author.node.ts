import { constants } from "node:fs";
import { link, mkdir, open, readdir, readlink, rename, stat, symlink, unlink, type FileHandle } from "node:fs/promises";
import { createHash, randomBytes, type Hash } from "node:crypto";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { coreError, quote, type HashName, type JsonObject } from "@countersign/core";
import { checkTargetPath, type TargetEntry } from "./author-target.ts";
import { layout, openWorkspace, type Workspace } from "./author-workspace.ts";
import { diskError, makeNodeDisk } from "./disk.node.ts";
import { tufError } from "./errors.ts";
import { waitForLock } from "./lock.ts";
import { nodeLocks } from "./lock.node.ts";
import { slashed } from "./store.node.ts";
import type { Generations } from "./author-generation.ts";

/** How long a command waits for another one in the same workspace unless told otherwise, in milliseconds. */
export const workspaceWaitMs = 10_000;

/** Runs `work` while no other process uses the author's folder. Rejects with TUF_WORKSPACE_MISSING, TUF_WORKSPACE_BUSY and the errors of `work`. */
export async function withWorkspace<T>(
  directory: string,
  work: (workspace: Workspace) => Promise<T>,
  { maxWaitMs = workspaceWaitMs }: { readonly maxWaitMs?: number } = {},
): Promise<T> {
  const path = slashed(resolve(directory));
  const disk = makeNodeDisk();
  if ((await disk.stat(`${path}/${layout.settings}`)) === undefined)
    throw tufError("TUF_WORKSPACE_MISSING", { checked: quote(directory) });
  const lock = await waitForLock(nodeLocks, `${path}/lock`, {
    sleep: async (ms) => {
      await sleep(ms);
    },
    maxWaitMs,
    busy: (detail) => tufError("TUF_WORKSPACE_BUSY", detail),
    aborted: () => tufError("TUF_WORKSPACE_BUSY"),
  });
  try {
    return await work(await openWorkspace(disk, path));
  } finally {
    await lock.release();
  }
}

/** The links of this file system. */
export const nodeGenerations: Generations = {
  readLink: async (path) => {
    try {
      return slashed(await readlink(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw diskError(error, path);
    }
  },
  replaceLink: async (to, path) => {
    const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    await failing(path, async () => {
      await symlink(to, temporary, "dir");
      await rename(temporary, path).catch(async (error: unknown) => {
        await unlink(temporary).catch(() => {});
        throw error;
      });
    });
  },
  link: (from, to) => failing(to, () => link(from, to)),
};

/** A file of the author's, and the path under which clients shall find it. */
export interface Source {
  readonly path: string;
  readonly target: string;
}

/** The files below what was named: a file under its name, a directory's files under their paths in it. Links are followed only where they are named. */
export async function findSources(operands: readonly string[], prefix: string = ""): Promise<readonly Source[]> {
  const found: Source[] = [];
  for (const operand of operands) {
    const path = resolve(operand);
    const isDirectory = await failing(operand, async () => (await stat(path)).isDirectory());
    if (isDirectory) found.push(...(await findBelow(path, prefix)));
    else found.push({ path, target: `${prefix}${slashed(path).split("/").at(-1) ?? ""}` });
  }
  for (const { target } of found) checkTargetPath(target);
  return found;
}

async function findBelow(directory: string, prefix: string): Promise<readonly Source[]> {
  const entries = await failing(directory, () => readdir(directory, { withFileTypes: true, recursive: true }));
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.toSorted().map((path) => ({ path, target: prefix + slashed(path.slice(directory.length + 1)) }));
}

/** How files are taken in. */
export interface TakeOptions {
  readonly hashes: readonly HashName[];
  readonly custom?: JsonObject;
  readonly signal?: AbortSignal;
  /** Called with the bytes done so far. */
  readonly onProgress?: (doneBytes: number) => void;
}

/** How many files are read at once. */
const maxParallelReads = 8;

/**
 * Copies files into the workspace, where they wait to be published, and says what metadata is to say of them: each is hashed
 * while it is copied, so that what is signed is what is kept. SHA-256 is always among the hashes.
 * Throws TUF_TARGET_CHANGED for what is no plain file, and the errors of the disk.
 */
export async function takeFiles(
  workspace: Workspace,
  sources: readonly Source[],
  options: TakeOptions,
): Promise<ReadonlyMap<string, TargetEntry>> {
  const folder = `${workspace.directory}/${layout.files}`;
  await mkdir(folder, { recursive: true });
  const entries = new Map<string, TargetEntry>();
  const queue = sources.values();
  let done = 0;
  const count = (bytes: number): void => options.onProgress?.((done += bytes));
  const lane = async (): Promise<void> => {
    for (const { path, target } of queue) {
      if (options.signal?.aborted === true) throw coreError("CORE_STREAM_ABORTED");
      const { length, hashes } = await takeFile(path, folder, options.hashes, count);
      entries.set(target, { length, hashes, ...(options.custom === undefined ? {} : { custom: options.custom }) });
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxParallelReads, sources.length) }, lane));
  return new Map(sources.map(({ target }) => [target, entries.get(target) as TargetEntry]));
}

const chunkBytes: number = 1024 * 1024;

async function takeFile(
  path: string,
  folder: string,
  names: readonly HashName[],
  count: (bytes: number) => void,
): Promise<TargetEntry> {
  const temporary = `${folder}/.${randomBytes(8).toString("hex")}.tmp`;
  const hashes = new Map<HashName, Hash>(
    [...new Set<HashName>(["sha256", ...names])].map((name) => [name, createHash(name)]),
  );
  const length = await failing(path, async () => {
    const source = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      return await copyHashed(source, temporary, hashes, count);
    } finally {
      await source.close();
    }
  });
  const digests = Object.fromEntries([...hashes].map(([name, hash]) => [name, hash.digest("hex")]));
  await failing(folder, () => rename(temporary, `${folder}/${digests["sha256"] ?? ""}`));
  return { length, hashes: digests };
}

async function copyHashed(
  source: FileHandle,
  temporary: string,
  hashes: ReadonlyMap<HashName, Hash>,
  count: (bytes: number) => void,
): Promise<number> {
  const state = await source.stat();
  if (!state.isFile()) throw tufError("TUF_TARGET_CHANGED", { expected: "a plain file" });
  const target = await open(temporary, "wx", 0o644);
  let length = 0;
  try {
    const buffer = new Uint8Array(Math.min(chunkBytes, Math.max(state.size, 4096)));
    for (;;) {
      const { bytesRead } = await source.read(buffer, 0, buffer.length, length);
      if (bytesRead === 0) return length;
      const chunk = buffer.subarray(0, bytesRead);
      for (const hash of hashes.values()) hash.update(chunk);
      for (let at = 0; at < bytesRead;) at += (await target.write(chunk, at, bytesRead - at)).bytesWritten;
      length += bytesRead;
      count(bytesRead);
    }
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  } finally {
    await target.close();
  }
}

async function failing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, path);
  }
}
