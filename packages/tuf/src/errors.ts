import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";
import { engineEntries } from "./engine-error.ts";
import { fetchEntries } from "./fetch-error.ts";
import { storeEntries } from "./store-error.ts";
import { targetEntries } from "./target-error.ts";

/** The catalogue of this package, for docs/errors.md. */
export const tufErrors: Readonly<Record<string, CatalogueEntry>> = {
  ...engineEntries,
  ...storeEntries,
  ...fetchEntries,
  ...targetEntries,
};
/** Makes an error of this package's catalogue. */
export const tufError: ErrorMaker<
  typeof engineEntries & typeof storeEntries & typeof fetchEntries & typeof targetEntries
> = catalogue({
  ...engineEntries,
  ...storeEntries,
  ...fetchEntries,
  ...targetEntries,
});
