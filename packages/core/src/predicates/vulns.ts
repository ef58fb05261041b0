import type { Json, JsonObject } from "../json.ts";
import {
  anyObject,
  anything,
  either,
  list,
  name,
  optional,
  record,
  text,
  timestamp,
  uri,
  type Shape,
} from "./shape.ts";

/** What a scanner found in an artifact (in-toto vulns 0.1 and 0.2). */
export interface VulnerabilityScan {
  readonly scanner: {
    readonly uri: string;
    readonly version?: string;
    readonly db: { readonly uri?: string; readonly version?: string; readonly lastUpdate: string };
    readonly result: readonly Vulnerability[];
  };
  readonly metadata: { readonly scanStartedOn: string; readonly scanFinishedOn: string };
}

/** One vulnerability, by its id. */
export interface Vulnerability {
  readonly id: string;
  readonly severity: readonly { readonly method: string; readonly score: string }[];
  readonly annotations?: Json;
}

type Scanner = VulnerabilityScan["scanner"];

const vulnerability: Shape<Vulnerability> = record<Vulnerability>({
  id: name,
  severity: list(record<Vulnerability["severity"][number]>({ method: name, score: text })),
  annotations: optional(anything),
});

/** Version 0.1 nests each row in `vulnerability` by its text, and does not by its example: both are read, as one. */
const nested: Shape<Vulnerability> = (value, at) => record({ vulnerability })(value, at).vulnerability;

const metadata: Shape<VulnerabilityScan["metadata"]> = record<VulnerabilityScan["metadata"]>({
  scanStartedOn: timestamp,
  scanFinishedOn: timestamp,
});

function scan(row: Shape<Vulnerability>): Shape<VulnerabilityScan> {
  return record<VulnerabilityScan>({
    scanner: record<Scanner>({
      uri,
      version: optional(text),
      db: record<Scanner["db"]>({ uri: optional(text), version: optional(text), lastUpdate: timestamp }),
      result: list(row),
    }),
    metadata,
  });
}

const first: Shape<VulnerabilityScan> = scan(either(nested, vulnerability));
const second: Shape<VulnerabilityScan> = scan(vulnerability);

/** Reads vulns 0.2 (in-toto vulns_02.md). Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseVulnerabilityScan(predicate: Json): VulnerabilityScan {
  return second(predicate, "predicate");
}

/** Reads vulns 0.1 (in-toto vulns.md); rows come out as those of 0.2 do. Throws CORE_PREDICATE_MALFORMED. */
export function parseVulnerabilityScanV01(predicate: Json): VulnerabilityScan {
  return first(predicate, "predicate");
}

/** What a scanner found, in the scanner's own form (cosign vuln v1). */
export interface CosignVulnerabilityScan {
  readonly invocation?: JsonObject;
  readonly scanner: {
    readonly uri: string;
    readonly version?: string;
    readonly db?: { readonly uri?: string; readonly version?: string };
    /** Whatever the scanner printed. */
    readonly result: Json;
  };
  readonly metadata: { readonly scanStartedOn: string; readonly scanFinishedOn: string };
}

type CosignScanner = CosignVulnerabilityScan["scanner"];

const cosign: Shape<CosignVulnerabilityScan> = record<CosignVulnerabilityScan>({
  invocation: optional(anyObject),
  scanner: record<CosignScanner>({
    uri,
    version: optional(text),
    db: optional(record<NonNullable<CosignScanner["db"]>>({ uri: optional(text), version: optional(text) })),
    result: anything,
  }),
  metadata,
});

/** Reads cosign's vuln v1 (cosign COSIGN_VULN_ATTESTATION_SPEC.md). Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseCosignVulnerabilityScan(predicate: Json): CosignVulnerabilityScan {
  return cosign(predicate, "predicate");
}

/** What a scanner found, in version 0.2. Throws CORE_PREDICATE_MALFORMED. */
export function makeVulnerabilityScan(parts: VulnerabilityScan): VulnerabilityScan {
  return parseVulnerabilityScan(parts as unknown as Json);
}

/** The same in version 0.1, its rows nested as its text has them. Throws CORE_PREDICATE_MALFORMED. */
export function makeVulnerabilityScanV01({ scanner, metadata }: VulnerabilityScan): JsonObject {
  const result = scanner.result.map((vulnerability) => ({ vulnerability }));
  const made = { scanner: { ...scanner, result }, metadata } as unknown as JsonObject;
  parseVulnerabilityScanV01(made);
  return made;
}
