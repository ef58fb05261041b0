import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const devEntries = {
  CLI_DEV_NOT_RUNNING: {
    kind: "usage",
    says: "there is no local Sigstore in this folder",
    fix: "start one: countersign dev up --dir DIR",
  },
  CLI_DEV_REFUSED: { kind: "unavailable", says: "the local Sigstore refused", fix: "read what it answered" },
} as const;

/** Of a local Sigstore that is asked: apart from the command line's other errors, which every command loads. */
export const devErrors: Readonly<Record<string, CatalogueEntry>> = devEntries;
/** Makes an error of a local Sigstore. */
export const devError: ErrorMaker<typeof devEntries> = catalogue(devEntries);
