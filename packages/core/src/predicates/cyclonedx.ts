import type { Json, JsonObject } from "../json.ts";
import { anyObject, list, number, oneOf, optional, record, wrong, type Shape } from "./shape.ts";

/** A CycloneDX bill of materials in JSON. What is inside components and vulnerabilities is not looked at. */
export interface CycloneDxBom {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: string;
  readonly serialNumber?: string;
  readonly version?: number;
  readonly metadata?: JsonObject;
  readonly components?: readonly JsonObject[];
  readonly services?: readonly JsonObject[];
  readonly dependencies?: readonly JsonObject[];
  readonly vulnerabilities?: readonly JsonObject[];
}

const cycloneVersion: Shape<string> = (value, at) => {
  if (typeof value !== "string" || !/^1\.\d{1,2}$/.test(value)) throw wrong(at, "1.x", value);
  return value;
};

const serialNumber: Shape<string> = (value, at) => {
  if (typeof value !== "string" || !/^urn:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(value))
    throw wrong(at, "urn:uuid: and a UUID", value);
  return value;
};

/** Counts the editions of one document. */
const edition: Shape<number> = (value, at) => {
  const counted = number(value, at);
  if (!Number.isSafeInteger(counted) || counted < 1) throw wrong(at, "a whole number from 1", value);
  return counted;
};

const bom: Shape<CycloneDxBom> = record<CycloneDxBom>({
  bomFormat: oneOf("CycloneDX"),
  specVersion: cycloneVersion,
  serialNumber: optional(serialNumber),
  version: optional(edition),
  metadata: optional(anyObject),
  components: optional(list(anyObject)),
  services: optional(list(anyObject)),
  dependencies: optional(list(anyObject)),
  vulnerabilities: optional(list(anyObject)),
});

/** Reads a CycloneDX bill of materials of any version (in-toto cyclonedx.md). Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseCycloneDx(predicate: Json): CycloneDxBom {
  const read = bom(predicate, "predicate");
  // The schemas ask for it up to this version.
  if (read.version === undefined && Number(read.specVersion.slice(2)) <= 4)
    throw wrong("predicate.version", "a whole number from 1", null);
  return read;
}

/** As `parseCycloneDx`, for a predicate type that names this version, such as `1.4`. */
export function parseCycloneDxOf(specVersion: string): (predicate: Json) => CycloneDxBom {
  return (predicate) => {
    const read = parseCycloneDx(predicate);
    if (read.specVersion !== specVersion) throw wrong("predicate.specVersion", specVersion, read.specVersion);
    return read;
  };
}

/** The version that `makeCycloneDx` writes unless another one is given. */
export const newCycloneDxVersion = "1.6";

/** A bill of materials in its first version. Throws CORE_PREDICATE_MALFORMED. */
export function makeCycloneDx(parts: Partial<Omit<CycloneDxBom, "bomFormat">>): CycloneDxBom {
  const made = { bomFormat: "CycloneDX", specVersion: newCycloneDxVersion, version: 1, ...parts };
  return parseCycloneDx(made as unknown as Json);
}
