import { Buffer } from "node:buffer";
import * as compiled from "./base64.web.ts";

/** From so many bytes, or characters, on the platform is faster in any case. */
const longLength = 96;
/**
 * For so many calls the platform does the short ones too. Our own loop is faster once it is compiled, since a call of the
 * platform costs as much as 40 characters, but ten times as slow before, which is all that a short-lived process sees.
 */
const coldCalls = 500;
let calls = 0;

function isForPlatform(length: number): boolean {
  return length >= longLength || calls++ < coldCalls;
}

/** Base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return isForPlatform(bytes.length) ? encodeByPlatform(bytes) : compiled.encodeBase64(bytes);
}

/** The bytes of canonical base64, undefined for anything else. */
export function decodeBase64(text: string): Uint8Array | undefined {
  return isForPlatform(text.length) ? decodeByPlatform(text) : compiled.decodeBase64(text);
}

/** As `encodeBase64`, by the platform. */
export function encodeByPlatform(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

/** As `decodeBase64`, by the platform. */
export function decodeByPlatform(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  // Buffer passes over what it does not know: only canonical text comes back as it went in.
  return bytes.toString("base64") === text ? new Uint8Array(bytes) : undefined;
}
