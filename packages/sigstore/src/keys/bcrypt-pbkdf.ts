import { concatBytes, hash, utf8 } from "@countersign/core";
import { encipherBlowfish, expandBlowfish, startBlowfish } from "./blowfish.ts";

/** What a password is stretched with. */
export interface BcryptCost {
  readonly salt: Uint8Array;
  readonly rounds: number;
}

const hashBytes = 32;

/**
 * Derives `length` bytes from a password by bcrypt_pbkdf(3) of OpenBSD, which guards SSH keys: PBKDF2 (RFC 8018 §5.2) over a
 * wide bcrypt, the bytes of its blocks interleaved. Takes a time that grows with `rounds`, which the caller has bounded.
 */
export function stretchByBcrypt(password: string, { salt, rounds }: BcryptCost, length: number): Uint8Array {
  const pass = wordsOf(hash("sha512", utf8(password)));
  const blocks = Math.ceil(length / hashBytes);
  const derived = new Uint8Array(length);
  for (let block = 0; block < blocks; block++) {
    const bytes = deriveBlock(pass, concatBytes(salt, bigEndian(block + 1)), rounds);
    for (let at = 0; at * blocks + block < length; at++) derived[at * blocks + block] = bytes[at] as number;
  }
  return derived;
}

function deriveBlock(pass: Uint32Array, salt: Uint8Array, rounds: number): Uint8Array {
  let last = bcryptHash(pass, wordsOf(hash("sha512", salt)));
  const sum = last.slice();
  for (let round = 1; round < rounds; round++) {
    last = bcryptHash(pass, wordsOf(hash("sha512", last)));
    for (const [at, byte] of last.entries()) sum[at] = (sum[at] as number) ^ byte;
  }
  return sum;
}

/** bcrypt with a cost of 2^6, keys of 512 bits and a text of 256. */
function bcryptHash(pass: Uint32Array, salt: Uint32Array): Uint8Array {
  const state = startBlowfish();
  expandBlowfish(state, pass, salt);
  for (let time = 0; time < 64; time++) {
    expandBlowfish(state, salt);
    expandBlowfish(state, pass);
  }
  const text = wordsOf(utf8("OxychromaticBlowfishSwatDynamite"));
  for (let time = 0; time < 64; time++) for (let at = 0; at < text.length; at += 2) encipherBlowfish(state, text, at);
  const bytes = new Uint8Array(hashBytes);
  const view = new DataView(bytes.buffer);
  for (const [at, each] of text.entries()) view.setUint32(at * 4, each, true);
  return bytes;
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(at * 4));
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
