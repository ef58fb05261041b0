import { parseDer, parseUtf8, readOid, type DerNode } from "@countersign/core";

const shortNames: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.5", "serialNumber"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
]);

/** One attribute of a Name: its short name, or its OID where it has none, and its text. */
export interface NamePart {
  readonly type: string;
  readonly text: string;
}

/**
 * The attributes of a Name (RFC 5280 §4.1.2.4) in their order, for people to read. Text that is no UTF-8 is shown as
 * U+FFFD. Never compare names by this: the bytes decide. Throws core's errors of DER.
 */
export function parseNameParts(der: Uint8Array): readonly NamePart[] {
  return parseDer(der)
    .children.flatMap((set) => set.children)
    .flatMap(({ children: [type, value] }) => (type && value ? [partOf(type, value)] : []));
}

/** The parts as one line, most special first: `CN=fulcio, O=acme`. */
export function formatName(der: Uint8Array): string {
  return parseNameParts(der)
    .toReversed()
    .map(({ type, text }) => `${type}=${text}`)
    .join(", ");
}

function partOf(type: DerNode, value: DerNode): NamePart {
  const oid = readOid(type);
  return { type: shortNames.get(oid) ?? oid, text: textOf(value.content) };
}

function textOf(content: Uint8Array): string {
  try {
    return parseUtf8(content);
  } catch {
    return "\ufffd";
  }
}
