import {
  borrowedWindow,
  type Change,
  changeLine,
  checkpoint,
  editIn,
  endsWithEntry,
  entryBody,
  entryFrom,
  entryKeyFrom,
  flipBase64,
  inRoot,
  keyOf,
  leaveOut,
  otherHint,
  proof,
  setIn,
  olderCosign,
  signatureLines,
  stamps,
  takeFrom,
  windowOf,
  withChain,
} from "./change.ts";

/** A case of the suite that is not at hand, made from one that is by changing one thing. */
export interface Variant {
  /** The suite's name for it, or one of ours in the same style. */
  readonly name: string;
  /** The case it is made from. */
  readonly from: string;
  /** `allowed` or the code that names the reason. */
  readonly expected: string;
  readonly change: Change;
}

/** The cases that can be had by editing. */
export const variants: readonly Variant[] = [
  {
    name: "bundle-empty-certificate-chain_fail",
    from: "happy-path-v0.1",
    expected: "SIGSTORE_BUNDLE_CHAIN",
    change: setIn("verificationMaterial.x509CertificateChain.certificates", []),
  },
  {
    name: "bundle-from-wrong-instance_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_LOG_UNKNOWN",
    change: leaveOut("trustedRoot"),
  },
  {
    name: "bundle-invalid-base64-signature_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_BUNDLE_MALFORMED",
    change: editIn("messageSignature.signature", (text) => `${text.slice(0, -4)}!!!!`),
  },
  {
    name: "bundle-malformed-json_fail",
    from: "happy-path-v0.2",
    expected: "CORE_JSON_MALFORMED",
    change: (input) => ({ ...input, bundle: input.bundle.subarray(0, -9) }),
  },
  {
    name: "bundle-negative-log-index_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_BUNDLE_MALFORMED",
    change: setIn("verificationMaterial.tlogEntries.0.logIndex", "-1"),
  },
  { name: "bundle-with-root-cert_fail", from: "happy-path-v0.1", expected: "SIGSTORE_BUNDLE_CHAIN", change: withChain },
  {
    name: "checkpoint-wrong-roothash_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_LOG_CHECKPOINT",
    change: editIn(
      checkpoint,
      changeLine(2, () => "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ),
  },
  {
    name: "cve-2022-36056-swapped-tlog-entry_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_BUNDLE_OLDER",
    change: olderCosign,
  },
  {
    name: "dsse-mismatch-envelope_fail",
    from: "happy-path-intoto-in-dsse-v3",
    expected: "SIGSTORE_SIGNATURE_INVALID",
    change: takeFrom("rekor2-dsse-happy-path", "dsseEnvelope.payload"),
  },
  {
    name: "dsse-mismatch-sig_fail",
    from: "happy-path-intoto-in-dsse-v3",
    expected: "SIGSTORE_SIGNATURE_INVALID",
    change: takeFrom("rekor2-dsse-happy-path", "dsseEnvelope.signatures"),
  },
  {
    name: "happy-path-v0.3-new-mediaType",
    from: "happy-path-v0.3",
    expected: "allowed",
    change: setIn("mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"),
  },
  {
    name: "happy-path-v0.3-old-mediaType",
    from: "happy-path-v0.3",
    expected: "allowed",
    change: setIn("mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.3"),
  },
  {
    name: "inclusion-proof-corrupted-hash_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_LOG_INCLUSION",
    change: setIn(`${proof}.hashes.0`, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
  },
  {
    name: "incorrect-public-key_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_ENTRY_MISMATCH",
    change: entryKeyFrom("happy-path-v0.3"),
  },
  {
    name: "integrated-time-in-future_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_LOG_PROMISE",
    change: setIn("verificationMaterial.tlogEntries.0.integratedTime", "4102444800"),
  },
  {
    name: "intoto-log-entry-mismatch_fail",
    from: "intoto-with-custom-trust-root",
    expected: "SIGSTORE_ENTRY_MISMATCH",
    change: entryBody((text) => text.replace(/("payloadHash":.*"value":")../, "$100")),
  },
  {
    name: "intoto-missing-inclusion-proof_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_BUNDLE_PROOF_MISSING",
    change: setIn(proof, undefined),
  },
  {
    name: "invalid-inclusion-proof_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_BUNDLE_PROOF_MISSING",
    change: setIn(`${proof}.checkpoint`, undefined),
  },
  {
    name: "managed-key-no-key_fail",
    from: "managed-key-happy-path",
    expected: "SIGSTORE_KEY_NEEDED",
    change: leaveOut("key"),
  },
  {
    name: "key-for-certificate_fail",
    from: "happy-path-v0.3",
    expected: "SIGSTORE_KEY_UNWANTED",
    change: (input, others) => ({ ...input, ...keyOf(others("managed-key-happy-path")) }),
  },
  {
    name: "message-digest-mismatch_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_ARTIFACT_MISMATCH",
    change: setIn("messageSignature.messageDigest.digest", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
  },
  {
    name: "rekor2-checkpoint-missing-log-signature_fail",
    from: "rekor2-checkpoint-cosigned",
    expected: "SIGSTORE_LOG_CHECKPOINT",
    change: signatureLines((lines) => lines.slice(1)),
  },
  {
    name: "rekor2-checkpoint-missing-all-signatures_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_LOG_CHECKPOINT",
    change: signatureLines(() => []),
  },
  {
    name: "rekor2-checkpoint-missing-root-hash_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_LOG_CHECKPOINT",
    change: editIn(
      checkpoint,
      changeLine(2, () => undefined),
    ),
  },
  {
    name: "rekor2-checkpoint-missing-size_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_LOG_CHECKPOINT",
    change: editIn(
      checkpoint,
      changeLine(1, () => undefined),
    ),
  },
  {
    name: "rekor2-checkpoint-multiple-cosigs",
    from: "rekor2-checkpoint-cosigned",
    expected: "allowed",
    change: signatureLines((lines) => [
      ...lines,
      ...lines.slice(1).map((line) => line.replace(/^— \S+/, "— other.witness")),
    ]),
  },
  {
    name: "rekor2-checkpoint-no-matching-signature_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_LOG_CHECKPOINT",
    change: signatureLines((lines) => lines.map((line) => line.replace(/^— \S+/, "— another.log"))),
  },
  {
    name: "rekor2-checkpoint-name-is-prefix_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_LOG_CHECKPOINT",
    change: signatureLines((lines) => lines.map((line) => line.replace(/^— (\S)\S*/, "— $1"))),
  },
  {
    name: "rekor2-checkpoint-origin-not-first",
    from: "rekor2-checkpoint-cosigned",
    expected: "allowed",
    change: signatureLines((lines) => lines.toReversed()),
  },
  {
    name: "rekor2-checkpoint-two-sigs-cosigned",
    from: "rekor2-checkpoint-cosigned",
    expected: "allowed",
    change: signatureLines((lines) => [otherHint(lines[0]), ...lines]),
  },
  {
    name: "rekor2-checkpoint-two-sigs-from-origin",
    from: "rekor2-happy-path",
    expected: "allowed",
    change: signatureLines((lines) => [otherHint(lines[0]), ...lines]),
  },
  {
    name: "rekor2-checkpoint-same-sig-twice",
    from: "rekor2-happy-path",
    expected: "allowed",
    change: signatureLines((lines) => [...lines, ...lines]),
  },
  {
    name: "rekor2-dsse-invalid-sig_fail",
    from: "rekor2-dsse-happy-path",
    expected: "SIGSTORE_SIGNATURE_INVALID",
    change: editIn("dsseEnvelope.signatures.0.sig", flipBase64),
  },
  {
    name: "rekor2-dsse-mismatch-envelope_fail",
    from: "rekor2-dsse-happy-path",
    expected: "SIGSTORE_SIGNATURE_INVALID",
    change: takeFrom("happy-path-intoto-in-dsse-v3", "dsseEnvelope.payload"),
  },
  {
    name: "rekor2-dsse-mismatch-sig_fail",
    from: "rekor2-dsse-happy-path",
    expected: "SIGSTORE_SIGNATURE_INVALID",
    change: takeFrom("happy-path-intoto-in-dsse-v3", "dsseEnvelope.signatures"),
  },
  {
    name: "rekor2-dsse-not-a-subject_fail",
    from: "rekor2-dsse-happy-path",
    expected: "SIGSTORE_SUBJECT_MISMATCH",
    change: (input) => ({ ...input, artifact: new TextEncoder().encode("another") }),
  },
  {
    name: "rekor2-no-inclusion-proof_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_BUNDLE_PROOF_MISSING",
    change: setIn(proof, undefined),
  },
  {
    name: "rekor2-timestamp-outside-trust-root-tsa-validity_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_TIMESTAMP_WINDOW",
    change: windowOf("timestampAuthorities", { start: "2000-01-01T00:00:00Z", end: "2000-01-02T00:00:00Z" }),
  },
  {
    name: "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail",
    from: "rekor2-timestamp-with-embedded-cert",
    expected: "SIGSTORE_TIMESTAMP_UNTRUSTED",
    change: inRoot((root) => ({ ...root, timestampAuthorities: [] })),
  },
  {
    name: "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_TIMESTAMP_UNTRUSTED",
    change: inRoot((root) => ({ ...root, timestampAuthorities: [] })),
  },
  {
    name: "rekor2-timestamp-wrong-tsa-validity-borrow_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_TIMESTAMP_WINDOW",
    change: borrowedWindow,
  },
  {
    name: "rekor2-timestamp-in-lines",
    from: "rekor2-timestamp-with-embedded-cert",
    expected: "allowed",
    change: editIn(`${stamps}.0.signedTimestamp`, (text) => text.replace(/.{76}/g, "$&\n")),
  },
  {
    name: "rekor2-log-window-in-the-past_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_LOG_WINDOW",
    change: windowOf("tlogs", { start: "2000-01-01T00:00:00Z", end: "2000-01-02T00:00:00Z" }),
  },
  {
    name: "trust-root-tlog-missing-validity-start_fail",
    from: "rekor2-happy-path",
    expected: "SIGSTORE_TRUST_ROOT_WINDOW",
    change: windowOf("tlogs", { end: "2099-01-01T00:00:00Z" }),
  },
  {
    name: "trust-root-tlog-validity-end-inclusive",
    from: "happy-path-v0.2",
    expected: "allowed",
    change: endsWithEntry(0),
  },
  {
    name: "trust-root-tlog-validity-end-over_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_LOG_WINDOW",
    change: endsWithEntry(-1),
  },
  {
    name: "wrong-hashedrekord-artifact_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_ENTRY_MISMATCH",
    change: entryBody((text) => text.replace(/"value":"../, '"value":"00')),
  },
  {
    name: "wrong-hashedrekord-cert-and-sig_fail",
    from: "happy-path-v0.2",
    expected: "SIGSTORE_ENTRY_MISMATCH",
    change: entryFrom("happy-path-v0.3", "spec.signature"),
  },
  {
    name: "wrong-hashedrekord-entry_fail",
    from: "happy-path-v0.3",
    expected: "SIGSTORE_ENTRY_MISMATCH",
    change: takeFrom("happy-path-v0.2", "verificationMaterial.tlogEntries"),
  },
];
