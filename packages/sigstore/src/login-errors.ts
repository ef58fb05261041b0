import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

/** Errors of signing in, and of asking a CI for a token. */
const loginEntries = {
  SIGSTORE_TOKEN_MALFORMED: {
    kind: "usage",
    says: "the identity token is not an OIDC token",
    fix: "get a fresh identity token and give it as it is",
  },
  SIGSTORE_TOKEN_EXPIRED: {
    kind: "usage",
    says: "the identity token has expired",
    fix: "get a fresh identity token and sign right after; if it is fresh, check this machine's clock",
  },
  SIGSTORE_TOKEN_EARLY: {
    kind: "usage",
    says: "the identity token is not valid yet",
    fix: "check this machine's clock, or get another token",
  },
  SIGSTORE_TOKEN_AUDIENCE: {
    kind: "usage",
    says: "the identity token is for another audience",
    fix: "ask the identity provider for a token with audience sigstore",
  },
  SIGSTORE_TOKEN_ISSUER: {
    kind: "untrusted",
    says: "the identity token is of another issuer than was asked",
    fix: "do not use it; check the address of the issuer, and sign in again",
  },
  SIGSTORE_TOKEN_NONCE: {
    kind: "untrusted",
    says: "the identity token answers another sign-in than this one",
    fix: "do not use it; sign in again, and only in the window that was opened",
  },
  SIGSTORE_ISSUER_URL: {
    kind: "usage",
    says: "not the address of an issuer",
    fix: "give an https URL without query, such as https://oauth2.sigstore.dev/auth",
  },
  SIGSTORE_ISSUER_MISMATCH: {
    kind: "untrusted",
    says: "another issuer answered than was asked",
    fix: "do not sign in there; check the issuer's address, and who else could answer for it",
  },
  SIGSTORE_ISSUER_RESPONSE: {
    kind: "malformed",
    says: "the issuer's answer cannot be used",
    fix: "check that the address is that of an OpenID Connect issuer; else ask who runs it",
  },
  SIGSTORE_ISSUER_NO_DEVICE: {
    kind: "usage",
    says: "the issuer has no sign-in for machines without a browser",
    fix: "sign in on a machine with a browser, or give --identity-token",
  },
  SIGSTORE_LOGIN_STATE: {
    kind: "untrusted",
    says: "the browser brought the answer to another sign-in",
    fix: "sign in again, and only in the window that was opened",
  },
  SIGSTORE_LOGIN_DENIED: {
    kind: "usage",
    says: "nobody signed in: access was refused",
    fix: "sign in again and agree, or sign with --key",
  },
  SIGSTORE_LOGIN_REFUSED: {
    kind: "untrusted",
    says: "the issuer did not take the sign-in",
    fix: "sign in again; if it repeats, check --oidc-client-id",
  },
  SIGSTORE_LOGIN_ADDRESS: {
    kind: "usage",
    says: "the browser could not come back there: the address cannot be listened at",
    fix: "end what listens there, or register and name another address, or take --oidc-flow device",
  },
  SIGSTORE_LOGIN_EXPIRED: {
    kind: "unavailable",
    says: "nobody signed in in time",
    fix: "run it again and sign in within the time that is shown; if no browser opens here, with --oidc-flow device",
  },
  SIGSTORE_FULCIO_IDENTITY: {
    kind: "untrusted",
    says: "the certificate authority certified somebody else than the identity token names",
    fix: "check the authority's address; if its configuration names people this way, say whom by --certificate-identity and --certificate-oidc-issuer",
  },
  SIGSTORE_AMBIENT_FAILED: {
    kind: "unavailable",
    says: "this environment should give an identity token, and did not",
    fix: "look at the job's permissions, or give a token with --identity-token",
  },
} as const;

/** The catalogue of signing in, for docs/errors.md: who only verifies does not load it. */
export const loginErrors: Readonly<Record<string, CatalogueEntry>> = loginEntries;
/** Makes an error of signing in. */
export const loginError: ErrorMaker<typeof loginEntries> = catalogue(loginEntries);
