import { base64, hash, hex, parseSpki, utf8, type PublicKey } from "@countersign/core";

/** The names by which one key goes, all of them made from its public half. */
export interface KeyNames {
  /** Hex SHA-256 of the DER SubjectPublicKeyInfo: the key id in reports and policies. */
  readonly sha256: string;
  /** The same in base64: the hint in a bundle. */
  readonly hint: string;
  /** As `ssh-keygen -l` shows it; absent for ML-DSA, which OpenSSH does not know. */
  readonly ssh?: string;
}

/** The names of the key of a SubjectPublicKeyInfo. Throws the errors of `parseSpki`. */
export function keyNamesOf(spki: Uint8Array): KeyNames {
  const digest = hash("sha256", spki);
  const blob = sshBlob(parseSpki(spki));
  const names = { sha256: hex(digest), hint: base64(digest) };
  return blob === undefined ? names : { ...names, ssh: `SHA256:${base64(hash("sha256", blob)).replace(/=+$/, "")}` };
}

/** How hard the key is to break, and by what that is told. */
export interface KeyStrength {
  /** Security in bits (NIST SP 800-57 part 1, table 2; FIPS 204 table 1 by the AES key of its category). */
  readonly bits: number;
  /** In words. */
  readonly says: string;
}

/** The strength of the key of a SubjectPublicKeyInfo; says nothing of how well it is kept. Throws the errors of `parseSpki`. */
export function keyStrengthOf(spki: Uint8Array): KeyStrength {
  const key = parseSpki(spki);
  if (key.kind === "ec") return { bits: curveStrength[key.curve], says: `P-${key.curve.slice(1)}` };
  if (key.kind === "ed25519") return { bits: 128, says: "Ed25519" };
  if (key.kind === "ml-dsa") return { bits: levelStrength[key.level], says: `ML-DSA-${key.level}, experimental` };
  return { bits: key.bits < 3072 ? 112 : key.bits < 7680 ? 128 : 192, says: `RSA of ${key.bits} bits` };
}

const curveStrength = { p256: 128, p384: 192, p521: 256 } as const;
const levelStrength = { 44: 128, 65: 192, 87: 256 } as const;

/** A public key as SSH writes it (RFC 4253 §6.6, 5656 §3.1, 8709 §4). */
function sshBlob(key: PublicKey): Uint8Array | undefined {
  if (key.kind === "ml-dsa") return undefined;
  if (key.kind === "ed25519") return sshStrings(utf8("ssh-ed25519"), key.point);
  if (key.kind === "rsa") return sshStrings(utf8("ssh-rsa"), mpint(key.exponent), mpint(key.modulus));
  const curve = `nistp${key.curve.slice(1)}`;
  return sshStrings(utf8(`ecdsa-sha2-${curve}`), utf8(curve), key.point);
}

function sshStrings(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...uint32(part.length), ...part]));
}

function uint32(value: number): readonly number[] {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
}

/** Positive, so that a high first bit gets a zero byte before it. */
function mpint(value: bigint): Uint8Array {
  const digits = value.toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  const padded = Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even;
  return Uint8Array.from(padded.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
