import {
  concatBytes,
  derBitString,
  derExplicit,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  equalBytes,
  formatPem,
  formatRsaSpki,
  parseBase64,
  parseHex,
  parseSpki,
  quote,
  utf8,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { readSsh, type SshReader } from "./ssh-wire.ts";

/** The longest public key line that is read, in characters. */
export const maxSshLineChars: number = 16 * 1024;

/** Whether a text begins like a public key line of OpenSSH. */
export function isSshPublicLine(text: string): boolean {
  return /^(?:ssh-|ecdsa-sha2-|sk-)[\w@.-]+ /.test(text);
}

/**
 * Parses a public key line of OpenSSH (`ssh-ed25519 AAAA… comment`; RFC 4253 §6.6, 5656, 8709) and gives the key as DER
 * SubjectPublicKeyInfo that `parseSpki` accepts. Options before the type, certificates and security-key types are refused.
 * Throws SIGSTORE_KEY_FILE_MALFORMED and the errors of `parseSpki`.
 */
export function parseSshPublicLine(line: string): Uint8Array {
  const [type = "", body = ""] = line.length > maxSshLineChars ? [] : line.trim().split(" ");
  if (/[\r\n]/.test(line.trim())) throw malformed("one line");
  const blob = decodeBody(body);
  const reader = readSsh(blob, () => malformed("an SSH public key"));
  if (reader.text() !== type) throw malformed("the same type in front and inside");
  return readPublic(type, reader);
}

/** A private key file of OpenSSH (its PROTOCOL.key), whose private part may be enciphered. */
export interface SshKeyFile {
  /** The public half, as it stands outside. */
  readonly spki: Uint8Array;
  /** The private part. */
  readonly inner: Uint8Array;
  /** How the private part is enciphered; undefined: it is not. */
  readonly seal?: SshSeal;
}

/** How a private part is enciphered, as the file says, in the clear. */
export interface SshSeal {
  readonly cipher: string;
  readonly kdf: string;
  readonly kdfOptions: Uint8Array;
  /** Of ciphers that authenticate. */
  readonly tag: Uint8Array;
}

/** What a private key of OpenSSH says: the key in a form that core reads, and its public half. */
export interface SshPrivateKey {
  /** PKCS#8, SEC1 or PKCS#1. */
  readonly pem: string;
  readonly spki: Uint8Array;
}

/** Parses the body of an `OPENSSH PRIVATE KEY` as far as it is in the clear. Throws SIGSTORE_KEY_FILE_MALFORMED and the errors of `parseSpki`. */
export function parseSshKeyFile(bytes: Uint8Array): SshKeyFile {
  const magic = utf8("openssh-key-v1\0");
  if (!equalBytes(bytes.subarray(0, magic.length), magic)) throw malformed("an OpenSSH private key");
  const outer = readSsh(bytes.subarray(magic.length), () => malformed("a whole OpenSSH private key"));
  const [cipher, kdf, kdfOptions] = [outer.text(), outer.text(), outer.string()];
  if (outer.uint32() !== 1) throw malformed("one key in the file");
  const [spki, inner, tag] = [publicBlob(outer.string()), outer.string(), outer.rest()];
  if (cipher !== "none" || kdf !== "none") return { spki, inner, seal: { cipher, kdf, kdfOptions, tag } };
  if (tag.length > 0) throw malformed("nothing after the key");
  return { spki, inner };
}

/**
 * Reads the private part of a key file, in the clear, which is padded to `blockBytes`. Proves that the public half beside the
 * private one is the same as the one outside, not that they belong together.
 * Throws SIGSTORE_KEY_FILE_MALFORMED and the errors of `parseSpki`; none repeats any of the key.
 */
export function readSshPrivateKey({ spki, inner }: SshKeyFile, blockBytes: number): SshPrivateKey {
  const reader = readSsh(inner, () => malformed("a whole OpenSSH private key"));
  if (reader.uint32() !== reader.uint32()) throw malformed("two check numbers that are alike");
  const { pem, own } = readPrivate(reader);
  reader.string();
  checkPadding(reader.rest(), blockBytes);
  if (!equalBytes(own, spki)) throw malformed("the same public key outside and inside");
  return { pem, spki };
}

function decodeBody(body: string): Uint8Array {
  try {
    return parseBase64(body);
  } catch {
    throw malformed("a type and base64 after it");
  }
}

function publicBlob(blob: Uint8Array): Uint8Array {
  const reader = readSsh(blob, () => malformed("an SSH public key"));
  return readPublic(reader.text(), reader);
}

function readPublic(type: string, reader: SshReader): Uint8Array {
  const spki = readPublicFields(type, reader);
  if (reader.rest().length > 0) throw malformed("nothing after the key");
  parseSpki(spki);
  return spki;
}

function readPublicFields(type: string, reader: SshReader): Uint8Array {
  if (type === "ssh-ed25519") return concatBytes(ed25519Head, reader.string());
  if (type === "ssh-rsa") return rsaSpki(reader);
  const curve = curves.get(type);
  if (curve === undefined) throw malformed("ssh-ed25519, ecdsa-sha2-nistp256, 384 or 521, or ssh-rsa", type);
  if (reader.text() !== curve.name) throw malformed("the curve of its type");
  return ecSpki(curve, reader.string());
}

interface SshCurve {
  readonly name: string;
  readonly oid: string;
  /** Length of the private number, in bytes. */
  readonly bytes: number;
}

const curves: ReadonlyMap<string, SshCurve> = new Map([
  ["ecdsa-sha2-nistp256", { name: "nistp256", oid: "1.2.840.10045.3.1.7", bytes: 32 }],
  ["ecdsa-sha2-nistp384", { name: "nistp384", oid: "1.3.132.0.34", bytes: 48 }],
  ["ecdsa-sha2-nistp521", { name: "nistp521", oid: "1.3.132.0.35", bytes: 66 }],
]);

const ed25519Head = parseHex("302a300506032b6570032100");
const ed25519PrivateHead = parseHex("302e020100300506032b657004220420");

function ecSpki({ oid }: SshCurve, point: Uint8Array): Uint8Array {
  return derSequence(derSequence(derOid("1.2.840.10045.2.1"), derOid(oid)), derBitString(point));
}

function rsaSpki(reader: SshReader): Uint8Array {
  const [exponent, modulus] = [reader.mpint(), reader.mpint()];
  return formatRsaSpki(derSequence(derInteger(modulus), derInteger(exponent)));
}

interface OwnKey {
  readonly pem: string;
  readonly own: Uint8Array;
}

function readPrivate(reader: SshReader): OwnKey {
  const type = reader.text();
  if (type === "ssh-ed25519") return readEd25519(reader);
  if (type === "ssh-rsa") return readRsa(reader);
  const curve = curves.get(type);
  if (curve === undefined) throw malformed("an Ed25519, ECDSA or RSA key", type);
  return readEc(curve, reader);
}

function readEd25519(reader: SshReader): OwnKey {
  const [point, secret] = [reader.string(), reader.string()];
  if (secret.length !== 64 || !equalBytes(secret.subarray(32), point)) throw malformed("an Ed25519 key");
  const pem = formatPem("PRIVATE KEY", concatBytes(ed25519PrivateHead, secret.subarray(0, 32)));
  return { pem, own: concatBytes(ed25519Head, point) };
}

/** RFC 5915. */
function readEc(curve: SshCurve, reader: SshReader): OwnKey {
  if (reader.text() !== curve.name) throw malformed("the curve of its type");
  const [point, secret] = [reader.string(), reader.mpint()];
  const digits = secret.toString(16);
  if (digits.length > curve.bytes * 2) throw malformed("an ECDSA key");
  const parts = [
    derInteger(1),
    derOctets(parseHex(digits.padStart(curve.bytes * 2, "0"))),
    derExplicit(0, derOid(curve.oid)),
    derExplicit(1, derBitString(point)),
  ];
  return { pem: formatPem("EC PRIVATE KEY", derSequence(...parts)), own: ecSpki(curve, point) };
}

/** RFC 8017 A.1.2; OpenSSH leaves out the two exponents. */
function readRsa(reader: SshReader): OwnKey {
  const [n, e, d] = [reader.mpint(), reader.mpint(), reader.mpint()];
  const [inverse, p, q] = [reader.mpint(), reader.mpint(), reader.mpint()];
  if (p < 3n || q < 3n) throw malformed("an RSA key");
  const numbers = [0n, n, e, d, p, q, d % (p - 1n), d % (q - 1n), inverse];
  const pem = formatPem("RSA PRIVATE KEY", derSequence(...numbers.map(derInteger)));
  return { pem, own: formatRsaSpki(derSequence(derInteger(n), derInteger(e))) };
}

function checkPadding(padding: Uint8Array, blockBytes: number): void {
  if (padding.length > blockBytes || padding.some((byte, at) => byte !== at + 1))
    throw malformed("padding of 1, 2, 3…");
}

/** The type is a word of the file that is no secret; nothing else of it is repeated. */
function malformed(expected: string, type?: string): Error {
  return sigstoreError("SIGSTORE_KEY_FILE_MALFORMED", {
    checked: "SSH key",
    expected,
    ...(type === undefined ? {} : { got: quote(type) }),
  });
}
