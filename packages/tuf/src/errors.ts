import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";
import { authorEntries } from "./author-error.ts";
import { lintEntries } from "./author-lint-error.ts";
import { engineEntries } from "./engine-error.ts";
import { fetchEntries } from "./fetch-error.ts";
import { storeEntries } from "./store-error.ts";
import { targetEntries } from "./target-error.ts";

const entries = {
  ...authorEntries,
  ...lintEntries,
  ...engineEntries,
  ...storeEntries,
  ...fetchEntries,
  ...targetEntries,
};

/** The catalogue of this package, for docs/errors.md. */
export const tufErrors: Readonly<Record<string, CatalogueEntry>> = entries;
/** Makes an error of this package's catalogue. */
export const tufError: ErrorMaker<
  typeof authorEntries &
    typeof lintEntries &
    typeof engineEntries &
    typeof storeEntries &
    typeof fetchEntries &
    typeof targetEntries
> = catalogue(entries);
