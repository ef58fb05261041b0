import {
  concatBytes,
  equalBytes,
  hex,
  parseHex,
  readObject,
  TrustError,
  type Detail,
  type HashName,
  type JsonObject,
} from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { parseLayoutKey, type LayoutKey } from "./key.ts";
import {
  documentHeaders,
  openPgpMethods,
  readOpenPgpKey,
  trailerOf,
  type OpenPgpKey,
  type OpenPgpType,
} from "./openpgp.ts";
import { bigEndian, formatNumbers, parsePackets, readMpis, readSubpackets, type Packet } from "./openpgp-packet.ts";
import { sha1 } from "./sha1.ts";
import type { Mode } from "./mode.ts";

/** Packet tags (RFC 9580 §5). */
const tags = { signature: 2, key: 6, userId: 13, subkey: 14 } as const;

/**
 * Parses one OpenPGP public key as `gpg --export` writes it, to what securesystemslib exports: version 4, RSA, DSA or EdDSA.
 * Keeps subkeys that the main key bound with a good signature, did not revoke, that signed back, are strong enough, and may
 * sign if it is said what for. Expiry is taken from the newest good self-signature that can say one. User ids prove nothing here. SHA-1
 * signatures count for nothing, but a revocation by one does. Compat: weak keys too, also those whose only self-signatures are by SHA-1.
 * Throws INTOTO_KEY_MALFORMED, INTOTO_KEY_UNSUPPORTED, INTOTO_KEY_WEAK, core's errors of weak keys, and INTOTO_KEY_EXPIRED
 * for a main key that was revoked.
 */
export function parseOpenPgpFile(bytes: Uint8Array, mode: Mode = "strict"): LayoutKey {
  const [main, ...rest] = parsePackets(bytes);
  if (main?.tag !== tags.key) throw malformed({ expected: "an OpenPGP public key first" });
  if (rest.some(({ tag }) => tag === tags.key)) throw malformed({ expected: "one OpenPGP key", got: "more" });
  const key = readKey(main.body);
  if (key === undefined)
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: "OpenPGP key", expected: "version 4, RSA, DSA or EdDSA" });
  const openpgp = openKey(key, mode);
  const groups = groupPackets(rest);
  const own = groups.flatMap((group) =>
    group.head?.tag === tags.subkey ? [] : signaturesOf(openpgp, subjectOf(key, group.head), group),
  );
  if (own.some(isRevocation(0x20))) throw inTotoError("INTOTO_KEY_EXPIRED", { checked: key.keyid, got: "revoked" });
  const self = own.filter(({ isGood, type }) => isGood && tellsExpiry(type));
  if (mode === "strict" && self.length === 0 && own.some(({ isWeak }) => isWeak))
    throw inTotoError("INTOTO_KEY_WEAK", {
      checked: `self-signature of ${key.keyid}`,
      expected: "SHA-256 or better",
    });
  const subkeys = groups
    .filter(({ head }) => head?.tag === tags.subkey)
    .flatMap((group) => readSubkey({ key, openpgp, mode }, group));
  return parseLayoutKey({ ...formatKey(key, newest(self)), subkeys: Object.fromEntries(subkeys) }, undefined, mode);
}

