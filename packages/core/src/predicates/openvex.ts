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

/** Which vulnerabilities concern a product, by its maker's word (OpenVEX 0.2, and what is like it in 0.0.1). */
export interface OpenVex {
  readonly "@context": string;
  readonly "@id": string;
  readonly author: string;
  readonly timestamp: string;
  readonly version: number | string;
  readonly statements: readonly VexStatement[];
}

export interface VexStatement {
  readonly vulnerability: string | { readonly name: string };
  /** Inherited from the subjects if absent. */
  readonly products?: readonly (string | JsonObject)[];
  readonly status: "not_affected" | "affected" | "fixed" | "under_investigation";
  readonly justification?: VexJustification;
  readonly impact_statement?: string;
  readonly action_statement?: string;
  readonly timestamp?: string;
}

const justifications = [
  "component_not_present",
  "vulnerable_code_not_present",
  "vulnerable_code_not_in_execute_path",
  "vulnerable_code_cannot_be_controlled_by_adversary",
  "inline_mitigations_already_exist",
] as const;

export type VexJustification = (typeof justifications)[number];

const context: Shape<string> = (value, at) => {
  if (typeof value !== "string" || !/^https:\/\/openvex\.dev\/ns(?:\/v\d+\.\d+\.\d+)?$/.test(value))
    throw wrong(at, "https://openvex.dev/ns, with or without a version", value);
  return value;
};

/** A number since 0.2, text before. */
const version: Shape<number | string> = (value, at) => {
  const isWhole =
    (typeof value === "number" && Number.isSafeInteger(value) && value > 0) ||
    (typeof value === "string" && /^[1-9]\d{0,14}$/.test(value));
  if (!isWhole) throw wrong(at, "a whole number from 1", value);
  return value;
};

const rough: Shape<VexStatement> = record<VexStatement>({
  vulnerability: either<string, { readonly name: string }>(name, record<{ readonly name: string }>({ name })),
  products: optional(list(either<string, JsonObject>(name, anyObject))),
  status: oneOf("not_affected", "affected", "fixed", "under_investigation"),
  justification: optional(oneOf(...justifications)),
  impact_statement: optional(text),
  action_statement: optional(text),
  timestamp: optional(timestamp),
});

/** Who says that a vulnerability does not concern a product has to say why; who says that it does, what to do about it. */
const statement: Shape<VexStatement> = (value, at) => {
  const read = rough(value, at);
  const isExplained = read.justification !== undefined || isSaid(read.impact_statement);
  if (read.status === "not_affected" && !isExplained)
    throw wrong(at, "a justification or impact_statement for not_affected", value);
  if (read.status === "affected" && !isSaid(read.action_statement))
    throw wrong(at, "an action_statement for affected", value);
  return read;
};

function isSaid(words: string | undefined): boolean {
  return words !== undefined && words !== "";
}

const vex: Shape<OpenVex> = record<OpenVex>({
  "@context": context,
  "@id": uri,
  author: name,
  timestamp,
  version,
  statements: list(statement, 1),
});

/** Reads OpenVEX (OPENVEX-SPEC.md 0.2). Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseOpenVex(predicate: Json): OpenVex {
  return vex(predicate, "predicate");
}

/** What one has to say of vulnerabilities, in the first version of the document. Throws CORE_PREDICATE_MALFORMED. */
export function makeOpenVex(parts: Omit<OpenVex, "@context" | "version">): OpenVex {
  return parseOpenVex({ "@context": "https://openvex.dev/ns/v0.2.0", version: 1, ...parts } as unknown as Json);
}
