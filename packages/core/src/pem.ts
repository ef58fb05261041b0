import { base64, parseBase64 } from "./bytes.ts";
import { coreError } from "./errors.ts";

/** One PEM block. */
export interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array;
}

/** The largest PEM text that is read, in characters. */
export const maxPemChars: number = 1024 * 1024;

// Labels: words of capitals and digits with one space between them, at most 64 characters in all.
const block =
  /-----BEGIN (?=[A-Z0-9 ]{1,64}-----)([A-Z0-9]+(?: [A-Z0-9]+)*)-----\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END \1-----(?:\r?\n|$)/y;

/**
 * Parses PEM (RFC 7468 §3): one or more blocks of base64 lines of any length, white space between them and nothing
 * else, no headers. Says nothing about what is inside. Throws CORE_PEM_MALFORMED, whose message repeats nothing of the
 * text, which may be a private key.
 */
export function parsePem(text: string): readonly PemBlock[] {
  if (text.length > maxPemChars)
    throw coreError("CORE_PEM_MALFORMED", { expected: `at most ${maxPemChars} characters` });
  const blocks: PemBlock[] = [];
  let at = skipSpace(text, 0);
  while (at < text.length) {
    block.lastIndex = at;
    const match = block.exec(text);
    if (match === null)
      throw coreError("CORE_PEM_MALFORMED", { expected: "a PEM block", got: `other text at character ${at}` });
    blocks.push({ label: match[1] as string, bytes: parseBody(match[2] as string) });
    at = skipSpace(text, at + match[0].length);
  }
  if (blocks.length === 0) throw coreError("CORE_PEM_MALFORMED", { expected: "a PEM block", got: "nothing" });
  return blocks;
}

/** Writes one block with lines of 64 characters and a newline at the end (RFC 7468 §2). */
export function formatPem(label: string, bytes: Uint8Array): string {
  const text = base64(bytes);
  let lines = "";
  for (let at = 0; at < text.length; at += 64) lines += `${text.slice(at, at + 64)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

function parseBody(body: string): Uint8Array {
  try {
    return parseBase64(body.replaceAll(/\r?\n/g, ""));
  } catch (cause) {
    throw coreError("CORE_PEM_MALFORMED", { expected: "base64 lines" }, cause);
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[ \t\r\n]/.test(text[at] as string)) at++;
  return at;
}
