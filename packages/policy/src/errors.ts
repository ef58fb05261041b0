import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const policyEntries = {
  POLICY_NO_SIGNER: {
    kind: "usage",
    says: "the policy names nobody whose signature would count",
    fix: "give the identity and the issuer you expect, or a key; `countersign inspect BUNDLE` shows what a bundle claims",
  },
  POLICY_IDENTITY_INCOMPLETE: {
    kind: "usage",
    says: "an identity needs both a subject and an issuer",
    fix: "give --certificate-identity and --certificate-oidc-issuer together",
  },
  POLICY_PATTERN_INVALID: {
    kind: "usage",
    says: "not a pattern that can be matched in linear time",
    fix: "write an RE2 expression without look-around and back-references; it must match the whole value",
  },
  POLICY_REQUIREMENT_INVALID: {
    kind: "usage",
    says: "a required number is not a whole number from 0 to 32",
    fix: "write a whole number such as 1",
  },
  POLICY_PREDICATE_TYPE_INVALID: {
    kind: "usage",
    says: "the required predicate type is no text",
    fix: "write the whole URI of the type, such as https://slsa.dev/provenance/v1",
  },
  POLICY_TOO_FEW_SIGNERS: {
    kind: "untrusted",
    says: "fewer distinct signers than the policy asks for",
    fix: "get the missing signatures, or give the bundles that carry them",
  },
  POLICY_EXTENSION_MISMATCH: {
    kind: "untrusted",
    says: "the certificate claims something else than the policy asks for",
    fix: "check what the build was, and whether the policy names the right one",
  },
  POLICY_DENIED: {
    kind: "untrusted",
    says: "the policy denies this evidence",
    fix: "do not use it; sign the artifact again with a good key",
  },
  POLICY_DENY_UNKNOWN: {
    kind: "unavailable",
    says: "whether this evidence is denied cannot be told",
    fix: "give a bundle with an inclusion proof, which says where its log entry is",
  },
  POLICY_DENY_INVALID: {
    kind: "usage",
    says: "a row of the deny-list could never deny anything",
    fix: "write certificates as sha256:<hex>, keys by their hex key ids, logEntries with the logId in base64 and the index",
  },
  POLICY_FILE_MALFORMED: {
    kind: "usage",
    says: "not a policy",
    fix: "write it as docs/formats/policy.md explains",
  },
  POLICY_NO_CLAIMS: {
    kind: "untrusted",
    says: "no evidence could be verified",
    fix: "read the failed checks of the report; nothing may be concluded about who signed",
  },
  POLICY_IDENTITY_MISMATCH: {
    kind: "untrusted",
    says: "signed by another identity than the policy allows",
    fix: "do not use the artifact; if the signer is legitimate, name it exactly in the policy",
  },
  POLICY_ISSUER_MISMATCH: {
    kind: "untrusted",
    says: "the signer's identity was vouched for by another issuer than the policy allows",
    fix: "do not use the artifact; if the issuer is legitimate, name it exactly in the policy",
  },
  POLICY_PREDICATE_TYPE_MISMATCH: {
    kind: "untrusted",
    says: "what was signed is not an attestation of the type the policy asks for",
    fix: "give the bundle of that attestation with --bundle, or ask for the type that it has with --type",
  },
  POLICY_KEY_MISMATCH: {
    kind: "untrusted",
    says: "signed by another key than the policy allows",
    fix: "do not use the artifact; if the key is legitimate, give it with --key",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const policyErrors: Readonly<Record<string, CatalogueEntry>> = policyEntries;
/** Makes an error of this package's catalogue. */
export const policyError: ErrorMaker<typeof policyEntries> = catalogue(policyEntries);
