import { sha256, signWith } from "./keyring.ts";
import type { KeyPair } from "./keyring.ts";

/** One signature line of a C2SP signed note, before it is put together. */
export interface SignatureLine {
  readonly name: string;
  readonly keyHint: Uint8Array;
  readonly signature: Uint8Array;
}

/** A signed note: the text (with its last line feed), an empty line, the signature lines. Nothing is checked. */
export function formatSignedNote(text: string, lines: readonly SignatureLine[]): string {
  return `${text}\n${lines.map(formatSignatureLine).join("")}`;
}

/** One signature line: em dash, name, base64 of key hint and signature. */
export function formatSignatureLine(line: SignatureLine): string {
  return `\u2014 ${line.name} ${base64(Buffer.concat([line.keyHint, line.signature]))}\n`;
}

/** The text of a checkpoint: origin, size, root, extension lines (C2SP tlog-checkpoint). */
export function checkpointText(o: {
  readonly origin: string;
  readonly size: number | bigint | string;
  readonly root: Uint8Array;
  readonly extensions?: readonly string[];
}): string {
  return [o.origin, String(o.size), base64(o.root), ...(o.extensions ?? []), ""].join("\n");
}

/** The untruncated key id of a log: what Sigstore writes as the log id, and whose first 4 bytes are the key hint. */
export function noteKeyId(name: string, key: Pick<KeyPair, "kind" | "spki">): Uint8Array {
  if (key.kind === "ed25519") return sha256(`${name}\n`, Uint8Array.of(1), rawPublicKey(key));
  if (key.kind === "rsa2048") return sha256(`${name}\n`, Uint8Array.of(0xff), "PKIX-RSA-PKCS#1v1.5", key.spki);
  return sha256(key.spki);
}

/** A log's signature over the text; notes are signed with SHA-256 whatever the curve. */
export function signNoteText(text: string, name: string, key: KeyPair): SignatureLine {
  const signature = signWith(key, Buffer.from(text, "utf8"), "sha256");
  return { name, keyHint: noteKeyId(name, key).subarray(0, 4), signature };
}

/** The public key without its SubjectPublicKeyInfo wrapping: 32 bytes of Ed25519, 1,312 of ML-DSA-44. */
export function rawPublicKey(key: Pick<KeyPair, "kind" | "spki">): Uint8Array {
  return key.spki.subarray(key.spki.length - (key.kind === "ml-dsa-44" ? 1312 : 32));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
