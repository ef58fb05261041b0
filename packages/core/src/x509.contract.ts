import { concatBytes, utf8 } from "./bytes.ts";
import {
  derBitString,
  derBoolean,
  derExplicit,
  derImplicit,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derUtf8,
} from "./der-writer.ts";

/** The parts of a made-up certificate, DER each; whatever is left out is well formed. */
export interface Parts {
  readonly version?: Uint8Array;
  readonly serial?: Uint8Array;
  readonly innerAlgorithm?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly validity?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  /** All that follows the key. */
  readonly rest?: Uint8Array;
  readonly algorithm?: Uint8Array;
  readonly signature?: Uint8Array;
}

/** A Name with one common name. */
export function name(text: string): Uint8Array {
  return derSequence(derSet(derSequence(derOid("2.5.4.3"), derUtf8(text))));
}

/** UTCTime. */
export function utcTime(text: string): Uint8Array {
  return Uint8Array.of(23, text.length, ...utf8(text));
}

/** One extension, critical or not; `value` is the DER inside its OCTET STRING. */
export function extension(oid: string, value: Uint8Array, critical?: "critical"): Uint8Array {
  const flag = critical === undefined ? [] : [derBoolean(true)];
  return derSequence(derOid(oid), ...flag, derOctets(value));
}

/** The extensions field of a TBSCertificate. */
export function extensions(...all: readonly Uint8Array[]): Uint8Array {
  return derExplicit(3, derSequence(...all));
}

/** A subject alternative name extension with these general names. */
export function altNames(...names: readonly Uint8Array[]): Uint8Array {
  return extension("2.5.29.17", derSequence(...names));
}

/** A GeneralName of an implicit string type: 1 e-mail, 2 DNS, 6 URI. */
export function textName(tag: number, text: string): Uint8Array {
  return derImplicit(tag, utf8(text));
}

/** An otherName around any element. */
export function otherName(oid: string, inner: Uint8Array): Uint8Array {
  return derExplicit(0, concatBytes(derOid(oid), derExplicit(0, inner)));
}

const ecdsaSha256 = derSequence(derOid("1.2.840.10045.4.3.2"));
const ecKey = derSequence(
  derSequence(derOid("1.2.840.10045.2.1"), derOid("1.2.840.10045.3.1.7")),
  derBitString(new Uint8Array(65).fill(4, 0, 1)),
);

/** A certificate whose form is right in all that `parts` leaves out. Key and signature are empty words. */
export function makeCertificate(parts: Parts = {}): Uint8Array {
  const algorithm = parts.algorithm ?? ecdsaSha256;
  const tbs = derSequence(
    parts.version ?? derExplicit(0, derInteger(2)),
    parts.serial ?? derInteger(77),
    parts.innerAlgorithm ?? algorithm,
    parts.issuer ?? name("issuer"),
    parts.validity ?? derSequence(utcTime("240101000000Z"), utcTime("241231235959Z")),
    parts.subject ?? name("subject"),
    parts.spki ?? ecKey,
    parts.rest ?? new Uint8Array(0),
  );
  return derSequence(tbs, algorithm, parts.signature ?? derBitString(Uint8Array.of(1, 2, 3)));
}
