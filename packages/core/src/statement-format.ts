import { utf8 } from "./bytes.ts";
import { parseJson } from "./json.ts";
import { parseStatement, type Statement, type Subject } from "./statement.ts";

/**
 * A Statement v1 in bytes, v0.1 for provenance 0.2. The predicate goes in as the text it is, so that no number or order of members changes.
 * Throws CORE_STATEMENT_MALFORMED for subjects or a type that `parseStatement` would refuse, and the errors of
 * `parseJson` if the text is not one JSON value.
 */
export function formatStatement(subjects: readonly Subject[], predicateType: string, predicate: string): Uint8Array {
  parseJson(predicate);
  const head = JSON.stringify({ _type: typeOf(predicateType), subject: subjects, predicateType });
  const payload = utf8(`${head.slice(0, -1)},"predicate":${predicate.trim()}}`);
  parseStatement(payload);
  return payload;
}

/** Provenance 0.2 has a Statement of its time around it (slsa.dev/provenance/v0.2), and its verifiers take no newer one. */
function typeOf(predicateType: string): Statement["type"] {
  return predicateType === "https://slsa.dev/provenance/v0.2"
    ? "https://in-toto.io/Statement/v0.1"
    : "https://in-toto.io/Statement/v1";
}
