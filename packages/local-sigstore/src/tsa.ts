import { createHash } from "node:crypto";
import { asnNull, generalizedTime, integer, octets, oid, sequence, set, tagged, x509Time } from "./asn1.ts";
import type { Der } from "./asn1.ts";
import { authorityLeadMs, authorityLifetimeMs, makeAuthority } from "./ca.ts";
import type { Authority, IssueOptions } from "./ca.ts";
import { certificateOids, readCertificate } from "./certificate.ts";
import { hashOf, makeKeyPair, signatureAlgorithm, signWith } from "./keyring.ts";
import type { KeyKind, KeyPair } from "./keyring.ts";
import type { TrustedAuthority } from "./trusted-root.ts";

/** How to make a timestamp authority. */
export interface TsaOptions {
  readonly uri: string;
  readonly now: () => Date;
  readonly organization?: string;
  readonly commonName?: string;
  readonly operator?: string;
  /** Kind of the signing key. Default p384. */
  readonly kind?: KeyKind;
  readonly key?: KeyPair;
  /** Issues the signing certificate; a new one by default. */
  readonly authority?: Authority;
  /** Deviations of the signing certificate. */
  readonly leaf?: Partial<Omit<IssueOptions, "spki">>;
  /** Saved certificates, signing leaf first: nothing is minted then. */
  readonly chain?: readonly Uint8Array[];
  /** Start of the trust root's window; a day before now by default. */
  readonly start?: Date;
}

/** What to stamp, and how to deviate from what an honest authority would answer. */
export interface StampOptions {
  /** What is stamped: its hash is taken. */
  readonly message?: Uint8Array;
  /** The hash itself, instead of `message`. */
  readonly imprint?: Uint8Array;
  readonly hash?: "sha1" | "sha256" | "sha384" | "sha512";
  readonly time?: Date;
  /** Encoded GeneralizedTime, instead of `time`. */
  readonly encodedTime?: Uint8Array;
  /** Whether the signing certificate goes in (certReq); absent: left out. */
  readonly embedCertificate?: boolean;
  /** DER certificates to embed, instead of the authority's. */
  readonly certificates?: readonly Uint8Array[];
  /** PKIStatus; 0 is granted. Other than 0 and 1: no token. */
  readonly status?: number;
  /** INTEGER content. */
  readonly nonce?: Uint8Array;
  readonly policy?: string;
  readonly serial?: number;
  /** Key that signs, and the certificate that the signer info names. */
  readonly signer?: { readonly key: KeyPair; readonly certificate: Uint8Array };
  /** Hash of the signer info; that of the key's strength by default. */
  readonly signerHash?: "sha1" | "sha256" | "sha384" | "sha512";
  /** Content type of the encapsulated content; id-ct-TSTInfo by default. */
  readonly contentType?: string;
  /** Written into the signed attributes instead of the true hash of the content. */
  readonly messageDigest?: Uint8Array;
  /** OIDs of signed attributes to leave out. */
  readonly omitAttributes?: readonly string[];
  /** Writes the signer info this many times (1 by default). */
  readonly signerInfos?: number;
  /** Encoded extensions of the TSTInfo, to go under `[1]`. */
  readonly extensions?: Uint8Array;
}

/** An RFC 3161 timestamp authority. */
export interface Tsa {
  readonly key: KeyPair;
  /** DER, signing leaf first, anchor last. */
  readonly chain: readonly Uint8Array[];
  readonly trusted: TrustedAuthority;
  /** DER TimeStampResp. */
  readonly stamp: (options: StampOptions) => Uint8Array;
}

/** A timestamp authority of its own, known to no trust root until a caller puts it there. */
export function makeTsa(o: TsaOptions): Tsa {
  const organization = o.organization ?? "local-sigstore";
  const commonName = o.commonName ?? "local-sigstore tsa";
  const key = o.key ?? makeKeyPair(o.kind ?? "p384");
  const start = o.start ?? new Date(o.now().getTime() - authorityLeadMs);
  const chain = o.chain ?? mintChain(o, key, { organization, commonName, start });
  const operator = o.operator === undefined ? {} : { operator: o.operator };
  const trusted = { uri: o.uri, organization, commonName, chain, validFor: { start }, ...operator };
  let serial = 0;
  const own = { key, chain, now: o.now, nextSerial: () => ++serial };
  return { key, chain, trusted, stamp: (options) => stamp(own, options) };
}

/** DER TSTInfo (RFC 3161 §2.4.2). */
export function timestampInfo(o: StampOptions & { readonly time: Date; readonly serial: number }): Der {
  const hash = o.hash ?? "sha256";
  const imprint = o.imprint ?? digest(hash, o.message ?? new Uint8Array(0));
  return sequence(
    integer(1),
    oid(o.policy ?? defaultPolicy),
    sequence(sequence(oid(hashOids[hash]), asnNull()), octets(imprint)),
    integer(o.serial),
    o.encodedTime ?? generalizedTime(o.time),
    sequence(integer(1)),
    ...(o.nonce === undefined ? [] : [integer(o.nonce)]),
    ...(o.extensions === undefined ? [] : [tagged(1, o.extensions)]),
  );
}

