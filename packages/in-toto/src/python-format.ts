import { quote, type TrustError } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { pythonRepr } from "./python-repr.ts";

/**
 * Python's `str.format` of a word with texts by name, for compat: conversions, format specifications of texts, and single
 * characters by index. Attributes of texts are refused: they are not of this world. Throws INTOTO_SUBSTITUTION_UNKNOWN and
 * INTOTO_SUBSTITUTION_SYNTAX, for what Python refuses too.
 */
export function formatPython(word: string, values: ReadonlyMap<string, string>, maxChars: number): string {
  return formatText(word, { word, values, maxChars, depth: 2 });
}

interface Job {
  /** The whole word, for messages. */
  readonly word: string;
  readonly values: ReadonlyMap<string, string>;
  readonly maxChars: number;
  /** How deep fields may nest: Python allows them in the specification of another. */
  readonly depth: number;
}

function formatText(text: string, job: Job): string {
  if (job.depth < 0) throw syntaxError(job);
  let out = "";
  for (let at = 0; at < text.length;) {
    const char = text[at] as string;
    if ((char === "{" || char === "}") && text[at + 1] === char) {
      out += char;
      at += 2;
    } else if (char === "}") throw syntaxError(job);
    else if (char === "{") {
      const end = endOfField(text, at, job);
      out += formatField(text.slice(at + 1, end), job);
      at = end + 1;
    } else {
      out += char;
      at++;
    }
    if (out.length > job.maxChars) throw syntaxError(job);
  }
  return out;
}

/** The place of the brace that closes the field: those in it count, but not within `[…]` of its name. */
function endOfField(text: string, from: number, job: Job): number {
  let depth = 0;
  let isInIndex = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === "[") isInIndex = true;
    else if (char === "]") isInIndex = false;
    else if (isInIndex) continue;
    else if (char === "{") depth++;
    else if (char === "}") depth--;
    if (depth === 0) return at;
  }
  throw syntaxError(job);
}

const fieldForm = /^([^{}[\].!:]*)((?:\[[^\]]+\]|\.[^{}[\].!:]+)*)(?:!([^:]*))?(?::([^]*))?$/;

function formatField(field: string, job: Job): string {
  const [, name = "", path = "", conversion, specification = ""] = fieldForm.exec(field) ?? [];
  // Python counts `{}` and `{0}` through arguments by position, of which there are none.
  if (name === "" || /^\d+$/.test(name) || path.includes(".")) throw syntaxError(job);
  const value = job.values.get(name);
  if (value === undefined)
    throw inTotoError("INTOTO_SUBSTITUTION_UNKNOWN", {
      checked: quote(job.word),
      expected: `a value for ${quote(name)}`,
    });
  const converted = convert(characterAt(value, path, job), conversion, job);
  return pad(converted, formatText(specification, { ...job, depth: job.depth - 1 }), job);
}

function characterAt(value: string, path: string, job: Job): string {
  let text = value;
  for (const [, index = ""] of path.matchAll(/\[([^\]]+)\]/g)) {
    const character = /^\d{1,9}$/.test(index) ? Array.from(text)[Number(index)] : undefined;
    if (character === undefined) throw syntaxError(job);
    text = character;
  }
  return text;
}

function convert(value: string, conversion: string | undefined, job: Job): string {
  if (conversion === undefined || conversion === "s") return value;
  if (conversion === "r" || conversion === "a") return pythonRepr(value, conversion === "a");
  throw syntaxError(job);
}

const specificationForm = /^(?:([^])?([<>^]))?(0)?(\d{1,9})?(?:\.(\d{1,9}))?s?$/u;

/** The specifications that Python has for texts. */
function pad(value: string, specification: string, job: Job): string {
  const [found, fill, align = "<", zero, width = "0", precision] = specificationForm.exec(specification) ?? [];
  if (found === undefined) throw syntaxError(job);
  const characters = Array.from(value).slice(0, precision === undefined ? undefined : Number(precision));
  const missing = Math.max(0, Number(width) - characters.length);
  if (missing > job.maxChars) throw syntaxError(job);
  const left = align === ">" ? missing : align === "^" ? Math.floor(missing / 2) : 0;
  const by = fill ?? (zero === undefined ? " " : "0");
  return by.repeat(left) + characters.join("") + by.repeat(missing - left);
}

function syntaxError({ word }: Job): TrustError {
  return inTotoError("INTOTO_SUBSTITUTION_SYNTAX", { checked: quote(word) });
}
