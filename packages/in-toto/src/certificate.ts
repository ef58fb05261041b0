import {
  parseCertificate,
  parsePem,
  quote,
  readObject,
  TrustError,
  type Certificate,
  type Detail,
  type Json,
  type JsonObject,
  type ObjectReader,
} from "@countersign/core";
import { inTotoError } from "./errors.ts";

/** The certificate authorities of a layout (ITE-7), by the ids under which constraints name them; one id may be of several. */
export interface Authorities {
  readonly roots: ReadonlyMap<string, readonly Certificate[]>;
  readonly intermediates: ReadonlyMap<string, readonly Certificate[]>;
}

/**
 * What a functionary's certificate must say. A list is met by exactly its values, in any order; `["*"]` by any, `[]` by
 * none at all; `roots` lists ids of authorities.
 */
export interface CertificateConstraint {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
  readonly organizations: readonly string[];
  readonly roots: readonly string[];
  readonly uris: readonly string[];
}

/** The most authorities, constraints and values in a constraint. */
export const maxCertificateItems: number = 1024;

/**
 * Reads a layout's `rootcas` and `intermediatecas`, as in-toto-golang writes them, or the `trustBundles` of ITE-7's later
 * draft. Throws INTOTO_CERTIFICATE_MALFORMED.
 */
export function readCertificateParts(reader: ObjectReader): Authorities {
  if (reader.has("trustBundles")) return readTrustBundles(reader);
  return { roots: readAuthorities(reader, "rootcas"), intermediates: readAuthorities(reader, "intermediatecas") };
}

/** Reads a step's `cert_constraints`. Throws INTOTO_CERTIFICATE_MALFORMED. */
export function readCertificateConstraints(reader: ObjectReader): readonly CertificateConstraint[] {
  const listed = reader.optionalArray("cert_constraints", maxCertificateItems) ?? [];
  return listed.map((each) => {
    const entry = readObject(each, "cert_constraint", malformed);
    return {
      commonName: entry.optionalString("common_name") ?? "",
      dnsNames: readTexts(entry, "dns_names"),
      emails: readTexts(entry, "emails"),
      organizations: readTexts(entry, "organizations"),
      roots: [...readTexts(entry, "roots"), ...readTexts(entry, "trustBundleIds")],
      uris: readTexts(entry, "uris"),
    };
  });
}

/** Reads one certificate in PEM. Throws INTOTO_CERTIFICATE_MALFORMED. */
export function parsePemCertificate(pem: string): Certificate {
  try {
    const [block, ...more] = parsePem(pem);
    if (block?.label !== "CERTIFICATE" || more.length > 0) throw malformed({ expected: "one certificate in PEM" });
    return parseCertificate(block.bytes);
  } catch (error) {
    if (!(error instanceof TrustError) || error.code === "INTOTO_CERTIFICATE_MALFORMED") throw error;
    throw inTotoError("INTOTO_CERTIFICATE_MALFORMED", error.message, error);
  }
}

function readAuthorities(reader: ObjectReader, name: string): ReadonlyMap<string, readonly Certificate[]> {
  return new Map(readEntries(reader, name).map(([id, entry]) => [id, [readAuthority(entry)]]));
}

/** in-toto-golang has a member of its own for it; the first draft of ITE-7 put it where a key would stand. */
function readAuthority(reader: ObjectReader): Certificate {
  const keyval = reader.object("keyval");
  return parsePemCertificate(keyval.optionalString("certificate") ?? keyval.string("public"));
}

function readTrustBundles(reader: ObjectReader): Authorities {
  if (reader.has("rootcas") || reader.has("intermediatecas"))
    throw malformed({ checked: "layout", expected: "trustBundles or rootcas", got: "both" });
  const bundles = readEntries(reader, "trustBundles");
  const read = (entry: ObjectReader, name: string): readonly Certificate[] =>
    readTexts(entry, name).map(parsePemCertificate);
  return {
    roots: new Map(bundles.map(([id, entry]) => [id, read(entry, "roots")])),
    intermediates: new Map(bundles.map(([id, entry]) => [id, read(entry, "intermediates")])),
  };
}

function readEntries(reader: ObjectReader, name: string): readonly (readonly [string, ObjectReader])[] {
  const listed = reader.optionalJson(name) ?? {};
  if (typeof listed !== "object" || Array.isArray(listed)) throw malformed({ checked: name, expected: "an object" });
  const entries = Object.entries(listed as JsonObject);
  if (entries.length > maxCertificateItems)
    throw malformed({ checked: name, expected: `at most ${maxCertificateItems}` });
  return entries.map(([id, value]) => [id, readObject(value as Json, `${name} ${quote(id)}`, malformed)]);
}

function readTexts(reader: ObjectReader, name: string): readonly string[] {
  const listed = reader.optionalArray(name, maxCertificateItems) ?? [];
  if (listed.every((each) => typeof each === "string")) return listed as readonly string[];
  throw malformed({ checked: name, expected: "strings" });
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_CERTIFICATE_MALFORMED", detail);
}
