/** State of the cipher Blowfish: the subkeys P and, one after another, the four S-boxes. Its operations change it. */
export interface Blowfish {
  readonly subkeys: Uint32Array;
  readonly boxes: Uint32Array;
}

/** Words of a block, which are enciphered in place. */
type Block = Uint32Array;

const rounds = 16;
const subkeyCount = rounds + 2;
const boxCount = 4 * 256;

let initial: Uint32Array | undefined;

/** A fresh state: the fractional digits of pi (Schneier, "Description of a New Variable-Length Key, 64-Bit Block Cipher", 1993). */
export function startBlowfish(): Blowfish {
  initial ??= piWords(subkeyCount + boxCount);
  return { subkeys: initial.slice(0, subkeyCount), boxes: initial.slice(subkeyCount) };
}

/**
 * Mixes a key into the state, and with it a salt where there is one (bcrypt's ExpandKey: Provos and Mazières, "A
 * Future-Adaptable Password Scheme", 1999, §4.1). Both are words, used round and round.
 */
export function expandBlowfish(state: Blowfish, key: Uint32Array, salt: Uint32Array = noSalt): void {
  const { subkeys, boxes } = state;
  for (let at = 0; at < subkeyCount; at++) subkeys[at] = (subkeys[at] as number) ^ (key[at % key.length] as number);
  const block = new Uint32Array(2);
  const used = fill({ state, table: subkeys, block, salt, from: 0 });
  fill({ state, table: boxes, block, salt, from: used });
}

/** Enciphers a block of two words that begins at `at`. The hot loop of a second's work: nothing is allocated in it. */
export function encipherBlowfish({ subkeys, boxes }: Blowfish, block: Block, at: number): void {
  let left = block[at] as number;
  let right = block[at + 1] as number;
  for (let round = 0; round < rounds; round += 2) {
    left ^= subkeys[round] as number;
    right ^= mix(boxes, left) ^ (subkeys[round + 1] as number);
    left ^= mix(boxes, right);
  }
  block[at] = right ^ (subkeys[rounds + 1] as number);
  block[at + 1] = left ^ (subkeys[rounds] as number);
}

const noSalt = new Uint32Array(2);

interface Filling {
  readonly state: Blowfish;
  readonly table: Uint32Array;
  readonly block: Block;
  readonly salt: Uint32Array;
  /** The word of the salt that comes next. */
  readonly from: number;
}

/** Replaces a table by what comes of enciphering the block again and again; gives the next word of the salt. */
function fill({ state, table, block, salt, from }: Filling): number {
  let next = from;
  for (let at = 0; at < table.length; at += 2) {
    block[0] = (block[0] as number) ^ (salt[next] as number);
    block[1] = (block[1] as number) ^ (salt[next + 1] as number);
    next = (next + 2) % salt.length;
    encipherBlowfish(state, block, 0);
    table[at] = block[0] as number;
    table[at + 1] = block[1] as number;
  }
  return next;
}

function mix(boxes: Uint32Array, value: number): number {
  const sum = (boxes[value >>> 24] as number) + (boxes[256 + ((value >>> 16) & 0xff)] as number);
  const third = boxes[512 + ((value >>> 8) & 0xff)] as number;
  return ((sum ^ third) + (boxes[768 + (value & 0xff)] as number)) | 0;
}

/** The first words of pi after its point, by Machin's formula: pi = 16 arctan 1/5 - 4 arctan 1/239. */
function piWords(count: number): Uint32Array {
  const guardBits = 64n;
  const bits = BigInt(count) * 32n + guardBits;
  const pi = 16n * inverseArctangent(5n, bits) - 4n * inverseArctangent(239n, bits);
  const digits = (pi >> guardBits).toString(16).slice(-count * 8);
  return Uint32Array.from({ length: count }, (_, at) => Number.parseInt(digits.slice(at * 8, at * 8 + 8), 16));
}

/** arctan(1/x), times 2^bits. */
function inverseArctangent(x: bigint, bits: bigint): bigint {
  let power = (1n << bits) / x;
  let sum = power;
  for (let odd = 3n, sign = -1n; power > 0n; odd += 2n, sign = -sign) {
    power /= x * x;
    sum += (sign * power) / odd;
  }
  return sum;
}
