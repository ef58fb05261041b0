import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const signingEntries = {
  CLI_TOKEN_MISSING: {
    kind: "usage",
    says: "there is no identity token to sign with",
    fix: "give --identity-token, set SIGSTORE_ID_TOKEN, or sign with --key",
  },
  CLI_SPIFFE_FAILED: {
    kind: "unavailable",
    says: "the SPIFFE workload API gave no token",
    fix: "check that the agent runs, that SPIFFE_ENDPOINT_SOCKET is its socket, and that this workload is registered",
  },
  CLI_TOKEN_UNREADABLE: {
    kind: "usage",
    says: "the identity token is neither a token nor a file that holds one",
    fix: "give the token itself (it begins with eyJ) or the path of a file that holds only the token",
  },
  CLI_CONSENT_NEEDED: {
    kind: "usage",
    says: "signing would publish your identity in a public log for ever, and there is no terminal to ask",
    fix: "add --yes if you agree",
  },
  CLI_CONSENT_REFUSED: {
    kind: "usage",
    says: "nothing was signed and nothing was published",
    fix: "sign with --key, or into a log of your own",
  },
  CLI_NO_SIGNING_CONFIG: {
    kind: "usage",
    says: "there are no signing services built in for this instance",
    fix: "give --signing-config FILE",
  },
} as const;

/** Of tokens, consent and services: apart from the command line's other errors, which every command loads. */
export const signingErrors: Readonly<Record<string, CatalogueEntry>> = signingEntries;
/** Makes an error of what signing needs. */
export const signingError: ErrorMaker<typeof signingEntries> = catalogue(signingEntries);
