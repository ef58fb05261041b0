import { concatBytes, parseBase64, type Detail, type TrustError } from "@countersign/core";
import { formatDsaSignature } from "./dsa.ts";
import { inTotoError } from "./errors.ts";
import type { OpenPgpType } from "./openpgp.ts";

/** One OpenPGP packet (RFC 9580 §4). */
export interface Packet {
  readonly tag: number;
  readonly body: Uint8Array;
}

/** The most packets of a key file. */
export const maxPackets: number = 10_000;

const armor =
  /^-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n]+\r?\n)*?[ \t]*\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END PGP PUBLIC KEY BLOCK-----\s*$/;

/** The bytes in an armoured public key (RFC 9580 §6); its checksum is not looked at, as the standard asks. Throws INTOTO_KEY_MALFORMED. */
export function parseArmor(text: string): Uint8Array {
  const lines = (armor.exec(text)?.[1] ?? "").split(/\r?\n/).filter((line) => line !== "");
  if (lines.at(-1)?.startsWith("=") === true) lines.pop();
  if (lines.length === 0) throw malformed({ checked: "OpenPGP armour", expected: "one PUBLIC KEY BLOCK" });
  return parseBase64(lines.join(""));
}

/** Cuts bytes into packets, in the old and the new format; no partial or indeterminate lengths. Throws INTOTO_KEY_MALFORMED. */
export function parsePackets(bytes: Uint8Array): readonly Packet[] {
  const packets: Packet[] = [];
  for (let at = 0; at < bytes.length;) {
    const { tag, from, length } = readHeader(bytes, at);
    if (from + length > bytes.length) throw malformed({ checked: "OpenPGP packet", expected: "all of it" });
    packets.push({ tag, body: bytes.subarray(from, from + length) });
    if (packets.length > maxPackets) throw malformed({ checked: "OpenPGP packets", expected: `at most ${maxPackets}` });
    at = from + length;
  }
  return packets;
}

interface Header {
  readonly tag: number;
  /** Where the body starts, and its length. */
  readonly from: number;
  readonly length: number;
}

function readHeader(bytes: Uint8Array, at: number): Header {
  const first = bytes[at] as number;
  if (first < 0x80) throw malformed({ checked: "OpenPGP packet", expected: "a packet tag" });
  if (first >= 0xc0) return { tag: first & 63, ...readLength(bytes, at + 1) };
  const size = [1, 2, 4][first & 3];
  if (size === undefined) throw malformed({ checked: "OpenPGP packet", expected: "a definite length" });
  return { tag: (first >> 2) & 15, from: at + 1 + size, length: bigEndian(bytes, at + 1, size) };
}

/** The subpackets of one area of a signature (RFC 9580 §5.2.3.7): type without its critical bit, and body. Throws INTOTO_KEY_MALFORMED. */
export function readSubpackets(area: Uint8Array): readonly (readonly [number, Uint8Array])[] {
  const found: (readonly [number, Uint8Array])[] = [];
  for (let at = 0; at < area.length;) {
    const { from, length } = readLength(area, at);
    found.push([(area[from] ?? 0) & 127, area.subarray(from + 1, from + length)]);
    at = from + Math.max(length, 1);
  }
  return found;
}

/**
 * The numbers of a signature as securesystemslib exports them: RSA's own bytes, EdDSA's R and S of 32 bytes each, DSA's in DER.
 * Undefined if they are not of that kind.
 */
export function formatNumbers(type: OpenPgpType, numbers: readonly Uint8Array[]): Uint8Array | undefined {
  const [first, second, ...more] = numbers;
  if (type === "rsa") return second === undefined ? first : undefined;
  if (first === undefined || second === undefined || more.length > 0) return undefined;
  if (type === "dsa") return formatDsaSignature(first, second);
  if (first.length > 32 || second.length > 32) return undefined;
  const halves = [first, second].map((half) => concatBytes(new Uint8Array(32 - half.length), half));
  return concatBytes(...halves);
}

/** A length in the new format (RFC 9580 §4.2.1), which subpackets use too, and what it counts from. */
function readLength(bytes: Uint8Array, at: number): { readonly from: number; readonly length: number } {
  const first = bytes[at] ?? 0;
  if (first < 192) return { from: at + 1, length: first };
  if (first < 224) return { from: at + 2, length: ((first - 192) << 8) + (bytes[at + 1] ?? 0) + 192 };
  if (first === 255) return { from: at + 5, length: bigEndian(bytes, at + 1, 4) };
  throw malformed({ checked: "OpenPGP packet", expected: "a definite length" });
}

/** An unsigned number; what the bytes lack counts as zeros. */
export function bigEndian(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let k = 0; k < size; k++) value = value * 256 + (bytes[at + k] ?? 0);
  return value;
}

/** Multiprecision integers (RFC 9580 §3.2) that fill the bytes to their end. Throws INTOTO_KEY_MALFORMED. */
export function readMpis(bytes: Uint8Array): readonly Uint8Array[] {
  const numbers: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = Math.ceil(bigEndian(bytes, at, 2) / 8);
    const number = bytes.subarray(at + 2, at + 2 + size);
    if (number.length !== size) throw malformed({ checked: "OpenPGP number", expected: "all of it" });
    numbers.push(number);
    at += 2 + size;
  }
  return numbers;
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_KEY_MALFORMED", detail);
}
