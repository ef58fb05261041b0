import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join, resolve } from "node:path";
import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { maxAttestationBytes, stepOfFile, type AttestationFile, type LinkSource } from "./link-source.ts";
import { maxLinkBytes } from "./metadata.ts";

/** Links in a directory, and which of its files were opened. */
export interface LinkDirectory extends LinkSource {
  /** Absolute paths of every link that was opened, also by sublayouts. */
  readonly opened: ReadonlySet<string>;
}

/** How many files of a link directory are looked through for certificate functionaries. */
export const maxLinkFiles = 100_000;

/**
 * Links of a directory on disk. What is missing, or is no file, is undefined; a name that leads elsewhere is opened as
 * the reference does: `verifyLayout` refuses such names before, unless it was asked for compatibility.
 * Throws INTOTO_LINK_UNREADABLE, INTOTO_TOO_LARGE.
 */
export function openLinkDirectory(directory: string, opened: Set<string> = new Set()): LinkDirectory {
  // Looked through once, however many steps ask.
  let found: Listing | undefined;
  const listing = (): Listing => (found ??= listDirectory(directory));
  return {
    opened,
    open: (stepName, keyid8) => {
      const path = resolve(directory, `${stepName}.${keyid8}.link`);
      const bytes = readLink(path);
      if (bytes !== undefined) opened.add(path);
      return bytes;
    },
    list: (stepName) => listing().links.get(stepName) ?? [],
    attestations: (stepName) => readAttestations(directory, listing().attestations.get(stepName) ?? []),
    noteRelied: (name) => opened.add(resolve(directory, name)),
    sub: (name) => openLinkDirectory(join(directory, name), opened),
  };
}

/** What lies in a directory, by step: the 8 characters of links, and names of files that may be attestations. */
interface Listing {
  readonly links: ReadonlyMap<string, readonly string[]>;
  readonly attestations: ReadonlyMap<string, readonly string[]>;
}

function listDirectory(directory: string): Listing {
  const links = new Map<string, string[]>();
  const attestations = new Map<string, string[]>();
  const add = (map: Map<string, string[]>, step: string, value: string): void => {
    const values = map.get(step);
    if (values === undefined) map.set(step, [value]);
    else values.push(value);
  };
  for (const name of namesIn(directory)) {
    const [, step, keyid8] = /^(.+)\.(.{8})\.link$/s.exec(name) ?? [];
    if (step !== undefined && keyid8 !== undefined) add(links, step, keyid8);
    const attested = stepOfFile(name);
    if (attested !== undefined) add(attestations, attested, name);
  }
  return { links, attestations };
}

/** One after another, so that only one is in memory. */
function* readAttestations(directory: string, names: readonly string[]): Generator<AttestationFile> {
  for (const name of names) {
    const bytes = readLink(resolve(directory, name), maxAttestationBytes);
    if (bytes !== undefined) yield { name, bytes };
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).toSorted().slice(0, maxLinkFiles);
  } catch {
    return [];
  }
}

function readLink(path: string, maxBytes: number = maxLinkBytes): Uint8Array | undefined {
  let fd: number;
  try {
    // Without waiting for the other end, should the name be a pipe.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return missing(error, path);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    const checked = `link ${quote(path)}`;
    if (stat.size > maxBytes)
      throw inTotoError("INTOTO_TOO_LARGE", {
        checked,
        expected: `at most ${maxBytes} bytes`,
        got: `${stat.size}`,
      });
    return readAll(fd, stat.size);
  } finally {
    closeSync(fd);
  }
}

function readAll(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let length = 0;
  for (let count = -1; count !== 0 && length < size; length += count)
    count = readSync(fd, bytes, length, size - length, null);
  return bytes.subarray(0, length);
}

function missing(error: unknown, path: string): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG" || code === "EISDIR" || code === "ENXIO")
    return undefined;
  throw inTotoError("INTOTO_LINK_UNREADABLE", { checked: `link ${quote(path)}`, got: code ?? "an error" }, error);
}
