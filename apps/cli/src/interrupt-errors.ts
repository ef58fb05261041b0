import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const interruptEntries = {
  CLI_INTERRUPTED: {
    kind: "unavailable",
    says: "ended by a signal before it was done; files that were written are whole",
    fix: "run it again; a log or registry may have got what was sent last, which does no harm",
  },
} as const;

/** Apart from the command line's other errors, which every command loads. */
export const interruptErrors: Readonly<Record<string, CatalogueEntry>> = interruptEntries;
/** Makes the error of a run that was interrupted. */
export const interruptError: ErrorMaker<typeof interruptEntries> = catalogue(interruptEntries);
