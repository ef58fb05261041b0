import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const repoEntries = {
  CLI_REPO_NOTHING_TO_SIGN: {
    kind: "usage",
    says: "the key may sign nothing of this",
    fix: "look who may sign what: countersign repo status",
  },
  CLI_REPO_YES_NEEDED: {
    kind: "usage",
    says: "nothing was signed: there is no terminal to ask whether what is shown shall be signed",
    fix: "read what is shown, then add --yes",
  },
  CLI_REPO_YES_REFUSED: { kind: "usage", says: "nothing was signed", fix: "change what is wrong, then sign" },
} as const;

/** Of a repository's author: apart from the command line's other errors, which every command loads. */
export const repoErrors: Readonly<Record<string, CatalogueEntry>> = repoEntries;
/** Makes an error of a repository's author. */
export const repoError: ErrorMaker<typeof repoEntries> = catalogue(repoEntries);
