import {
  checkIntegers,
  pae,
  parseEnvelope,
  readTextMembers,
  readTextValue,
  utf8,
  TrustError,
  type Json,
} from "@countersign/core";
import {
  canonicalise,
  readCanonicalMembers,
  readCanonicalText,
  type CanonicalOptions,
  canonicalErrors,
  maxCompatMetadataDepth,
} from "./canonical.ts";
import { modelText } from "./compat.ts";
import { inTotoError } from "./errors.ts";
import { parseLayout, type Layout } from "./layout.ts";
import { parseLaxEnvelope } from "./lax-envelope.ts";
import { emptyLink, readLink, type Link } from "./link.ts";
import { fromEnvelope, parseSignatures, type SignedBytes } from "./signature.ts";
import type { Mode } from "./mode.ts";

/**
 * A layout or link with its signatures, none of them verified. What it says was read from the very bytes that
 * `signedBytes` gives. Keeps those bytes alive: drop it when its signatures are checked, a link may be large.
 */
export type Metadata = SignedBytes & Content;

/** The largest layout that is read, in bytes. */
export const maxLayoutBytes: number = 16 * 1024 * 1024;
/** The largest link that is read, in bytes: two sides of a million artifacts. JavaScript's strings end at 512 MiB. */
export const maxLinkBytes: number = 256 * 1024 * 1024;
/** The largest list of signatures, in characters. */
export const maxSignatureTextChars: number = 16 * 1024 * 1024;
/** The one payload type of layouts and links in DSSE (ITE-5). */
export const inTotoPayloadType = "application/vnd.in-toto+json";

/**
 * Parses a Metablock (`signed`, `signatures`) or a DSSE envelope around a layout or link. A Metablock's signed bytes are
 * the canonical JSON of the object as it was received; in compat of the model that the reference makes of it. Checks no
 * signature. Throws INTOTO_METADATA_MALFORMED, INTOTO_METADATA_TYPE, INTOTO_TOO_LARGE, the errors of
 * `readCanonicalMembers`, `parseSignatures`, `parseLayout` and `readLink`, and CORE_ENVELOPE_MALFORMED.
 */
export function parseMetadata(bytes: Uint8Array, mode: Mode): Metadata {
  return parseMembers(readMembers(bytes, mode), mode);
}

/** As `parseMetadata`, but a Sigstore bundle, which has neither of its forms, is only recognised. Compat knows none. */
export function parseEvidence(bytes: Uint8Array, mode: Mode): Metadata | "bundle" {
  const members = readMembers(bytes, mode);
  const isBundle = members.has("mediaType") && !members.has("payload") && !members.has("signed");
  return isBundle && mode === "strict" ? "bundle" : parseMembers(members, mode);
}

function readMembers(bytes: Uint8Array, mode: Mode): Members {
  if (bytes.length > maxLinkBytes) throw tooLarge("file", maxLinkBytes);
  return readCanonicalMembers(bytes, options[mode]);
}

function parseMembers(members: Members, mode: Mode): Metadata {
  const isEnvelope = members.has("payload");
  if (isEnvelope && members.has("signed") && mode === "strict")
    throw inTotoError("INTOTO_METADATA_MALFORMED", { expected: "'signed' or 'payload'", got: "both" });
  const isOther =
    mode === "compat" && members.has("signed") && readMember(members, "payloadType") !== inTotoPayloadType;
  return isEnvelope && !isOther ? parseDsse(members, mode) : parseMetablock(members, mode);
}

/** What the reference drops or never looks at may hold any number; what it signs is checked again. */
const options: Readonly<Record<Mode, CanonicalOptions>> = {
  strict: { numbers: "refuse", duplicates: "refuse" },
  compat: { numbers: "python", duplicates: "last", maxDepth: maxCompatMetadataDepth },
};

type Members = ReadonlyMap<string, Uint8Array>;

function parseMetablock(members: Members, mode: Mode): Metadata {
  const received = members.get("signed");
  if (received === undefined) throw inTotoError("INTOTO_METADATA_MALFORMED", { expected: "'signed' and 'signatures'" });
  const text = readCanonicalText(received);
  const model = mode === "compat" ? modelText(text) : text;
  const signedBytes = model === text ? received : utf8(model);
  const listed = readMember(members, "signatures");
  const signatures = parseSignatures(listed === undefined && mode === "compat" ? [] : (listed ?? null), mode);
  return {
    form: "metablock",
    mode,
    signatures,
    signedBytes: () => signedBytes,
    ...readContent(signedBytes, model, { mode, form: "metablock" }),
  };
}

