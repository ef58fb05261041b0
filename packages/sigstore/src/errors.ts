import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const sigstoreEntries = {
  // verify side (lead)
  SIGSTORE_SIGNATURE_INVALID: { kind: "untrusted", says: "the signature does not match the artifact and the signer's key", fix: "fetch the artifact and its bundle again; if it repeats, do not use the artifact" },
  SIGSTORE_ARTIFACT_MISMATCH: { kind: "untrusted", says: "the artifact is not the one that was signed", fix: "fetch the artifact again; if it repeats, do not use it" },
  SIGSTORE_SUBJECT_MISMATCH: { kind: "untrusted", says: "the artifact is not among the attestation's subjects", fix: "use the attestation that belongs to this artifact; for a digest, give the file itself if the attestation lists another digest algorithm" },
  SIGSTORE_PAYLOAD_TYPE: { kind: "untrusted", says: "the envelope does not carry an in-toto Statement", fix: "ask for an attestation whose payload type is application/vnd.in-toto+json" },
  SIGSTORE_DIGEST_MISSING: { kind: "usage", says: "the artifact's digest is not known in the algorithm the evidence uses", fix: "give the file itself instead of a digest" },
  SIGSTORE_KEY_NEEDED: { kind: "usage", says: "the bundle was signed with a key, and no key was given", fix: "give the signer's public key with --key" },
  SIGSTORE_KEY_UNWANTED: { kind: "usage", says: "the bundle was signed with a certificate, but a key was given", fix: "leave --key out and give --certificate-identity and --certificate-oidc-issuer" },
  SIGSTORE_KEY_HINT: { kind: "untrusted", says: "the bundle names another key than the one given", fix: "give the key that the bundle names, or the bundle that was signed with your key" },
  SIGSTORE_LOG_UNKNOWN: { kind: "untrusted", says: "the entry is from a log that the trust root does not know", fix: "use the trust root of the instance that made the bundle" },
  SIGSTORE_LOG_WINDOW: { kind: "untrusted", says: "the log's key was not valid at that time", fix: "update the trust root; if it is current, do not trust the entry" },
  SIGSTORE_LOG_NO_EVIDENCE: { kind: "untrusted", says: "the entry carries nothing that proves it is in the log", fix: "ask the signer for a bundle with an inclusion proof and a checkpoint" },
  SIGSTORE_LOG_PROMISE: { kind: "untrusted", says: "the log's signed promise does not verify", fix: "fetch the bundle again; if it repeats, do not trust it" },
  SIGSTORE_LOG_CHECKPOINT: { kind: "untrusted", says: "the log's checkpoint does not verify", fix: "fetch the bundle again; if it repeats, do not trust it" },
  SIGSTORE_LOG_INCLUSION: { kind: "untrusted", says: "the entry is not in the log's tree", fix: "do not trust the bundle; report it to the log's operator" },
  SIGSTORE_ENTRY_KIND: { kind: "untrusted", says: "the log entry is of a kind that is not known here", fix: "update countersign, or ask for a bundle with a hashedrekord entry" },
  SIGSTORE_ENTRY_MALFORMED: { kind: "malformed", says: "the log entry does not have the form of its kind", fix: "fetch the bundle again; if it repeats, do not trust it" },
  SIGSTORE_ENTRY_MISMATCH: { kind: "untrusted", says: "the log entry is about something else than the bundle", fix: "do not trust the bundle: the entry was taken from another signature" },
  SIGSTORE_TIMESTAMP_MALFORMED: { kind: "malformed", says: "not an RFC 3161 timestamp", fix: "fetch the bundle again; if it repeats, ask the signer for a new one" },
  SIGSTORE_TIMESTAMP_UNTRUSTED: { kind: "untrusted", says: "the timestamp is from an authority that the trust root does not know", fix: "use the trust root of the instance that made the bundle" },
  SIGSTORE_TIMESTAMP_WINDOW: { kind: "untrusted", says: "the timestamp is outside the authority's validity", fix: "update the trust root; if it is current, do not trust the timestamp" },
  SIGSTORE_TIMESTAMP_MISMATCH: { kind: "untrusted", says: "the timestamp is about another signature", fix: "do not trust the bundle: the timestamp was taken from another signature" },
  SIGSTORE_TIMESTAMP_INVALID: { kind: "untrusted", says: "the timestamp's signature does not verify", fix: "fetch the bundle again; if it repeats, do not trust it" },
  SIGSTORE_TIMESTAMP_AUTHORITY: { kind: "untrusted", says: "the timestamp authority's certificate is not fit to sign timestamps", fix: "have the trust root corrected by whoever runs the instance" },
  SIGSTORE_CERTIFICATE_UNTRUSTED: { kind: "untrusted", says: "the signer's certificate was not issued by an authority of the trust root", fix: "use the trust root of the instance that made the bundle" },
  SIGSTORE_CERTIFICATE_TIME: { kind: "untrusted", says: "the certificate was not valid when the signature was made", fix: "do not trust the signature: a short-lived key was used outside its life" },
  SIGSTORE_CERTIFICATE_USAGE: { kind: "untrusted", says: "the certificate is not fit for signing code", fix: "ask the signer to sign with a code-signing certificate" },
  SIGSTORE_CERTIFICATE_EXTENSION: { kind: "untrusted", says: "the certificate has a critical extension that is not known here", fix: "update countersign; until then the certificate cannot be judged" },
  SIGSTORE_CERTIFICATE_CHAIN: { kind: "untrusted", says: "the certificate chain breaks a rule of RFC 5280", fix: "have the trust root corrected by whoever runs the instance" },
  SIGSTORE_CERTIFICATE_IDENTITY: { kind: "untrusted", says: "the certificate does not name exactly one identity and its issuer", fix: "ask the signer to sign with a certificate that names one identity" },
  SIGSTORE_SCT_MALFORMED: { kind: "malformed", says: "the certificate's list of CT timestamps is damaged", fix: "do not trust the certificate" },
  SIGSTORE_SCT_UNKNOWN: { kind: "untrusted", says: "the certificate's CT timestamp is from a log that the trust root does not know", fix: "use the trust root of the instance that made the bundle" },
  SIGSTORE_SCT_INVALID: { kind: "untrusted", says: "the certificate's CT timestamp does not verify", fix: "do not trust the certificate: it was not shown to the CT log as it is" },
  SIGSTORE_SCT_WINDOW: { kind: "untrusted", says: "the CT log's key was not valid at that time", fix: "update the trust root; if it is current, do not trust the certificate" },
  SIGSTORE_TOO_FEW_SCTS: { kind: "untrusted", says: "too few CT logs vouch for the certificate", fix: "ask the signer to use an instance with a CT log, or lower the requirement in your policy" },
  SIGSTORE_TOO_FEW_LOG_ENTRIES: { kind: "untrusted", says: "too few transparency logs hold the signature", fix: "ask the signer for a bundle with a log entry, or lower the requirement in your policy" },
  SIGSTORE_TOO_FEW_TIMES: { kind: "untrusted", says: "too few trusted times prove when the signature was made", fix: "ask the signer for a bundle with a timestamp, or lower the requirement in your policy" },
} as const satisfies Record<string, CatalogueEntry>;

/** The catalogue of this package, for docs/errors.md. */
export const sigstoreErrors: Readonly<Record<string, CatalogueEntry>> = sigstoreEntries;
/** Makes an error of this package's catalogue. */
export const sigstoreError: ErrorMaker<typeof sigstoreEntries> = catalogue(sigstoreEntries);