interface PublicKeyPacket {
  readonly body: Uint8Array;
  readonly keyid: string;
  readonly created: number;
  readonly type: OpenPgpType;
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
  if (algorithm === 17) {
    const numbers = readMpis(material);
    if (numbers.length !== 4) throw malformed({ expected: "four DSA numbers" });
    const [p, q, g, y] = numbers.map(hex) as [string, string, string, string];
    return { ...common, type: "dsa", numbers: { p, q, g, y } };
  }
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

/** A signature on the key itself or on one of its parts. */
interface SelfSignature {
  readonly type: number;
  /** Whether this key made it. */
  readonly isGood: boolean;
  /** Made with a hash that proves nothing any more, so that nobody can tell. */
  readonly isWeak: boolean;
  readonly created: number;
  /** Seconds that the key lasts; 0 for ever. */
  readonly period: number;
  readonly flags: number | undefined;
  /** Packets of signatures within it. */
  readonly embedded: readonly Uint8Array[];
}

function signaturesOf(key: OpenPgpKey, subject: Uint8Array, { signatures }: Group): readonly SelfSignature[] {
  return signatures.flatMap(({ body }) => {
    const parsed = readSignature(body);
    return parsed === undefined ? [] : [readSelf(parsed, isGood(key, parsed, subject))];
  });
}

/** Certifications, and the key's word on itself (RFC 9580 §5.2.1); one that takes back a user id says nothing of the key's end. */
function tellsExpiry(type: number): boolean {
  return (type >= 0x10 && type <= 0x13) || type === 0x1f;
}

/** One that nobody can check counts too: it is safer to believe it. */
function isRevocation(kind: number): (signature: SelfSignature) => boolean {
  return ({ type, isGood: isMade, isWeak }) => type === kind && (isMade || isWeak);
}

/** What a signature on the key, or on a part of it, is made over. */
function subjectOf({ body }: PublicKeyPacket, head: Packet | undefined): Uint8Array {
  return concatBytes(keyPrefix(body), body, headBytes(head));
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
  /** Undefined for SHA-1 and its like. */
  readonly hash: HashName | undefined;
  /** The packet up to the end of its hashed subpackets. */
  readonly hashed: Uint8Array;
  /** The area behind it, which nobody signed. */
  readonly unhashed: Uint8Array;
  readonly numbers: readonly Uint8Array[];
}

const hashNames: ReadonlyMap<number, HashName> = new Map([
  [8, "sha256"],
  [9, "sha384"],
  [10, "sha512"],
]);

function readSignature(body: Uint8Array): ParsedSignature | undefined {
  const [version, type = 0, algorithm = 0, hashId = 0] = body;
  if (version !== 4 || (algorithm !== 1 && algorithm !== 17 && algorithm !== 22)) return undefined;
  const hashedEnd = 6 + bigEndian(body, 4, 2);
  const unhashedEnd = hashedEnd + 2 + bigEndian(body, hashedEnd, 2);
  const numbers = readMpis(body.subarray(unhashedEnd + 2));
  const hashed = body.subarray(0, hashedEnd);
  const unhashed = body.subarray(hashedEnd + 2, unhashedEnd);
  return { type, algorithm, hash: hashNames.get(hashId), hashed, unhashed, numbers };
}

function isGood(key: OpenPgpKey, parsed: ParsedSignature, subject: Uint8Array): boolean {
  const { algorithm, hash, hashed } = parsed;
  const signature = formatNumbers(key.type, parsed.numbers);
  if (hash === undefined || documentHeaders[key.type][2] !== algorithm || signature === undefined) return false;
  return key.isOver(hash, concatBytes(subject, hashed, trailerOf(hashed)), signature);
}

function readSelf({ type, hash, hashed, unhashed }: ParsedSignature, isMade: boolean): SelfSignature {
  const found = new Map(readSubpackets(hashed.subarray(6)));
  const number = (subpacket: number): number => bigEndian(found.get(subpacket) ?? new Uint8Array(0), 0, 4);
  const all = [...readSubpackets(hashed.subarray(6)), ...readSubpackets(unhashed)];
  const embedded = all.filter(([kind]) => kind === 32).map(([, body]) => body);
  const flags = found.get(27)?.[0];
  return { type, isGood: isMade, isWeak: hash === undefined, created: number(2), period: number(9), flags, embedded };
}

function newest(signatures: readonly SelfSignature[]): SelfSignature | undefined {
  return signatures.toSorted((a, b) => b.created - a.created)[0];
}

const canSign = 0x02;

interface Owner {
  readonly key: PublicKeyPacket;
  readonly openpgp: OpenPgpKey;
  readonly mode: Mode;
}

function readSubkey({ key: main, openpgp, mode }: Owner, group: Group): readonly (readonly [string, JsonObject])[] {
  const key = readKey((group.head as Packet).body);
  const subject = subjectOf(main, group.head);
  const signatures = signaturesOf(openpgp, subject, group);
  const binding = newest(signatures.filter(({ type, isGood: isMade }) => type === 0x18 && isMade));
  if (key === undefined || binding === undefined || signatures.some(isRevocation(0x28))) return [];
  if (binding.flags !== undefined && (binding.flags & canSign) === 0) return [];
  const own = openStrong(key, mode);
  const hasSignedBack = binding.embedded.some((body) => {
    const parsed = readSignature(body);
    return own !== undefined && parsed?.type === 0x19 && isGood(own, parsed, subject);
  });
  // Else anybody could adopt another's key, and its signatures with it.
  return hasSignedBack ? [[key.keyid, formatKey(key, binding)]] : [];
}

function openKey(key: PublicKeyPacket, mode: Mode): OpenPgpKey {
  return readOpenPgpKey(readObject(formatKey(key, undefined), "OpenPGP key", malformedAs), mode);
}

/** Undefined for a key that is too weak to count. */
function openStrong(key: PublicKeyPacket, mode: Mode): OpenPgpKey | undefined {
  try {
    return openKey(key, mode);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

function formatKey(key: PublicKeyPacket, self: SelfSignature | undefined): JsonObject {
  const period = self?.period ?? 0;
  return {
    type: key.type,
    method: openPgpMethods[key.type],
    hashes: ["pgp+SHA2"],
    keyid: key.keyid,
    keyval: { private: "", public: key.numbers },
    creation_time: key.created,
    ...(period === 0 ? {} : { validity_period: period }),
  };
}

function malformedAs(detail: Detail): TrustError {
  return inTotoError("INTOTO_KEY_MALFORMED", detail);
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_KEY_MALFORMED", { checked: "OpenPGP key", ...detail });
}
