import { concatBytes, parseUtf8, quote, TrustError } from "@countersign/core";
import { inTotoError } from "./errors.ts";

/** A file in a tar archive. */
export interface TarEntry {
  readonly path: string;
  readonly kind: "file" | "directory" | "link" | "hardlink";
  readonly content: Uint8Array;
  /** Of a link: where it leads. */
  readonly target: string;
}

/** How many entries an archive may have. */
export const maxTarEntries = 1_000_000;
const blockBytes = 512;

/**
 * Lists a tar archive: ustar with pax and GNU long names. Every header's checksum must hold, sizes are octal, and nothing
 * but zeros may follow the end. Sparse files, devices and pipes are refused. Checks no path. Throws INTOTO_ARCHIVE_MALFORMED.
 */
export function parseTar(bytes: Uint8Array): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  let longer: LongNames = {};
  let at = 0;
  while (at + blockBytes <= bytes.length && !isZero(bytes.subarray(at, at + blockBytes))) {
    const header = readHeader(bytes.subarray(at, at + blockBytes), at);
    const from = at + blockBytes;
    if (from + header.size > bytes.length) throw malformed(at, "content up to its end");
    const content = bytes.subarray(from, from + header.size);
    at = from + Math.ceil(header.size / blockBytes) * blockBytes;
    const names = readLongNames(header.type, content, at);
    if (names !== undefined) {
      longer = { ...longer, ...names };
      continue;
    }
    entries.push(readEntry(header, longer, content));
    longer = {};
    if (entries.length > maxTarEntries)
      throw inTotoError("INTOTO_TOO_LARGE", { checked: "archive", expected: `at most ${maxTarEntries} entries` });
  }
  if (!isZero(bytes.subarray(Math.min(at, bytes.length)))) throw malformed(at, "zeros after the end");
  return entries;
}

interface Header {
  readonly path: string;
  readonly target: string;
  readonly size: number;
  readonly type: string;
}

/** What a pax or GNU header says of the entry after it. */
interface LongNames {
  readonly path?: string;
  readonly target?: string;
}

function readHeader(block: Uint8Array, at: number): Header {
  const text = (from: number, length: number): string => readText(block.subarray(from, from + length), at);
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (readOctal(text(148, 8), at) !== sum) throw malformed(at, "a header whose checksum holds");
  const isUstar = text(257, 5) === "ustar";
  // GNU's magic ends in spaces and has times where ustar has a prefix.
  const prefix = isUstar && block[262] === 0 ? text(345, 155) : "";
  const name = text(0, 100);
  return {
    path: prefix === "" ? name : `${prefix}/${name}`,
    target: text(157, 100),
    size: readOctal(text(124, 12), at),
    type: text(156, 1) || "0",
  };
}

function readEntry({ path, target, type }: Header, longer: LongNames, content: Uint8Array): TarEntry {
  const kind = kinds.get(type);
  const name = longer.path ?? path;
  if (kind === undefined)
    throw inTotoError("INTOTO_ARCHIVE_MALFORMED", { checked: quote(name), got: `an entry of type ${quote(type)}` });
  return { path: name, kind, content, target: longer.target ?? target };
}

const kinds: ReadonlyMap<string, TarEntry["kind"]> = new Map([
  ["0", "file"],
  ["7", "file"],
  ["1", "hardlink"],
  ["2", "link"],
  ["5", "directory"],
]);

/** The names in a header that only describes the next entry; undefined for any other. */
function readLongNames(type: string, content: Uint8Array, at: number): LongNames | undefined {
  if (type === "L") return { path: readText(content, at) };
  if (type === "K") return { target: readText(content, at) };
  if (type === "g") return refuseSparse(readPax(content, at), at, {});
  if (type !== "x") return undefined;
  const records = readPax(content, at);
  const [path, target] = [records.get("path"), records.get("linkpath")];
  return refuseSparse(records, at, {
    ...(path === undefined ? {} : { path }),
    ...(target === undefined ? {} : { target }),
  });
}

/** A size in a pax record, or a sparse map, would make two readers see two contents. */
function refuseSparse(records: ReadonlyMap<string, string>, at: number, names: LongNames): LongNames {
  for (const key of records.keys())
    if (key === "size" || key.startsWith("GNU.sparse")) throw malformed(at, `no record ${quote(key)}`);
  return names;
}

/** Records `<length> <key>=<value>\n`. */
function readPax(content: Uint8Array, at: number): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let from = 0; from < content.length;) {
    const space = content.indexOf(0x20, from);
    const digits = space === -1 || space - from > 10 ? "" : readText(content.subarray(from, space), at);
    const to = from + Number(digits);
    if (!/^[1-9]\d*$/.test(digits) || to > content.length || to <= space + 1 || content[to - 1] !== 0x0a)
      throw malformed(at, "pax records");
    const record = toText(content.subarray(space + 1, to - 1), at);
    const equals = record.indexOf("=");
    if (equals <= 0) throw malformed(at, "pax records");
    records.set(record.slice(0, equals), record.slice(equals + 1));
    from = to;
  }
  return records;
}

function readOctal(text: string, at: number): number {
  const digits = text.trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw malformed(at, "octal numbers");
  return Number.parseInt(digits, 8);
}

/** Text up to the first NUL. */
function readText(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0);
  return toText(end === -1 ? bytes : bytes.subarray(0, end), at);
}

function toText(bytes: Uint8Array, at: number): string {
  try {
    return parseUtf8(concatBytes(bytes));
  } catch (error) {
    if (error instanceof TrustError) throw malformed(at, "names in UTF-8");
    throw error;
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function malformed(at: number, expected: string): TrustError {
  return inTotoError("INTOTO_ARCHIVE_MALFORMED", { checked: `byte ${at}`, expected });
}
