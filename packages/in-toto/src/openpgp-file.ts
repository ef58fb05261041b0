import {
  concatBytes,
  equalBytes,
  hash,
  hex,
  makeVerifier,
  parseHex,
  type Detail,
  type HashName,
  type JsonObject,
  type TrustError,
} from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { parseLayoutKey, type LayoutKey } from "./key.ts";
import { bigEndian, parsePackets, readLength, readMpis, type Packet } from "./openpgp-packet.ts";
import { sha1 } from "./sha1.ts";

/** Packet tags (RFC 9580 §5). */
const tags = { signature: 2, key: 6, userId: 13, subkey: 14 } as const;

/**
 * Parses one OpenPGP public key as `gpg --export` writes it, to what securesystemslib exports: version 4, RSA or EdDSA.
 * Keeps subkeys that the main key bound with a good signature, did not revoke, and lets sign if it says what for.
 * Expiry is taken from the newest good self-signature. User ids prove nothing here. SHA-1 signatures count for nothing.
 * Throws INTOTO_KEY_MALFORMED, INTOTO_KEY_UNSUPPORTED, and INTOTO_KEY_EXPIRED for a main key that was revoked.
 */
export function parseOpenPgpFile(bytes: Uint8Array): LayoutKey {
  const [main, ...rest] = parsePackets(bytes);
  if (main?.tag !== tags.key) throw malformed({ expected: "an OpenPGP public key first" });
  if (rest.some(({ tag }) => tag === tags.key)) throw malformed({ expected: "one OpenPGP key", got: "more" });
  const key = readKey(main.body);
  if (key === undefined)
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: "OpenPGP key", expected: "version 4, RSA or EdDSA" });
  const groups = groupPackets(rest);
  const own = groups.flatMap((group) => (group.head?.tag === tags.subkey ? [] : goodSignatures(key, group)));
  if (own.some(({ type }) => type === 0x20))
    throw inTotoError("INTOTO_KEY_EXPIRED", { checked: key.keyid, got: "revoked" });
  const subkeys = groups.filter(({ head }) => head?.tag === tags.subkey).flatMap((group) => readSubkey(key, group));
  return parseLayoutKey({ ...formatKey(key, newest(own)), subkeys: Object.fromEntries(subkeys) });
}

interface PublicKeyPacket {
  readonly body: Uint8Array;
  readonly keyid: string;
  readonly created: number;
  readonly type: "rsa" | "eddsa";
  /** As the export has them. */
  readonly numbers: Readonly<Record<string, string>>;
}

const curve25519 = parseHex("092b06010401da470f01");

/** Undefined for a version or algorithm that is not known here. */
function readKey(body: Uint8Array): PublicKeyPacket | undefined {
  const [version, algorithm] = [body[0], body[5]];
  const keyid = hex(sha1(concatBytes(keyPrefix(body), body)));
  const common = { body, keyid, created: bigEndian(body, 1, 4) };
  const material = body.subarray(6);
  if (version !== 4) return undefined;
  if (algorithm === 1) {
    const [n, e, ...more] = readMpis(material);
    if (n === undefined || e === undefined || more.length > 0) throw malformed({ expected: "two RSA numbers" });
    return { ...common, type: "rsa", numbers: { e: hex(e), n: hex(n) } };
  }
  if (algorithm !== 22 || !equalBytes(material.subarray(0, curve25519.length), curve25519)) return undefined;
  const [point] = readMpis(material.subarray(curve25519.length));
  if (point?.[0] !== 0x40 || point.length !== 33) throw malformed({ expected: "a native point" });
  return { ...common, type: "eddsa", numbers: { q: hex(point.subarray(1)) } };
}

/** What stands before a key where it is hashed (RFC 9580 §5.2.4). */
function keyPrefix(body: Uint8Array): Uint8Array {
  return Uint8Array.of(0x99, body.length >> 8, body.length & 255);
}

/** A user id or subkey with the signatures that follow it; the first group has no head, its signatures are of the key itself. */
interface Group {
  readonly head?: Packet;
  readonly signatures: readonly Packet[];
}

function groupPackets(packets: readonly Packet[]): readonly Group[] {
  const groups: { head?: Packet; signatures: Packet[] }[] = [{ signatures: [] }];
  for (const packet of packets) {
    if (packet.tag === tags.signature) groups.at(-1)?.signatures.push(packet);
    else groups.push({ head: packet, signatures: [] });
  }
  return groups;
}

interface SelfSignature {
  readonly type: number;
  readonly created: number;
  /** Seconds that the key lasts; 0 for ever. */
  readonly period: number;
  readonly flags: number | undefined;
}

