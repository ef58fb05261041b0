import { catalogue } from "@countersign/core";
import type { CatalogueEntry, ErrorMaker } from "@countersign/core";

const localSigstoreEntries = {
  LOCAL_SIGSTORE_REQUEST_MALFORMED: {
    kind: "malformed",
    says: "local-sigstore cannot read the request",
    fix: "send what the service's API documentation shows",
  },
  LOCAL_SIGSTORE_REQUEST_TOO_LARGE: {
    kind: "malformed",
    says: "request to local-sigstore is larger than the limit",
    fix: "send a smaller request, services take at most 4 MiB",
  },
  LOCAL_SIGSTORE_TOKEN_REFUSED: {
    kind: "untrusted",
    says: "identity token is not acceptable to the local Fulcio",
    fix: "get a fresh token from the local OIDC provider, for the audience sigstore",
  },
  LOCAL_SIGSTORE_PROOF_REFUSED: {
    kind: "untrusted",
    says: "proof of possession does not verify",
    fix: "sign the token's sub or email with the key whose certificate is asked for",
  },
  LOCAL_SIGSTORE_ENTRY_REFUSED: {
    kind: "untrusted",
    says: "log entry is not acceptable to the local Rekor",
    fix: "send a signature that verifies with the given key over the given digest",
  },
  LOCAL_SIGSTORE_CHECKPOINT_REFUSED: {
    kind: "untrusted",
    says: "witness refuses the checkpoint",
    fix: "send a checkpoint of a known log with a consistency proof from the witness's last size",
  },
  LOCAL_SIGSTORE_NOT_FOUND: {
    kind: "malformed",
    says: "local-sigstore has nothing here",
    fix: "check the URL and the method",
  },
  LOCAL_SIGSTORE_STATE_BROKEN: {
    kind: "malformed",
    says: "saved state of local-sigstore does not fit together",
    fix: "start with an empty directory",
  },
  LOCAL_SIGSTORE_PORT_UNUSABLE: {
    kind: "unavailable",
    says: "cannot listen on the loopback port",
    fix: "choose another port, or none to have a free one chosen",
  },
  LOCAL_SIGSTORE_FAULT_UNKNOWN: {
    kind: "usage",
    says: "no such fault",
    fix: "use one of the fault kinds listed in this package's README",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const localSigstoreErrors: Readonly<Record<string, CatalogueEntry>> = localSigstoreEntries;
/** Makes an error of this package's catalogue. */
export const localSigstoreError: ErrorMaker<typeof localSigstoreEntries> = catalogue(localSigstoreEntries);
