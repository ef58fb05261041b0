import { Buffer } from "node:buffer";

/** The text that has a character for each byte, of the same number (ISO 8859-1). */
export function readLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
