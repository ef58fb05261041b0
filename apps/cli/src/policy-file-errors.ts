import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const policyFileEntries = {
  CLI_KEYID_ALONE: {
    kind: "usage",
    says: "the policy names keys by their ids alone, and no bundle carries the key",
    fix: "name the key itself in the policy, by key or pem",
  },
} as const;

/** Apart from the command line's other errors, which every command loads. */
export const policyFileErrors: Readonly<Record<string, CatalogueEntry>> = policyFileEntries;
/** Makes the error of a policy file that can be read and never met. */
export const policyFileError: ErrorMaker<typeof policyFileEntries> = catalogue(policyFileEntries);
