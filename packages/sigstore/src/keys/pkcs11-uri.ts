import { parseUtf8 } from "@countersign/core";
import { sigstoreError } from "../errors.ts";

/** A key on a PKCS#11 token, as a URI of RFC 7512 names it. An attribute that is absent fits every value. */
export interface Pkcs11Reference {
  readonly kind: "pkcs11";
  /** CKA_LABEL. */
  readonly object?: string;
  /** CKA_ID. */
  readonly id?: Uint8Array;
  readonly token: Readonly<Partial<Record<TokenAttribute, string>>>;
  readonly slotId?: number;
  readonly modulePath?: string;
  readonly pinSource?: string;
  readonly pinValue?: string;
}

/** What tells tokens apart. */
export type TokenAttribute = "token" | "manufacturer" | "serial" | "model";

/** The longest value of an attribute, in bytes. */
export const maxAttributeBytes: number = 1024;

const pathNames = ["token", "manufacturer", "serial", "model", "object", "id", "type", "slot-id"];
const queryNames = ["pin-source", "pin-value", "module-path"];
/** RFC 7512 §2.3: pk11-pchar and pk11-qchar. */
const pathValue = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*$/;
const queryValue = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*$/;

/**
 * Parses a PKCS#11 URI (RFC 7512 §2.3) strictly: no attribute twice or unknown, no character outside the grammar, and at least
 * `object` or `id`. Attributes that would be passed over (of the library or the slot, `module-name`, vendors') are refused, as is
 * a type other than a key's. Throws SIGSTORE_KEY_PKCS11_URI, which repeats nothing of the URI.
 */
export function parsePkcs11Uri(text: string): Pkcs11Reference {
  const [, path = "", , query = ""] = /^pkcs11:([^?]*)(\?(.*))?$/s.exec(text) ?? [];
  if (!text.startsWith("pkcs11:")) throw malformed("pkcs11: in lower case in front");
  const attributes = readAttributes(path, ";", { names: pathNames, value: pathValue });
  const queries = readAttributes(query, "&", { names: queryNames, value: queryValue });
  const type = textOf(attributes, "type");
  if (type !== undefined && type !== "private" && type !== "public") throw malformed("type=private or type=public");
  const [object, id] = [textOf(attributes, "object"), attributes.get("id")];
  if (object === undefined && id === undefined) throw malformed("object=LABEL or id=%…");
  return {
    kind: "pkcs11",
    ...optional({ object, id, slotId: slotOf(attributes) }),
    token: tokenOf(attributes),
    ...queriesOf(queries),
  };
}

type Attributes = ReadonlyMap<string, Uint8Array>;

function readAttributes(
  text: string,
  separator: string,
  grammar: { readonly names: readonly string[]; readonly value: RegExp },
): Attributes {
  const attributes = new Map<string, Uint8Array>();
  for (const part of text === "" ? [] : text.split(separator)) {
    const [, name = "", value = ""] = /^([a-z-]+)=(.*)$/s.exec(part) ?? [];
    if (!grammar.names.includes(name))
      throw malformed(`only ${grammar.names.join(", ")} ${separator === ";" ? "before" : "after"} the ?`);
    if (attributes.has(name)) throw malformed(`${name} once`);
    if (!grammar.value.test(value)) throw malformed(`a value of ${name} with other characters as %XX`);
    attributes.set(name, decode(value, name));
  }
  return attributes;
}

function decode(value: string, name: string): Uint8Array {
  const bytes = (value.match(/%..|[^%]/g) ?? []).map((part) =>
    part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0),
  );
  if (bytes.length === 0 || bytes.length > maxAttributeBytes)
    throw malformed(`1 to ${maxAttributeBytes} bytes of ${name}`);
  return Uint8Array.from(bytes);
}

function textOf(attributes: Attributes, name: string): string | undefined {
  const bytes = attributes.get(name);
  if (bytes === undefined) return undefined;
  try {
    return parseUtf8(bytes);
  } catch {
    throw malformed(`UTF-8 as ${name}`);
  }
}

function slotOf(attributes: Attributes): number | undefined {
  const text = textOf(attributes, "slot-id");
  if (text !== undefined && !/^\d{1,10}$/.test(text)) throw malformed("digits as slot-id");
  return text === undefined ? undefined : Number(text);
}

function tokenOf(attributes: Attributes): Pkcs11Reference["token"] {
  const names = ["token", "manufacturer", "serial", "model"] as const;
  return optional(Object.fromEntries(names.map((name) => [name, textOf(attributes, name)])));
}

function queriesOf(queries: Attributes): Pick<Pkcs11Reference, "modulePath" | "pinSource" | "pinValue"> {
  const modulePath = textOf(queries, "module-path");
  const [pinSource, pinValue] = [sourceOf(queries), textOf(queries, "pin-value")];
  if (pinSource !== undefined && pinValue !== undefined) throw malformed("pin-source or pin-value, not both");
  if (modulePath !== undefined && !isAbsolute(modulePath)) throw malformed("an absolute path as module-path");
  return optional({ modulePath, pinSource, pinValue });
}

/** A file, by its path or as a file: URI. RFC 7512 §2.4 lets programs be named as well, which nobody runs here. */
function sourceOf(queries: Attributes): string | undefined {
  const text = textOf(queries, "pin-source")?.replace(/^file:(?:\/\/(?=\/))?/, "");
  if (text !== undefined && !isAbsolute(text)) throw malformed("the absolute path of a file as pin-source");
  return text;
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path);
}

/** The members that are there. */
function optional<T extends object>(value: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    readonly [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function malformed(expected: string): Error {
  return sigstoreError("SIGSTORE_KEY_PKCS11_URI", { expected });
}
