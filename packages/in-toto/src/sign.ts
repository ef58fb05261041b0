import {
  base64,
  equalBytes,
  hex,
  pae,
  parseEnvelope,
  quote,
  readTextValue,
  utf8,
  type Json,
  type JsonObject,
} from "@countersign/core";
import { canonicalise, readCanonicalMembers, readCanonicalText, type CanonicalOptions } from "./canonical.ts";
import { parsePemCertificate } from "./certificate.ts";
import { inTotoError } from "./errors.ts";
import { inTotoPayloadType } from "./metadata.ts";
import { fromEnvelope, parseSignatures } from "./signature.ts";
import type { InTotoSigner } from "./key-file.ts";
import type { LayoutKey } from "./key.ts";
import type { IssuedSignature } from "./openpgp-signature.ts";

/** A layout or link as it goes into a file: what is signed, and the signatures so far, as the file has them. */
export type SignedFile =
  | { readonly form: "metablock"; readonly signed: JsonObject; readonly signatures: readonly FileSignature[] }
  | { readonly form: "dsse"; readonly payload: Uint8Array; readonly signatures: readonly FileSignature[] };

/** A signature as a file has it; all have a `keyid`. */
export type FileSignature = JsonObject & { readonly keyid: string };

/** Who signs, and the id under which. */
export type MetadataSigner = PlainSigner | (Pick<OpenPgpSigner, "openpgp"> & NamedKey);

interface NamedKey {
  readonly key: { readonly keyid: string };
}

interface PlainSigner extends Pick<InTotoSigner, "signer">, NamedKey {
  /** The certificate of the key in PEM (ITE-7); only a Metablock has room for it. */
  readonly certificate?: string;
}

/** An OpenPGP key, or subkey, that signs, with its public half. */
export interface OpenPgpSigner {
  readonly key: LayoutKey;
  /** Signs a message as GnuPG does, with SHA-256. */
  openpgp(message: Uint8Array): IssuedSignature;
}

/** The signer with a certificate of its key, for layouts that know functionaries by theirs. Throws INTOTO_CERTIFICATE_MALFORMED. */
export function withCertificate(signer: InTotoSigner, pem: string): InTotoSigner & { readonly certificate: string } {
  const { spki } = parsePemCertificate(pem);
  if (equalBytes(spki, signer.signer.spki)) return { ...signer, certificate: pem };
  throw inTotoError("INTOTO_CERTIFICATE_MALFORMED", { expected: "a certificate of the key that signs" });
}

/** Puts a layout or link (`formatLayout`, `formatLink`) into a file of that form and signs it with each key. */
export function signMetadata(
  signed: JsonObject,
  signers: readonly MetadataSigner[],
  form: SignedFile["form"],
): Promise<SignedFile> {
  const file: SignedFile =
    form === "metablock"
      ? { form, signed, signatures: [] }
      : { form, payload: utf8(JSON.stringify(signed)), signatures: [] };
  return addSignatures(file, signers);
}

/**
 * Signs with each key; a signature under the same id is replaced, others stay as they are, unverified.
 * Rejects with INTOTO_JSON_NUMBER for a Metablock with a fraction in it, INTOTO_CERTIFICATE_MALFORMED for a certificate in
 * DSSE, INTOTO_OPENPGP_DSSE, and the errors of the signer.
 */
export async function addSignatures(file: SignedFile, signers: readonly MetadataSigner[]): Promise<SignedFile> {
  const message = signedBytesOf(file);
  const signatures = [...file.signatures];
  for (const signer of signers) {
    // oxlint-disable-next-line no-await-in-loop -- a token signs one thing at a time
    const signature = await signOne(message, signer, file.form);
    const at = signatures.findIndex(({ keyid }) => keyid === signature.keyid);
    signatures.splice(at < 0 ? signatures.length : at, at < 0 ? 0 : 1, signature);
  }
  return { ...file, signatures };
}

async function signOne(message: Uint8Array, by: MetadataSigner, form: SignedFile["form"]): Promise<FileSignature> {
  const { keyid } = by.key;
  if ("openpgp" in by) {
    if (form === "dsse") throw inTotoError("INTOTO_OPENPGP_DSSE", { checked: `key ${quote(keyid)}` });
    const { otherHeaders, signature } = by.openpgp(message);
    return { keyid, other_headers: hex(otherHeaders), signature: hex(signature) };
  }
  const { signer, certificate } = by;
  if (certificate !== undefined && form === "dsse")
    throw inTotoError("INTOTO_CERTIFICATE_MALFORMED", { checked: "DSSE envelope", expected: "no certificate" });
  const sig = await signer.sign({ message });
  const cert = certificate === undefined ? {} : { cert: certificate };
  return { keyid, sig: form === "dsse" ? base64(sig) : hex(sig), ...cert };
}

/** The text of the file, laid out as the reference does: members in order, one space for each level. */
export function formatMetadata(file: SignedFile): string {
  const { signatures } = file;
  if (file.form === "metablock") return layOut({ signatures, signed: file.signed });
  return layOut({ payload: base64(file.payload), payloadType: inTotoPayloadType, signatures });
}

/**
 * Reads a file to sign it again. Looks only at the form: what is signed need not be a sound layout or link.
 * Throws INTOTO_METADATA_MALFORMED, INTOTO_JSON_NUMBER for an integer beyond 2^53, which could not be written back, and
 * the errors of `parseSignatures` and core's `parseEnvelope`.
 */
export function parseSignedFile(bytes: Uint8Array): SignedFile {
  const members = readCanonicalMembers(bytes, strict);
  const payload = members.get("payload");
  if (payload !== undefined) return readEnvelopeFile(members);
  const signed = members.get("signed");
  if (signed === undefined) throw inTotoError("INTOTO_METADATA_MALFORMED", { expected: "'signed' or 'payload'" });
  const value = readTextValue(readCanonicalText(signed));
  if (!equalBytes(canonicalise(utf8(JSON.stringify(value)), strict), signed))
    throw inTotoError("INTOTO_JSON_NUMBER", { expected: "integers within 53 bits" });
  const signatures = parseSignatures(readMember(members, "signatures"), "strict").map(({ keyid, json }) => ({
    ...json,
    keyid,
  }));
  return { form: "metablock", signed: value as JsonObject, signatures };
}

function readEnvelopeFile(members: ReadonlyMap<string, Uint8Array>): SignedFile {
  const names = ["payload", "payloadType", "signatures"];
  const parts = Object.fromEntries(names.map((name) => [name, readMember(members, name)]));
  const envelope = parseEnvelope(parts);
  const signatures = fromEnvelope(envelope.signatures, "strict").map(({ keyid, json }) => ({ ...json, keyid }));
  return { form: "dsse", payload: envelope.payload, signatures };
}

const strict: CanonicalOptions = { numbers: "refuse", duplicates: "refuse" };

function readMember(members: ReadonlyMap<string, Uint8Array>, name: string): Json {
  const bytes = members.get(name);
  return bytes === undefined ? null : readTextValue(readCanonicalText(bytes));
}

function signedBytesOf(file: SignedFile): Uint8Array {
  if (file.form === "dsse") return pae(inTotoPayloadType, file.payload);
  return canonicalise(utf8(JSON.stringify(file.signed)), strict);
}

/** Sorted by canonicalising first: large links are laid out in a second. */
function layOut(value: JsonObject): string {
  const sorted = readTextValue(readCanonicalText(canonicalise(utf8(JSON.stringify(value)), strict)));
  return `${JSON.stringify(sorted, null, 1)}\n`;
}
