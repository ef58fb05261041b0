import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";
import { keyEntries } from "./key-entry.ts";
import { trustLintEntries } from "./trust-lint-entry.ts";

const sigstoreEntries = {
  // verify side (lead)
  SIGSTORE_SIGNATURE_INVALID: {
    kind: "untrusted",
    says: "the signature does not match the artifact and the signer's key",
    fix: "fetch the artifact and its bundle again; if it repeats, do not use the artifact",
  },
  SIGSTORE_ARTIFACT_MISMATCH: {
    kind: "untrusted",
    says: "the artifact is not the one that was signed",
    fix: "fetch the artifact again; if it repeats, do not use it",
  },
  SIGSTORE_ARTIFACT_INCONSISTENT: {
    kind: "usage",
    says: "the artifact's bytes do not have the digests given with them",
    fix: "read the artifact with readArtifactFile or digestStream, or give its digest alone",
  },
  SIGSTORE_SUBJECT_MISMATCH: {
    kind: "untrusted",
    says: "the artifact is not among the attestation's subjects",
    fix: "use the attestation that belongs to this artifact; for a digest, give the file itself if the attestation lists another digest algorithm",
  },
  SIGSTORE_PAYLOAD_TYPE: {
    kind: "untrusted",
    says: "the envelope does not carry an in-toto Statement",
    fix: "ask for an attestation whose payload type is application/vnd.in-toto+json",
  },
  SIGSTORE_DIGEST_MISSING: {
    kind: "usage",
    says: "the artifact's digest is not known in the algorithm the evidence uses",
    fix: "give the file itself instead of a digest",
  },
  SIGSTORE_KEY_NEEDED: {
    kind: "usage",
    says: "the bundle was signed with a key, and no key was given",
    fix: "give the signer's public key with --key",
  },
  SIGSTORE_KEY_UNWANTED: {
    kind: "usage",
    says: "the bundle was signed with a certificate, but a key was given",
    fix: "leave --key out and give --certificate-identity and --certificate-oidc-issuer",
  },
  SIGSTORE_KEY_HINT: {
    kind: "untrusted",
    says: "the bundle names another key than the one given",
    fix: "give the key that the bundle names, or the bundle that was signed with your key",
  },
  SIGSTORE_LOG_UNKNOWN: {
    kind: "untrusted",
    says: "the entry is from a log that the trust root does not know",
    fix: "use the trust root of the instance that made the bundle",
  },
  SIGSTORE_LOG_WINDOW: {
    kind: "untrusted",
    says: "the log's key was not valid at that time",
    fix: "update the trust root; if it is current, do not trust the entry",
  },
  SIGSTORE_LOG_NO_EVIDENCE: {
    kind: "untrusted",
    says: "the entry carries nothing that proves it is in the log",
    fix: "ask the signer for a bundle with an inclusion proof and a checkpoint",
  },
  SIGSTORE_LOG_PROMISE: {
    kind: "untrusted",
    says: "the log's signed promise does not verify",
    fix: "fetch the bundle again; if it repeats, do not trust it",
  },
  SIGSTORE_LOG_CHECKPOINT: {
    kind: "untrusted",
    says: "the log's checkpoint does not verify",
    fix: "fetch the bundle again; if it repeats, do not trust it",
  },
  SIGSTORE_LOG_INCLUSION: {
    kind: "untrusted",
    says: "the entry is not in the log's tree",
    fix: "do not trust the bundle; report it to the log's operator",
  },
  SIGSTORE_ENTRY_KIND: {
    kind: "untrusted",
    says: "the log entry is of a kind that is not known here",
    fix: "update countersign, or ask for a bundle with a hashedrekord entry",
  },
  SIGSTORE_ENTRY_MALFORMED: {
    kind: "malformed",
    says: "the log entry does not have the form of its kind",
    fix: "fetch the bundle again; if it repeats, do not trust it",
  },
  SIGSTORE_ENTRY_MISMATCH: {
    kind: "untrusted",
    says: "the log entry is about something else than the bundle",
    fix: "do not trust the bundle: the entry was taken from another signature",
  },
  SIGSTORE_TIMESTAMP_MALFORMED: {
    kind: "malformed",
    says: "not an RFC 3161 timestamp",
    fix: "fetch the bundle again; if it repeats, ask the signer for a new one",
  },
  SIGSTORE_TIMESTAMP_UNTRUSTED: {
    kind: "untrusted",
    says: "the timestamp is from an authority that the trust root does not know",
    fix: "use the trust root of the instance that made the bundle",
  },
  SIGSTORE_TIMESTAMP_WINDOW: {
    kind: "untrusted",
    says: "the timestamp is outside the authority's validity",
    fix: "update the trust root; if it is current, do not trust the timestamp",
  },
  SIGSTORE_TIMESTAMP_MISMATCH: {
    kind: "untrusted",
    says: "the timestamp is about another signature",
    fix: "do not trust the bundle: the timestamp was taken from another signature",
  },
  SIGSTORE_TIMESTAMP_INVALID: {
    kind: "untrusted",
    says: "the timestamp's signature does not verify",
    fix: "fetch the bundle again; if it repeats, do not trust it",
  },
  SIGSTORE_TIMESTAMP_AUTHORITY: {
    kind: "untrusted",
    says: "the timestamp authority's certificate is not fit to sign timestamps",
    fix: "have the trust root corrected by whoever runs the instance",
  },
  SIGSTORE_CERTIFICATE_UNTRUSTED: {
    kind: "untrusted",
    says: "the signer's certificate was not issued by an authority of the trust root",
    fix: "use the trust root of the instance that made the bundle",
  },
  SIGSTORE_CERTIFICATE_TIME: {
    kind: "untrusted",
    says: "the certificate was not valid when the signature was made",
    fix: "do not trust the signature: a short-lived key was used outside its life",
  },
  SIGSTORE_CERTIFICATE_USAGE: {
    kind: "untrusted",
    says: "the certificate is not fit for signing code",
    fix: "ask the signer to sign with a code-signing certificate",
  },
  SIGSTORE_CERTIFICATE_EXTENSION: {
    kind: "untrusted",
    says: "the certificate has a critical extension that is not known here",
    fix: "update countersign; until then the certificate cannot be judged",
  },
  SIGSTORE_CERTIFICATE_CHAIN: {
    kind: "untrusted",
    says: "the certificate chain breaks a rule of RFC 5280",
    fix: "have the trust root corrected by whoever runs the instance",
  },
  SIGSTORE_CERTIFICATE_IDENTITY: {
    kind: "untrusted",
    says: "the certificate does not name exactly one identity and its issuer",
    fix: "ask the signer to sign with a certificate that names one identity",
  },
  SIGSTORE_SCT_MALFORMED: {
    kind: "malformed",
    says: "the certificate's list of CT timestamps is damaged",
    fix: "do not trust the certificate",
  },
  SIGSTORE_SCT_UNKNOWN: {
    kind: "untrusted",
    says: "the certificate's CT timestamp is from a log that the trust root does not know",
    fix: "use the trust root of the instance that made the bundle",
  },
  SIGSTORE_SCT_INVALID: {
    kind: "untrusted",
    says: "the certificate's CT timestamp does not verify",
    fix: "do not trust the certificate: it was not shown to the CT log as it is",
  },
  SIGSTORE_SCT_WINDOW: {
    kind: "untrusted",
    says: "the CT log's key was not valid at that time",
    fix: "update the trust root; if it is current, do not trust the certificate",
  },
  SIGSTORE_TOO_FEW_SCTS: {
    kind: "untrusted",
    says: "too few CT logs vouch for the certificate",
    fix: "ask the signer to use an instance with a CT log, or lower the requirement in your policy",
  },
  SIGSTORE_TOO_FEW_LOG_ENTRIES: {
    kind: "untrusted",
    says: "too few transparency logs hold the signature",
    fix: "ask the signer for a bundle with a log entry, or lower the requirement in your policy",
  },
  SIGSTORE_TOO_FEW_TIMES: {
    kind: "untrusted",
    says: "too few trusted times prove when the signature was made",
    fix: "ask the signer for a bundle with a timestamp, or lower the requirement in your policy",
  },
  // formats: bundle, trust root, signing config
  SIGSTORE_BUNDLE_MALFORMED: {
    kind: "malformed",
    says: "not a Sigstore bundle",
    fix: "fetch the bundle again; if it repeats, ask the signer for a new one",
  },
  SIGSTORE_BUNDLE_OLDER: {
    kind: "malformed",
    says: "a signature as older cosign kept it, not a Sigstore bundle",
    fix: "make one of it: countersign bundle convert FILE; of a .sig and a .pem: countersign bundle create ARTIFACT",
  },
  SIGSTORE_BUNDLE_VERSION: {
    kind: "malformed",
    says: "the bundle is of a version that is not known here",
    fix: "update countersign, or ask the signer for a bundle of version 0.3",
  },
  SIGSTORE_BUNDLE_CHAIN: {
    kind: "malformed",
    says: "the bundle's certificates are not those its version allows",
    fix: "ask the signer for a bundle with the signing certificate alone",
  },
  SIGSTORE_BUNDLE_PROOF_MISSING: {
    kind: "malformed",
    says: "a log entry lacks the proof that the bundle's version demands",
    fix: "ask the signer for a bundle with an inclusion proof and a checkpoint",
  },
  SIGSTORE_BUNDLE_SIGNATURES: {
    kind: "malformed",
    says: "the envelope does not carry exactly one signature",
    fix: "ask the signer for one bundle a signature",
  },
  SIGSTORE_ENVELOPE_NEEDED: {
    kind: "malformed",
    says: "the bundle signs an artifact where a signed document is needed",
    fix: "give a bundle with a DSSE envelope in it",
  },
  SIGSTORE_BUNDLE_NOT_UPGRADABLE: {
    kind: "usage",
    says: "bundles of version 0.3 must prove that the log has the entry, and this one does not",
    fix: "keep the bundle, verify takes it; or ask the log: --rekor-url",
  },
  SIGSTORE_DETACHED_MALFORMED: {
    kind: "malformed",
    says: "not a signature as cosign kept it before there were bundles",
    fix: "sign again, or read the signature with the tool that wrote it",
  },
  SIGSTORE_DETACHED_UNFIT: {
    kind: "usage",
    says: "the older layouts have no room for this log entry",
    fix: "sign into a log of Rekor 1, or leave --legacy out",
  },
  SIGSTORE_LOG_UNWITNESSED: {
    kind: "untrusted",
    says: "the witnesses that you ask for have not seen the log's tree",
    fix: "use a bundle of a witnessed log, or ask for fewer witnesses",
  },
  SIGSTORE_BUNDLE_HINT: {
    kind: "malformed",
    says: "the bundle and its envelope name different keys",
    fix: "do not trust the bundle; ask the signer for a new one",
  },
  SIGSTORE_KEY_DETAILS: {
    kind: "malformed",
    says: "a public key algorithm that is not known here",
    fix: "update countersign, or use a key of a common algorithm",
  },
  SIGSTORE_TRUST_ROOT_MALFORMED: {
    kind: "malformed",
    says: "not a Sigstore trust root",
    fix: "fetch the trust root again from whoever runs the instance",
  },
  SIGSTORE_TRUST_ROOT_VERSION: {
    kind: "malformed",
    says: "the trust root is of a version that is not known here",
    fix: "update countersign, or ask for a trust root of version 0.1 or 0.2",
  },
  SIGSTORE_TRUST_ROOT_WINDOW: {
    kind: "malformed",
    says: "a validity window of the trust root is missing or broken",
    fix: "have the trust root corrected by whoever runs the instance",
  },
  SIGSTORE_TRUST_ROOT_MEMBER: {
    kind: "malformed",
    says: "the trust root has a member that is not known here and was passed over",
    fix: "update countersign if evidence is refused that should not be",
  },
  SIGSTORE_TRUST_ROOT_LOG_SKIPPED: {
    kind: "malformed",
    says: "a log of the trust root cannot be used and was passed over",
    fix: "update countersign, or have the trust root corrected, if evidence of this log is refused",
  },
  SIGSTORE_TRUST_ROOT_AUTHORITY_SKIPPED: {
    kind: "malformed",
    says: "an authority of the trust root cannot be used and was passed over",
    fix: "have the trust root corrected, if evidence of this authority is refused",
  },
  SIGSTORE_SIGNING_CONFIG_MALFORMED: {
    kind: "malformed",
    says: "not a Sigstore signing config",
    fix: "fetch the signing config again from whoever runs the instance",
  },
  SIGSTORE_SIGNING_CONFIG_VERSION: {
    kind: "malformed",
    says: "the signing config is of a version that is not known here",
    fix: "update countersign, or ask for a signing config of version 0.2",
  },
  SIGSTORE_SIGNING_CONFIG_MEMBER: {
    kind: "malformed",
    says: "the signing config has a member that is not known here and was passed over",
    fix: "update countersign if a service is not found that should be",
  },
  SIGSTORE_SERVICE_NONE: {
    kind: "usage",
    says: "the signing config names no service that can be used now",
    fix: "update the signing config: countersign trust update, or ask whoever runs the instance",
  },
  SIGSTORE_SERVICE_TOO_FEW: {
    kind: "usage",
    says: "the signing config asks for more services than can be used now",
    fix: "update the signing config, or lower its count",
  },
  SIGSTORE_SERVICE_TSA_NEEDED: {
    kind: "usage",
    says: "a certificate in a Rekor v2 log needs a timestamp, and no timestamp authority is named",
    fix: "name a timestamp authority in the signing config",
  },
  // sign side
  SIGSTORE_SIGN_ALGORITHM: {
    kind: "usage",
    says: "a signature of this algorithm cannot be logged or verified in this form",
    fix: "sign with an ECDSA key, RSA with SHA-256 or Ed25519ph, or without a log",
  },
  SIGSTORE_HTTP_UNAVAILABLE: { kind: "unavailable", says: "a service cannot answer now", fix: "try again later" },
  SIGSTORE_HTTP_REFUSED: {
    kind: "usage",
    says: "a service refused the request",
    fix: "check the service's address, and the identity token if it was sent one",
  },
  SIGSTORE_HTTP_TOO_LARGE: {
    kind: "malformed",
    says: "a service sent more than the limit",
    fix: "check that the address is the service you mean",
  },
  SIGSTORE_FULCIO_RESPONSE: {
    kind: "untrusted",
    says: "the certificate authority did not answer with a certificate for our key",
    fix: "check the address of the certificate authority; nothing was written",
  },
  SIGSTORE_REKOR_RESPONSE: {
    kind: "untrusted",
    says: "the log did not answer with the entry that was sent",
    fix: "check the address of the log; nothing was written, though the log may have the entry",
  },
  SIGSTORE_REKOR_DUPLICATE: {
    kind: "unavailable",
    says: "the log has this signature already, and its entry cannot be read",
    fix: "use the first bundle, or an ECDSA key, which never signs alike twice",
  },
  SIGSTORE_TSA_RESPONSE: {
    kind: "untrusted",
    says: "the timestamp authority did not stamp our signature",
    fix: "check the address of the timestamp authority; nothing was written",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const sigstoreErrors: Readonly<Record<string, CatalogueEntry>> = {
  ...sigstoreEntries,
  ...keyEntries,
  ...trustLintEntries,
};
/** Makes an error of this package's catalogue, but for those of signing in (`loginError`). */
export const sigstoreError: ErrorMaker<typeof sigstoreEntries & typeof keyEntries & typeof trustLintEntries> =
  catalogue({
    ...sigstoreEntries,
    ...keyEntries,
    ...trustLintEntries,
  });
