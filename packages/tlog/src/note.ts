import { base64, concatBytes, equalBytes, parseBase64, parseUtf8, quote, TrustError, utf8 } from "@countersign/core";
import { tlogError } from "./errors.ts";
import { checkKeyName, isKeyName, isSameKey, keyHintBytes, type NoteKey, type SignatureFacts } from "./key.ts";

/** A text and the signatures over it, none of them verified (C2SP signed-note). */
export interface Note {
  /** What is signed, with its last newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** One signature line. */
export interface NoteSignature {
  readonly name: string;
  readonly keyHint: Uint8Array;
  /** What follows the key hint; cosignatures lead it with their time. */
  readonly signature: Uint8Array;
}

/** A signature that was found good. */
export interface VerifiedSignature extends SignatureFacts {
  readonly key: NoteKey;
  readonly signature: Uint8Array;
}

/** Something that can sign notes; made by `noteSigner`, `parseSkey` and `cosignerSigner`. */
export interface NoteSigner {
  readonly name: string;
  readonly keyHint: Uint8Array;
  /** The bytes that follow the key hint in its signature line. */
  readonly sign: (text: string) => Promise<Uint8Array>;
}

/** Largest note that is parsed, in bytes; holds `maxNoteSignatures` signatures by ML-DSA-44. */
export const maxNoteBytes: number = 512 * 1024;
/** Most signature lines that a note may have. */
export const maxNoteSignatures = 100;

const lineStart = "\u2014 ";

/**
 * Parses a signed note: valid UTF-8 without control characters, a text, an empty line, and 1 to `maxNoteSignatures` signature lines.
 * Verifies nothing. Errors: TLOG_NOTE_MALFORMED, TLOG_NOTE_TOO_LARGE. C2SP signed-note, "Format".
 */
export function parseNote(note: string | Uint8Array): Note {
  if (note.length > maxNoteBytes)
    throw tlogError("TLOG_NOTE_TOO_LARGE", { expected: `at most ${maxNoteBytes} bytes`, got: `${note.length}` });
  const whole = typeof note === "string" ? note : decode(note);
  checkText(whole);
  // The text may have empty lines, signature lines cannot: the last one is the border.
  const border = whole.lastIndexOf("\n\n");
  if (border < 0 || border + 2 === whole.length || !whole.endsWith("\n")) {
    throw tlogError(
      "TLOG_NOTE_MALFORMED",
      "it has no empty line with signature lines after it, or no newline at the end",
    );
  }
  const lines = whole.slice(border + 2).split("\n", maxNoteSignatures + 2);
  if (lines.length > maxNoteSignatures + 1)
    throw tlogError("TLOG_NOTE_TOO_LARGE", { expected: `at most ${maxNoteSignatures} signature lines` });
  return { text: whole.slice(0, border + 1), signatures: lines.slice(0, -1).map(parseNoteSignature) };
}

/** The inverse of `parseNote`. Errors as `parseNote`, so that no note is made which it would refuse. */
export function formatNote(note: Note): string {
  const whole = `${note.text}\n${note.signatures.map(formatNoteSignature).join("")}`;
  if (parseNote(whole).text !== note.text) throw tlogError("TLOG_NOTE_MALFORMED", "the text must end with a newline");
  return whole;
}

/** Parses one signature line, without its newline. Error: TLOG_NOTE_MALFORMED. */
export function parseNoteSignature(line: string): NoteSignature {
  const [name = "", text = "", ...more] = line.startsWith(lineStart) ? line.slice(lineStart.length).split(" ", 3) : [];
  if (!isKeyName(name) || more.length > 0) throw badLine(line);
  const bytes = decodeBase64(text, line);
  if (bytes.length <= keyHintBytes) throw badLine(line);
  return { name, keyHint: bytes.subarray(0, keyHintBytes), signature: bytes.subarray(keyHintBytes) };
}

/** One signature line with its newline. Error: TLOG_KEY_MALFORMED for a name that may not stand in a note. */
export function formatNoteSignature({ name, keyHint, signature }: NoteSignature): string {
  return `${lineStart}${checkKeyName(name)} ${base64(concatBytes(keyHint, signature))}\n`;
}

/**
 * Proves that at least one of `keys` signed the note, and gives back one good signature for each key that did.
 * Lines of unknown keys are passed over; a bad signature by a known key refuses the whole note; a key given or used twice counts once.
 * Not checked: what the text says, cosignature times, how many keys are enough. Errors: TLOG_SIGNATURE_BAD, TLOG_NOTE_UNSIGNED.
 * C2SP signed-note, "Verifying".
 */
export function checkNote(note: Note, keys: readonly NoteKey[]): readonly VerifiedSignature[] {
  const good = goodSignatures(note, keys);
  if (good.length === 0)
    throw tlogError("TLOG_NOTE_UNSIGNED", {
      expected: `a signature by ${keys.map((key) => quote(key.name)).join(" or ")}`,
    });
  return good;
}

/** As `checkNote`, for keys none of which has to have signed: possibly an empty list. Error: TLOG_SIGNATURE_BAD. */
export function goodSignatures(note: Note, keys: readonly NoteKey[]): readonly VerifiedSignature[] {
  const signed = { text: note.text, bytes: utf8(note.text) };
  const good: VerifiedSignature[] = [];
  for (const line of note.signatures) {
    const known = keys.filter((key) => key.name === line.name && equalBytes(key.keyHint, line.keyHint));
    if (known.length === 0) continue;
    const verified = known.flatMap((key) => verifyLine(key, signed, line.signature));
    if (verified.length === 0) throw tlogError("TLOG_SIGNATURE_BAD", quote(line.name));
    for (const one of verified) if (!good.some(({ key }) => isSameKey(key, one.key))) good.push(one);
  }
  return good;
}

/** Signs a text and gives back the whole note, signature lines in the order of `signers`. Errors as `formatNote`. */
export async function signNote(text: string, signers: readonly NoteSigner[]): Promise<string> {
  const signatures = await Promise.all(
    signers.map(async ({ name, keyHint, sign }) => ({ name, keyHint, signature: await sign(text) })),
  );
  return formatNote({ text, signatures });
}

function verifyLine(
  key: NoteKey,
  signed: { text: string; bytes: Uint8Array },
  signature: Uint8Array,
): VerifiedSignature[] {
  const facts = key.verify(signed, signature);
  return facts === undefined ? [] : [{ key, signature, ...facts }];
}

function decode(note: Uint8Array): string {
  try {
    return parseUtf8(note);
  } catch (error) {
    throw error instanceof TrustError ? tlogError("TLOG_NOTE_MALFORMED", "it is not valid UTF-8", error) : error;
  }
}

function checkText(text: string): void {
  // Everything below U+0020 but newline; lone surrogates have no UTF-8.
  if (/[^\n\u0020-\uffff]/.test(text) || !text.isWellFormed()) {
    throw tlogError("TLOG_NOTE_MALFORMED", "it has a control character or is not valid Unicode");
  }
}

function decodeBase64(text: string, line: string): Uint8Array {
  try {
    return parseBase64(text);
  } catch (error) {
    throw error instanceof TrustError ? badLine(line, error) : error;
  }
}

function badLine(line: string, cause?: TrustError): TrustError {
  const expected = "\u2014, name and base64 of key hint and signature, with single spaces";
  return tlogError("TLOG_NOTE_MALFORMED", { checked: "signature line", expected, got: quote(line) }, cause);
}