/** Those signatures of the group that the main key made. */
function goodSignatures(key: PublicKeyPacket, { head, signatures }: Group): readonly SelfSignature[] {
  const subject = concatBytes(keyPrefix(key.body), key.body, headBytes(head));
  return signatures.flatMap(({ body }) => {
    const parsed = readSignature(body);
    return parsed !== undefined && isGood(key, parsed, subject) ? [readSelf(parsed)] : [];
  });
}

function headBytes(head: Packet | undefined): Uint8Array {
  if (head === undefined) return new Uint8Array(0);
  if (head.tag === tags.subkey) return concatBytes(keyPrefix(head.body), head.body);
  const length = head.body.length;
  const prefix = [
    head.tag === tags.userId ? 0xb4 : 0xd1,
    length >>> 24,
    (length >>> 16) & 255,
    (length >>> 8) & 255,
    length & 255,
  ];
  return concatBytes(Uint8Array.of(...prefix), head.body);
}

interface ParsedSignature {
  readonly type: number;
  readonly algorithm: number;
  readonly hash: HashName;
  /** The packet up to the end of its hashed subpackets. */
  readonly hashed: Uint8Array;
  readonly numbers: readonly Uint8Array[];
}

const hashNames: ReadonlyMap<number, HashName> = new Map([
  [8, "sha256"],
  [9, "sha384"],
  [10, "sha512"],
]);

function readSignature(body: Uint8Array): ParsedSignature | undefined {
  const [version, type = 0, algorithm = 0, hashId = 0] = body;
  const hashName = hashNames.get(hashId);
  if (version !== 4 || hashName === undefined || (algorithm !== 1 && algorithm !== 22)) return undefined;
  const hashedEnd = 6 + bigEndian(body, 4, 2);
  const unhashedEnd = hashedEnd + 2 + bigEndian(body, hashedEnd, 2);
  const numbers = readMpis(body.subarray(unhashedEnd + 2));
  return { type, algorithm, hash: hashName, hashed: body.subarray(0, hashedEnd), numbers };
}

function isGood(key: PublicKeyPacket, signature: ParsedSignature, subject: Uint8Array): boolean {
  const { hashed, numbers } = signature;
  const { length } = hashed;
  const trailer = Uint8Array.of(4, 255, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255);
  const message = concatBytes(subject, hashed, trailer);
  const openpgp = parseLayoutKey(formatKey(key, undefined)).check;
  if (openpgp.kind !== "openpgp" || (signature.algorithm === 1) !== (key.type === "rsa")) return false;
  const { verifier, signatureBytes } = openpgp.openpgp;
  const size = key.type === "rsa" ? signatureBytes : 32;
  if (numbers.some((number) => number.length > size)) return false;
  const bytes = concatBytes(...numbers.flatMap((number) => [new Uint8Array(size - number.length), number]));
  if (key.type === "eddsa") return verifier.verify(hash(signature.hash, message), bytes);
  return makeVerifier(verifier.spki, `rsa-pkcs1-${signature.hash}`).verify(message, bytes);
}

function readSelf({ type, hashed }: ParsedSignature): SelfSignature {
  const found = new Map<number, Uint8Array>();
  for (let at = 6; at < hashed.length;) {
    const { from, length } = readLength(hashed, at);
    found.set((hashed[from] ?? 0) & 127, hashed.subarray(from + 1, from + length));
    at = from + Math.max(length, 1);
  }
  const number = (subpacket: number): number => bigEndian(found.get(subpacket) ?? new Uint8Array(0), 0, 4);
  return { type, created: number(2), period: number(9), flags: found.get(27)?.[0] };
}

function newest(signatures: readonly SelfSignature[]): SelfSignature | undefined {
  return signatures.toSorted((a, b) => b.created - a.created)[0];
}

const canSign = 0x02;

function readSubkey(main: PublicKeyPacket, group: Group): readonly (readonly [string, JsonObject])[] {
  const key = readKey((group.head as Packet).body);
  const signatures = goodSignatures(main, group);
  const binding = newest(signatures.filter(({ type }) => type === 0x18));
  const isRevoked = signatures.some(({ type }) => type === 0x28);
  if (key === undefined || binding === undefined || isRevoked) return [];
  if (binding.flags !== undefined && (binding.flags & canSign) === 0) return [];
  return [[key.keyid, formatKey(key, binding)]];
}

const methods = { rsa: "pgp+rsa-pkcsv1.5", eddsa: "pgp+eddsa-ed25519" } as const;

function formatKey(key: PublicKeyPacket, self: SelfSignature | undefined): JsonObject {
  const period = self?.period ?? 0;
  return {
    type: key.type,
    method: methods[key.type],
    hashes: ["pgp+SHA2"],
    keyid: key.keyid,
    keyval: { private: "", public: key.numbers },
    creation_time: key.created,
    ...(period === 0 ? {} : { validity_period: period }),
  };
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_KEY_MALFORMED", { checked: "OpenPGP key", ...detail });
}
