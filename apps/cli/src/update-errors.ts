import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const updateEntries = {
  CLI_UPDATE_UNTRUSTED: {
    kind: "usage",
    says: "no repository of updates is trusted here yet",
    fix: "get its root metadata in a safe way, then: countersign update trust root.json --mirror URL",
  },
  CLI_UPDATE_UNFETCHED: {
    kind: "unavailable",
    says: "this client has not fetched the metadata yet",
    fix: "fetch it: countersign update refresh",
  },
  CLI_UPDATE_INCOMPLETE: {
    kind: "untrusted",
    says: "the copy lacks a file that belongs to it",
    fix: "copy all of the repository again, for instance with countersign repo clone",
  },
  CLI_UPDATE_DAMAGED: {
    kind: "usage",
    says: "the root that this client was told to trust is damaged",
    fix: "get that root metadata again, and trust it again: countersign update trust root.json",
  },
  CLI_UPDATE_TRUSTED: {
    kind: "usage",
    says: "another root is trusted here already",
    fix: "give another --store, or --danger-replace if you mean to trust the new one instead",
  },
  CLI_UPDATE_ROOT: {
    kind: "untrusted",
    says: "the root has not the digest that was given",
    fix: "do not trust it; compare the digest with one that you got in another way",
  },
  CLI_UPDATE_PIN: {
    kind: "usage",
    says: "a root from an address is trusted only by its digest",
    fix: "give --sha256 with a digest that you got in another way, or the file itself",
  },
  CLI_UPDATE_MIRROR: {
    kind: "usage",
    says: "no mirror of the repository is known",
    fix: "say where its metadata is: --mirror URL",
  },
} as const;

/** Of software updates: apart from the command line's other errors, which every command loads. */
export const updateErrors: Readonly<Record<string, CatalogueEntry>> = updateEntries;
/** Makes an error of software updates. */
export const updateError: ErrorMaker<typeof updateEntries> = catalogue(updateEntries);