const defaultPolicy = "1.3.6.1.4.1.57264.2";
const timestampContent = "1.2.840.113549.1.9.16.1.4";
/** Hash functions by the OID that timestamps carry. */
export const hashOids = {
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
} as const;

interface Own {
  readonly key: KeyPair;
  readonly chain: readonly Uint8Array[];
  readonly now: () => Date;
  readonly nextSerial: () => number;
}

function mintChain(
  o: TsaOptions,
  key: KeyPair,
  about: { readonly organization: string; readonly commonName: string; readonly start: Date },
): readonly Uint8Array[] {
  const authority = o.authority ?? tsaAuthority(o, about.start);
  const leaf = authority.issue({
    spki: key.spki,
    subject: { organization: about.organization, commonName: about.commonName },
    extendedKeyUsages: [certificateOids.timeStamping],
    extendedKeyUsageCritical: true,
    notBefore: about.start,
    notAfter: new Date(about.start.getTime() + authorityLifetimeMs),
    sct: "none",
    ...o.leaf,
  });
  return [leaf.certificate, ...leaf.chain];
}

function tsaAuthority(o: TsaOptions, notBefore: Date): Authority {
  const extendedKeyUsages = [certificateOids.timeStamping];
  return makeAuthority({
    uri: o.uri,
    now: o.now,
    commonName: "local-sigstore tsa intermediate",
    extendedKeyUsages,
    notBefore,
  });
}

function stamp(own: Own, o: StampOptions): Uint8Array {
  const status = o.status ?? 0;
  if (status > 1) return sequence(sequence(integer(status)));
  const time = o.time ?? own.now();
  const content = timestampInfo({ ...o, time, serial: o.serial ?? own.nextSerial() });
  const signer = o.signer ?? { key: own.key, certificate: own.chain[0] ?? new Uint8Array(0) };
  const hash = o.signerHash ?? hashOf(signer.key);
  const info = signerInfo(content, { ...o, time, signer, hash });
  const certificates = o.certificates ?? (o.embedCertificate === true ? [signer.certificate] : []);
  const signedData = sequence(
    integer(3),
    set(sequence(oid(hashOids[hash]), asnNull())),
    sequence(oid(o.contentType ?? timestampContent), tagged(0, octets(content))),
    ...(certificates.length === 0 ? [] : [tagged(0, ...certificates)]),
    set(...Array.from({ length: o.signerInfos ?? 1 }, () => info)),
  );
  const token = sequence(oid("1.2.840.113549.1.7.2"), tagged(0, signedData));
  return sequence(sequence(integer(status)), token);
}

type Signing = StampOptions & {
  readonly time: Date;
  readonly signer: { readonly key: KeyPair; readonly certificate: Uint8Array };
  readonly hash: keyof typeof hashOids;
};

function signerInfo(content: Uint8Array, o: Signing): Der {
  const { issuer, serial } = readCertificate(o.signer.certificate);
  const attributes = signedAttributes(content, o);
  const signature = signWith(o.signer.key, set(...attributes), o.hash);
  return sequence(
    integer(1),
    sequence(issuer, integer(serial)),
    sequence(oid(hashOids[o.hash]), asnNull()),
    tagged(0, ...attributes),
    signatureAlgorithm(o.signer.key, o.hash),
    octets(signature),
  );
}

function signedAttributes(content: Uint8Array, o: Signing): Der[] {
  const omitted = new Set(o.omitAttributes);
  const attribute = (type: string, value: Uint8Array): Der[] =>
    omitted.has(type) ? [] : [sequence(oid(type), set(value))];
  // ESSCertIDv2 with its default hash, SHA-256 (RFC 5035 §4): the algorithm must then be left out.
  const certificateId = sequence(octets(digest("sha256", o.signer.certificate)));
  return sorted([
    ...attribute("1.2.840.113549.1.9.3", oid(o.contentType ?? timestampContent)),
    ...attribute("1.2.840.113549.1.9.5", x509Time(o.time)),
    ...attribute("1.2.840.113549.1.9.4", octets(o.messageDigest ?? digest(o.hash, content))),
    ...attribute("1.2.840.113549.1.9.16.2.47", sequence(sequence(certificateId))),
  ]);
}

/** DER puts the members of a SET OF in the order of their encodings. */
function sorted(parts: readonly Der[]): Der[] {
  return parts.toSorted((a, b) => Buffer.compare(a, b));
}

function digest(hash: string, bytes: Uint8Array): Uint8Array {
  return createHash(hash).update(bytes).digest();
}
