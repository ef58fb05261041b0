import { parseUtf8, quote, readTextValue, unescapeCanonical, type JsonObject } from "@countersign/core";
import { ArtifactList } from "./artifact-list.ts";
import { endOfStringBytes, endOfValueBytes } from "./canonical-bytes.ts";
import { inTotoError } from "./errors.ts";
import { checkHashes, type Hashes } from "./hashes.ts";
import { checkArtifactPath } from "./name.ts";
import type { Mode } from "./mode.ts";

/** Each artifact's path with its hashes. */
export type Artifacts = ReadonlyMap<string, Hashes>;

/** The most artifacts on one side of a link. */
export const maxArtifacts: number = 4_000_000;

/** Artifacts as a JSON object. */
export function formatArtifacts(artifacts: Artifacts): JsonObject {
  // Through entries, so that a path named __proto__ is a member.
  return Object.fromEntries([...artifacts].map(([path, hashes]) => [path, readTextValue(hashes)]));
}

/**
 * Reads the object of artifacts that starts at `from` in canonical bytes, which are UTF-8, and says where it ends. Checks
 * all hashes, and in strict mode all paths. The result shares the memory of the bytes. Throws INTOTO_LINK_MALFORMED,
 * INTOTO_NAME_UNSAFE, INTOTO_TOO_LARGE.
 */
export function readArtifacts(
  bytes: Uint8Array,
  from: number,
  mode: Mode,
): { readonly artifacts: Artifacts; readonly to: number } {
  if (bytes[from] !== 123) throw inTotoError("INTOTO_LINK_MALFORMED", { expected: "objects of artifacts" });
  const places: number[] = [];
  let at = from + 1;
  while (bytes[at] === quoteMark) {
    const commonEnd = endOfCommonPath(bytes, at + 1);
    const nameEnd = commonEnd < 0 ? endOfStringBytes(bytes, at) : commonEnd + 1;
    places.push(at + 1, nameEnd + 1);
    const isCommon = commonEnd >= 0 && isCommonHash(bytes, nameEnd + 1);
    at = isCommon ? nameEnd + 1 + commonHashBytes : checkEntry(bytes, at, nameEnd, mode);
    // Over the comma; the brace at the end is passed over below.
    if (bytes[at] === comma) at++;
    if (places.length > maxArtifacts * 2)
      throw inTotoError("INTOTO_TOO_LARGE", { checked: "artifacts of a link", expected: `at most ${maxArtifacts}` });
  }
  // As if one more entry followed.
  places.push(at + 2);
  return { artifacts: new ArtifactList({ bytes, places: new Uint32Array(places) }), to: at + 1 };
}

const [quoteMark, comma, dot, slash, backslash] = [34, 44, 46, 47, 92] as const;

/** Where a path ends that needs no escape and is safe (`checkArtifactPath`), as nearly all are; else -1. */
function endOfCommonPath(bytes: Uint8Array, from: number): number {
  let segment = from;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte > slash && byte !== backslash) continue;
    if (byte === slash || byte === quoteMark) {
      if (isDots(bytes, segment, at)) return -1;
      if (byte === quoteMark) return at;
      segment = at + 1;
    } else if (byte === 0 || byte === backslash) return -1;
  }
  return -1;
}

/** Nothing, `.` or `..`. */
function isDots(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from <= 2 && (to === from || (bytes[from] === dot && bytes[to - 1] === dot));
}

const commonStart = new TextEncoder().encode('{"sha256":"');
const commonHashBytes = commonStart.length + 66;

/** 0 for the bytes of lower-case hex digits, else 1. */
const isNoHexDigit = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9a-f]/.test(String.fromCharCode(byte)) ? 0 : 1,
);

/** Whether one SHA-256 stands there and nothing else. The digits are summed up: to branch on random ones is slow. */
function isCommonHash(bytes: Uint8Array, from: number): boolean {
  const hexFrom = from + commonStart.length;
  for (let k = 0; k < commonStart.length; k++) if (bytes[from + k] !== commonStart[k]) return false;
  let wrong = 0;
  for (let at = hexFrom; at < hexFrom + 64; at++) wrong |= isNoHexDigit[bytes[at] as number] as number;
  return wrong === 0 && bytes[hexFrom + 64] === quoteMark && bytes[hexFrom + 65] === 125;
}

/** The longest hashes of one artifact, in bytes. */
const maxHashesBytes = 4096;

function checkEntry(bytes: Uint8Array, from: number, nameEnd: number, mode: Mode): number {
  const path = unescapeCanonical(parseUtf8(bytes.subarray(from + 1, nameEnd - 1)));
  if (mode === "strict") checkArtifactPath(path);
  const to = endOfValueBytes(bytes, nameEnd + 1);
  if (to - nameEnd > maxHashesBytes)
    throw inTotoError("INTOTO_LINK_MALFORMED", { checked: `hashes of ${quote(path)}`, got: "too many" });
  checkHashes(parseUtf8(bytes.subarray(nameEnd + 1, to)), mode);
  return to;
}
