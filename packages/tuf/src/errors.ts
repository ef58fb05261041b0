import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const tufEntries = {
  TUF_STORE_BUSY: {
    kind: "unavailable",
    says: "another process is using the store and did not finish in time",
    fix: "wait until it is done, or stop it, and try again",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const tufErrors: Readonly<Record<string, CatalogueEntry>> = tufEntries;
/** Makes an error of this package's catalogue. */
export const tufError: ErrorMaker<typeof tufEntries> = catalogue(tufEntries);
