import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const ociEntries = {
  OCI_REFERENCE_MALFORMED: {
    kind: "usage",
    says: "not an image reference",
    fix: "write it as HOST/NAME:TAG or HOST/NAME@sha256:DIGEST",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const ociErrors: Readonly<Record<string, CatalogueEntry>> = ociEntries;
/** Makes an error of this package's catalogue. */
export const ociError: ErrorMaker<typeof ociEntries> = catalogue(ociEntries);
