import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const lookupEntries = {
  SIGSTORE_ENTRY_NOT_FOUND: {
    kind: "untrusted",
    says: "no entry of the signature was found in the log",
    fix: "name the log of the signer, or give its promise: --rekor-bundle",
  },
} as const;

/** Apart from the package's other errors, which every verdict loads: for who asks a log. */
export const lookupErrors: Readonly<Record<string, CatalogueEntry>> = lookupEntries;
/** Makes the error of a log that does not have what it was asked for. */
export const lookupError: ErrorMaker<typeof lookupEntries> = catalogue(lookupEntries);
