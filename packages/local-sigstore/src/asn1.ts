import * as asn1js from "asn1js";

/**
 * Encoded ASN.1 values as bytes, put together with asn1js: this package shares no DER code with core, so that each
 * checks the other. Every function returns one whole TLV; nothing is checked, since forgeries are made here too.
 */
export type Der = Uint8Array<ArrayBuffer>;

/** SEQUENCE of the given TLVs. */
export function sequence(...parts: readonly Uint8Array[]): Der {
  return encode(new asn1js.Sequence({ value: [joined(parts)] }));
}

/** SET of the given TLVs, in the order given (a DER SET OF of several must be handed over sorted). */
export function set(...parts: readonly Uint8Array[]): Der {
  return encode(new asn1js.Set({ value: [joined(parts)] }));
}

/** Constructed context tag `[n]` around the given TLVs (EXPLICIT, or IMPLICIT over a constructed type). */
export function tagged(tagNumber: number, ...parts: readonly Uint8Array[]): Der {
  return encode(new asn1js.Constructed({ idBlock: { tagClass: contextClass, tagNumber }, value: [joined(parts)] }));
}

/** Primitive context tag `[n]` with this content (IMPLICIT over a primitive type). */
export function taggedPrimitive(tagNumber: number, content: Uint8Array): Der {
  return encode(new asn1js.Primitive({ idBlock: { tagClass: contextClass, tagNumber }, valueHex: content }));
}

/** OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Der {
  const known = oidCache.get(dotted);
  if (known !== undefined) return known;
  const encoded = encode(new asn1js.ObjectIdentifier({ value: dotted }));
  oidCache.set(dotted, encoded);
  return encoded;
}

/** INTEGER from a number, or from big-endian two's complement content bytes. */
export function integer(value: number | Uint8Array): Der {
  return encode(typeof value === "number" ? new asn1js.Integer({ value }) : new asn1js.Integer({ valueHex: value }));
}

/** BOOLEAN TRUE. */
export function booleanTrue(): Der {
  return encode(new asn1js.Boolean({ value: true }));
}

/** NULL. */
export function asnNull(): Der {
  return encode(new asn1js.Null());
}

/** OCTET STRING. */
export function octets(content: Uint8Array): Der {
  return encode(new asn1js.OctetString({ valueHex: content }));
}

/** BIT STRING; `unusedBits` counts the padding bits of the last byte. */
export function bits(content: Uint8Array, unusedBits = 0): Der {
  return encode(new asn1js.BitString({ valueHex: content, unusedBits }));
}

/** UTF8String. */
export function utf8String(value: string): Der {
  return encode(new asn1js.Utf8String({ value }));
}

/** GeneralizedTime in UTC, whole seconds. */
export function generalizedTime(time: Date): Der {
  return encode(new asn1js.GeneralizedTime({ valueDate: wholeSeconds(time) }));
}

/** The X.509 choice of time (RFC 5280 §4.1.2.5): UTCTime through 2049, GeneralizedTime after. */
export function x509Time(time: Date): Der {
  if (time.getUTCFullYear() >= 2050) return generalizedTime(time);
  return encode(new asn1js.UTCTime({ valueDate: wholeSeconds(time) }));
}

/** The TLVs inside one constructed TLV, read by asn1js; throws a plain Error when asn1js cannot read it. */
export function readChildren(der: Uint8Array): Uint8Array[] {
  const { offset, result } = asn1js.fromBER(der);
  if (offset === -1 || !(result instanceof asn1js.Constructed)) throw new Error("not a constructed ASN.1 value");
  return result.valueBlock.value.map((child) => child.valueBeforeDecodeView);
}

/** The content bytes of one primitive TLV. */
export function readContent(der: Uint8Array): Uint8Array {
  const { offset, result } = asn1js.fromBER(der);
  if (offset === -1) throw new Error("not an ASN.1 value");
  const header = 1 + result.lenBlock.blockLength;
  return result.valueBeforeDecodeView.subarray(header);
}

const contextClass = 3;
const oidCache = new Map<string, Der>();

function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}

function encode(block: { toBER(): ArrayBuffer }): Der {
  return new Uint8Array(block.toBER());
}

/** asn1js' own RawData does not write into the encoder's writer (asn1js 4.0.0), so raw parts bring their own block. */
function joined(parts: readonly Uint8Array[]): asn1js.AsnType {
  const bytes = new Uint8Array(Buffer.concat(parts));
  const block = {
    toBER(_sizeOnly?: boolean, writer?: { write(buffer: ArrayBuffer): void }): ArrayBuffer {
      writer?.write(bytes.buffer);
      return bytes.buffer;
    },
  };
  return block as unknown as asn1js.AsnType;
}
