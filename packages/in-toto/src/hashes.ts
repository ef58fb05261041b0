import { formatCanonicalJson, parseUtf8, quote, readTextValue } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { Mode } from "./mode.ts";

declare const hashesBrand: unique symbol;
/**
 * The hashes of one artifact, as the canonical JSON of algorithm to hex: two artifacts have the same hashes exactly if
 * the texts are equal, and a link of 100,000 artifacts needs no object for each.
 */
export type Hashes = string & { readonly [hashesBrand]: true };

/** Writes hashes: the name of each algorithm with lower-case hex. */
export function formatHashes(hashes: Readonly<Record<string, string>>): Hashes {
  return parseUtf8(formatCanonicalJson(hashes)) as Hashes;
}

/** Each algorithm with its hex. */
export function readHashes(hashes: Hashes): ReadonlyMap<string, string> {
  return new Map(Object.entries(readTextValue(hashes) as Record<string, string>));
}

/** How many hex digits the hashes have whose length is known. */
const hexDigits: ReadonlyMap<string, number> = new Map([
  ["sha256", 64],
  ["sha384", 96],
  ["sha512", 128],
  ["sha1", 40],
  ["md5", 32],
]);

/**
 * Checks a canonical text of hashes: at least one algorithm, lower-case hex of whole bytes, as many as a known algorithm
 * gives. In compat an empty object and any hex will do. Throws INTOTO_LINK_MALFORMED.
 */
export function checkHashes(text: string, mode: Mode): Hashes {
  const value = readTextValue(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const entries = isObject ? Object.entries(value) : [];
  const isGood = mode === "compat" ? isLaxHash : isStrictHash;
  if (isObject && entries.every(isGood) && (entries.length > 0 || mode === "compat")) return text as Hashes;
  throw inTotoError("INTOTO_LINK_MALFORMED", { checked: "hashes of an artifact", got: quote(text.slice(0, 160)) });
}

type Entry = readonly [algorithm: string, hash: unknown];

function isStrictHash([algorithm, hash]: Entry): boolean {
  const digits = hexDigits.get(algorithm);
  if (algorithm === "" || typeof hash !== "string" || !/^(?:[0-9a-f]{2})+$/.test(hash)) return false;
  return digits === undefined || digits === hash.length;
}

// A line feed at the end slips through the reference's pattern.
function isLaxHash([, hash]: Entry): boolean {
  return typeof hash === "string" && /^[0-9a-fA-F]+\n?$/.test(hash);
}
