import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const unaskedEntries = {
  PIPELINE_PREDICATE_TYPE_UNASKED: {
    kind: "untrusted",
    says: "an attestation is taken for a signature, whatever it says: no predicate type was asked for",
    fix: "ask for the type that you want, with --type or as predicateType of the policy",
  },
} as const;

/** Of what is only warned of, and seldom: apart from the package's other errors. */
export const unaskedErrors: Readonly<Record<string, CatalogueEntry>> = unaskedEntries;
/** Makes an error of what was not asked for. */
export const unaskedError: ErrorMaker<typeof unaskedEntries> = catalogue(unaskedEntries);
