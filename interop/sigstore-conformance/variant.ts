import { parseJson, TrustError } from "@countersign/core";
import { bytesOfJson, textAt, valueAt, withAt, type Loose, type LooseObject } from "@countersign/testkit";
import type { Input } from "./case.ts";

/** A case of the suite that is not at hand, made from one that is by changing one thing. */
export interface Variant {
  /** The suite's name for it, or one of ours in the same style. */
  readonly name: string;
  /** The case it is made from. */
  readonly from: string;
  /** `allowed` or the code that names the reason. */
  readonly expected: string;
  readonly change: (input: Input, others: (name: string) => Input) => Input;
}

const proof = "verificationMaterial.tlogEntries.0.inclusionProof";
const checkpoint = `${proof}.checkpoint.envelope`;

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

type Change = Variant["change"];

function inBundle(input: Input, change: (bundle: LooseObject) => LooseObject): Input {
  return { ...input, bundle: bytesOfJson(change(parseLoose(input.bundle))) };
}

function parseLoose(bytes: Uint8Array): LooseObject {
  return structuredClone(parseJson(bytes)) as LooseObject;
}

function leaveOut(name: "key" | "trustedRoot"): Change {
  return (input) => {
    const left = { ...input };
    delete left[name];
    return left;
  };
}

function setIn(path: string, value: Loose | undefined): Change {
  return (input) => inBundle(input, (bundle) => withAt(bundle, path, value));
}

function editIn(path: string, edit: (text: string) => string): Change {
  return (input) => inBundle(input, (bundle) => withAt(bundle, path, edit(textAt(bundle, path))));
}

function takeFrom(other: string, path: string): Change {
  return (input, others) => setIn(path, valueAt(parseLoose(others(other).bundle), path))(input, others);
}

function keyOf(input: Input): Pick<Input, "key"> {
  return input.key === undefined ? {} : { key: input.key };
}

// A body that is changed no longer is what the promise and the proof are about: those come second, the reason first.
function entryBody(edit: (text: string) => string): Change {
  return editIn("verificationMaterial.tlogEntries.0.canonicalizedBody", (text) => {
    const before = Buffer.from(text, "base64").toString("utf8");
    const after = edit(before);
    if (before === after) throw new Error("the body was not changed");
    return Buffer.from(after, "utf8").toString("base64");
  });
}

function entryFrom(other: string, path: string): Change {
  const bodyPath = "verificationMaterial.tlogEntries.0.canonicalizedBody";
  return (input, others) => {
    const theirs = JSON.parse(
      Buffer.from(textAt(parseLoose(others(other).bundle), bodyPath), "base64").toString("utf8"),
    ) as Loose;
    const edit = (text: string): string =>
      JSON.stringify(withAt(JSON.parse(text) as Loose, path, valueAt(theirs, path)));
    return entryBody(edit)(input, others);
  };
}

function entryKeyFrom(other: string): Change {
  return entryFrom(other, "spec.signature.publicKey");
}

function changeLine(index: number, edit: (line: string) => string | undefined): (note: string) => string {
  return (note) =>
    note
      .split("\n")
      .flatMap((line, at) => (at === index ? (edit(line) ?? []) : line))
      .join("\n");
}

function signatureLines(edit: (lines: readonly string[]) => readonly string[]): Change {
  return editIn(checkpoint, (note) => {
    const border = note.lastIndexOf("\n\n") + 2;
    const lines = note.slice(border).split("\n").slice(0, -1);
    return (
      note.slice(0, border) +
      edit(lines)
        .map((line) => `${line}\n`)
        .join("")
    );
  });
}

/** The line with another key hint, as if the log signed with a second key. */
function otherHint(line = ""): string {
  const [dash, name, text = ""] = line.split(" ");
  return `${dash} ${name} ${flipBase64(text, 0)}`;
}

function flipBase64(text: string, at = 20): string {
  const bytes = Buffer.from(text, "base64");
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString("base64");
}

function inRoot(change: (root: LooseObject) => LooseObject): Change {
  return (input) => {
    if (input.trustedRoot === undefined)
      throw new TrustError("TEST", { kind: "usage", says: "the case brings no trust root", fix: "take another" });
    return { ...input, trustedRoot: bytesOfJson(change(parseLoose(input.trustedRoot))) };
  };
}

function windowOf(list: "tlogs" | "timestampAuthorities", validFor: LooseObject): Change {
  return inRoot((root) => ({
    ...root,
    [list]: (root[list] as LooseObject[]).map((each) =>
      list === "tlogs"
        ? { ...each, publicKey: { ...(each["publicKey"] as LooseObject), validFor } }
        : { ...each, validFor },
    ),
  }));
}

/** The log's window ends with the entry's own second, or some seconds after it. */
function endsWithEntry(seconds: number): Change {
  return (input, others) => {
    const integrated = Number(valueAt(parseLoose(input.bundle), "verificationMaterial.tlogEntries.0.integratedTime"));
    const end = new Date((integrated + seconds) * 1000).toISOString();
    return windowOf("tlogs", { start: "2021-01-12T11:53:27Z", end })(input, others);
  };
}

function withChain(input: Input): Input {
  const path = "verificationMaterial.x509CertificateChain.certificates";
  const authorities = parseLoose(input.trustedRoot as Uint8Array)["certificateAuthorities"] as LooseObject[];
  const chain = valueAt(authorities.at(-1) as LooseObject, "certChain.certificates") as Loose[];
  return inBundle(input, (bundle) => withAt(bundle, path, [...(valueAt(bundle, path) as Loose[]), ...chain]));
}
