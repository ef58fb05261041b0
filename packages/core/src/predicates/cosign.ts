import type { Json, JsonObject } from "../json.ts";
import { anyObject, record, text, timestamp, type Shape } from "./shape.ts";

/**
 * That an image was signed, and nothing more (cosign sign v1): all that counts is in the statement's subjects. A statement may
 * leave the predicate out then (statement.md).
 */
export function parseCosignSign(predicate: Json): JsonObject {
  return anyObject(predicate ?? {}, "predicate");
}

/** The predicate that `cosign sign` writes. */
export function makeCosignSign(): JsonObject {
  return {};
}

/** Any text, and when it was attested (cosign's custom predicate v1). */
export interface CosignCustom {
  readonly Data: string;
  readonly Timestamp: string;
}

const custom: Shape<CosignCustom> = record<CosignCustom>({ Data: text, Timestamp: timestamp });

/** Reads cosign's custom predicate. Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseCosignCustom(predicate: Json): CosignCustom {
  return custom(predicate, "predicate");
}

/** The predicate that `cosign attest-blob` makes of any file. */
export function makeCosignCustom(data: string, now: Date): CosignCustom {
  return { Data: data, Timestamp: `${now.toISOString().slice(0, 19)}Z` };
}
