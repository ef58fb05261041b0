import { hex } from "./bytes.ts";
import { readAscii, readOid, readUtf8String } from "./der-value.ts";
import { child, isContext, malformed } from "./x509-shape.ts";
import type { DerNode } from "./der.ts";

/**
 * One GeneralName (RFC 5280 §4.2.1.6). `value` is the text of a URI, e-mail address, DNS name or of an other name's
 * UTF8String, and hex of the bytes for all else: the address of an `ip`, the DER of a `directory` name, and of what is
 * in an `other`.
 */
export interface GeneralName {
  readonly type: "uri" | "email" | "dns" | "ip" | "directory" | "other-name" | "other";
  /** The type of an other name, dotted; also of one that holds no UTF8String and therefore is `other`. */
  readonly oid?: string;
  readonly value: string;
}

/** Reads one GeneralName; which names are acceptable, and what is in them, is for others to say. */
export function readGeneralName(node: DerNode): GeneralName {
  if (node.tagClass !== "context") throw malformed("general name", "a context tag", `tag ${node.tag}`);
  const { tag, content } = node;
  // [0] otherName, [3] x400Address, [4] directoryName and [5] ediPartyName hold elements, the others bytes.
  if (node.constructed !== (tag === 0 || (tag >= 3 && tag <= 5)) || tag > 8)
    throw malformed("general name", "one of the nine forms", `tag ${tag}`);
  if (tag === 0) return readOtherName(node);
  if (tag === 1) return { type: "email", value: readText(node) };
  if (tag === 2) return { type: "dns", value: readText(node) };
  if (tag === 6) return { type: "uri", value: readText(node) };
  if (tag === 4) return { type: "directory", value: hex(content) };
  if (tag !== 7) return { type: "other", value: hex(content) };
  if (content.length !== 4 && content.length !== 16)
    throw malformed("IP address", "4 or 16 bytes", String(content.length));
  return { type: "ip", value: hex(content) };
}

/** A NUL or a line feed ends a name for some readers and not for others; no honest name has one. */
function readText(node: DerNode): string {
  const text = readAscii(node.content);
  if (/[\u0000-\u001f\u007f]/.test(text)) throw malformed("general name", "printable characters", "control characters");
  return text;
}

/** OtherName ::= SEQUENCE { type OID, value [0] EXPLICIT ANY }, tagged IMPLICIT. */
function readOtherName(node: DerNode): GeneralName {
  const [id, wrapped, ...more] = node.children;
  const isWhole = id !== undefined && wrapped !== undefined && more.length === 0;
  if (!isWhole || !isContext(wrapped, 0) || wrapped.children.length !== 1)
    throw malformed("other name", "type and value", "another form");
  const inner = child(wrapped.children, 0);
  const oid = readOid(id);
  if (inner.tagClass === "universal" && inner.tag === 12)
    return { type: "other-name", oid, value: readUtf8String(inner) };
  return { type: "other", oid, value: hex(inner.raw) };
}