function parseDsse(members: Members, mode: Mode): Metadata {
  const parts: Record<string, Json> = {};
  for (const name of ["payload", "payloadType", "signatures"]) parts[name] = readMember(members, name) ?? null;
  const { payload, payloadType, signatures } = mode === "compat" ? parseLaxEnvelope(parts) : parseEnvelope(parts);
  if (payloadType !== inTotoPayloadType)
    throw inTotoError("INTOTO_METADATA_TYPE", { checked: "payloadType", expected: inTotoPayloadType });
  return {
    form: "dsse",
    mode,
    signatures: fromEnvelope(signatures, mode),
    signedBytes: () => pae(payloadType, payload),
    ...(mode === "compat" ? readLaxPayload(payload) : readPayload(payload, mode)),
  };
}

/** The reference looks into a payload only once a signature is good. */
function readLaxPayload(payload: Uint8Array): Content {
  try {
    return readPayload(payload, "compat");
  } catch (error) {
    if (error instanceof TrustError) return { type: "link", link: emptyLink, contentError: error };
    throw error;
  }
}

/** Reads the payload of an envelope. Throws as `parseMetadata`. */
export function readPayload(payload: Uint8Array, mode: Mode): Content {
  const canonical = canonicalise(payload, { ...options[mode], numbers: mode === "compat" ? "python" : "keep" });
  return readContent(canonical, readCanonicalText(canonical), { mode, form: "dsse" });
}

function readMember(members: Members, name: string): Json | undefined {
  const bytes = members.get(name);
  if (bytes === undefined) return undefined;
  if (name === "signatures" && bytes.length > maxSignatureTextChars) throw tooLarge(name, maxSignatureTextChars);
  return readTextValue(readCanonicalText(bytes));
}

/** What is signed. */
export type Content =
  | { readonly type: "layout"; readonly layout: Layout }
  | {
      readonly type: "link";
      readonly link: Link;
      /** Compat: what is wrong with an envelope's payload, which `link` then is not. */
      readonly contentError?: TrustError;
    };

/** Of canonical bytes, and the text that they are. */
function readContent(
  bytes: Uint8Array,
  text: string,
  { mode, form }: { readonly mode: Mode; readonly form: SignedBytes["form"] },
): Content {
  const type = typeOf(text);
  if (type === "link") {
    const link = readLink(bytes, mode);
    if (mode === "compat" && form === "dsse" && text.includes("\n")) checkLineEnds(link);
    return { type, link };
  }
  if (type !== "layout") throw inTotoError("INTOTO_METADATA_TYPE", { expected: "layout or link" });
  if (text.length > maxLayoutBytes) throw tooLarge("layout", maxLayoutBytes);
  // A threshold of 1.0 is no integer to the reference, and looks like one to JavaScript.
  checkIntegers(text, canonicalErrors);
  return { type, layout: parseLayout(readTextValue(text), mode, form) };
}

/** What slips through the patterns of in-toto 1.3.1, but not through those of 2.2.0. */
function checkLineEnds({ materials, products }: Link): void {
  for (const hashes of [...materials.values(), ...products.values()])
    if (/\n"[,}]/.test(hashes)) throw inTotoError("INTOTO_LINK_MALFORMED", { checked: "hashes of an artifact" });
}

function typeOf(text: string): Json | undefined {
  // Where it nearly always stands; else all members of what may be a large link must be passed over.
  const usual = ["link", "layout"].find((type) => text.startsWith(`{"_type":"${type}",`));
  if (usual !== undefined) return usual;
  const member = readTextMembers(text).find(({ name }) => name === "_type");
  return member === undefined ? undefined : readTextValue(text.slice(member.from, member.to));
}

function tooLarge(checked: string, maxBytes: number): TrustError {
  return inTotoError("INTOTO_TOO_LARGE", { checked, expected: `at most ${maxBytes} bytes` });
}
