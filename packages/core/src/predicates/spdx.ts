import type { Json, JsonObject } from "../json.ts";
import {
  anyObject,
  either,
  list,
  name,
  oneOf,
  optional,
  record,
  text,
  timestamp,
  uri,
  wrong,
  type Shape,
} from "./shape.ts";

/** An SPDX document of version 2 in JSON. What is inside packages, files and relationships is not looked at. */
export interface Spdx2Document {
  readonly spdxVersion: string;
  readonly SPDXID: string;
  readonly name: string;
  readonly documentNamespace: string;
  readonly dataLicense: string;
  readonly creationInfo: { readonly created: string; readonly creators: readonly string[] };
  readonly packages?: readonly JsonObject[];
  readonly files?: readonly JsonObject[];
  readonly relationships?: readonly JsonObject[];
}

const spdx2Version: Shape<string> = (value, at) => {
  if (typeof value !== "string" || !/^SPDX-2\.\d{1,2}$/.test(value)) throw wrong(at, "SPDX-2.x", value);
  return value;
};

const spdx2: Shape<Spdx2Document> = record<Spdx2Document>({
  spdxVersion: spdx2Version,
  SPDXID: oneOf("SPDXRef-DOCUMENT"),
  name: text,
  documentNamespace: uri,
  dataLicense: name,
  creationInfo: record<Spdx2Document["creationInfo"]>({ created: timestamp, creators: list(name, 1) }),
  packages: optional(list(anyObject)),
  files: optional(list(anyObject)),
  relationships: optional(list(anyObject)),
});

/** Reads an SPDX document of version 2.3 (in-toto spdx2.md). Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseSpdx23(predicate: Json): Spdx2Document {
  const document = spdx2(predicate, "predicate");
  if (document.spdxVersion !== "SPDX-2.3") throw wrong("predicate.spdxVersion", "SPDX-2.3", document.spdxVersion);
  return document;
}

/**
 * Reads what cosign attests as SPDX: a document of any version in JSON, or, as text, one of tags and values, whose
 * first tag must be its version. Throws CORE_PREDICATE_MALFORMED.
 */
export function parseSpdx(predicate: Json): Spdx2Document | Spdx3Document | string {
  return either(tagged, either(spdx3, spdx2))(predicate, "predicate");
}

const tagged: Shape<string> = (value, at) => {
  if (typeof value !== "string" || !/^(?:\s*#[^\n]*\n)*\s*SPDXVersion: *SPDX-2\.\d/.test(value))
    throw wrong(at, "a document of tags and values", value);
  return value;
};

/** An SPDX document of version 3 in JSON-LD. What is inside its elements is not looked at. */
export interface Spdx3Document {
  readonly "@context": Json;
  readonly "@graph": readonly JsonObject[];
}

const spdxContext: Shape<Json> = (value, at) => {
  const contexts: readonly Json[] = Array.isArray(value) ? value : [value];
  const isKnown = (each: Json): boolean =>
    typeof each === "string" && /^https:\/\/spdx\.(?:org\/rdf|github\.io\/spdx-spec)\/v?3\.\d[\w./-]*$/.test(each);
  if (!contexts.some(isKnown)) throw wrong(at, "the context of SPDX 3", value);
  return value;
};

const spdx3: Shape<Spdx3Document> = record<Spdx3Document>({ "@context": spdxContext, "@graph": list(anyObject, 1) });

/** Reads an SPDX document of version 3 (in-toto spdx3.md). Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseSpdx3(predicate: Json): Spdx3Document {
  return spdx3(predicate, "predicate");
}

/** An SPDX document of version 2.3, under the licence that SPDX asks for. Throws CORE_PREDICATE_MALFORMED. */
export function makeSpdx23(parts: Omit<Spdx2Document, "spdxVersion" | "SPDXID" | "dataLicense">): Spdx2Document {
  const head = { spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT", dataLicense: "CC0-1.0" };
  return parseSpdx23({ ...parts, ...head } as unknown as Json);
}

/** An SPDX document of version 3.0.1 with these elements. Throws CORE_PREDICATE_MALFORMED. */
export function makeSpdx3(graph: readonly JsonObject[]): Spdx3Document {
  return parseSpdx3({ "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [...graph] });
}
