import {
  attempt,
  coreError,
  defaultAlgorithm,
  digestName,
  matchSubject,
  pae,
  parseStatement,
  quote,
  TrustError,
  type AlgorithmName,
  type Artifact,
  type Digest,
  type Envelope,
  type HashName,
  type Statement,
  type Subject,
  type Verifier,
} from "@countersign/core";
import type { Bundle } from "./bundle.ts";
import { sigstoreError } from "./errors.ts";
import type { SignatureKey } from "./signature-key.ts";

/** The only payload type that is read (in-toto attestation framework, envelope layer). */
export const inTotoPayload = "application/vnd.in-toto+json";

/**
 * Proves that the holder of the key signed the artifact's bytes.
 * The hash is the key's usual one, or the one the bundle names; for Ed25519 both the pure form and Ed25519ph are tried.
 * A digest that the algorithm cannot use is a usage error (CORE_DIGEST_UNUSABLE), never taken as the message.
 */
export function checkMessageSignature(
  content: MessageContent,
  artifact: Artifact,
  key: SignatureKey,
  isLogged: boolean,
): Verifier {
  const names = messageAlgorithms(defaultAlgorithm(key.spki), content.digest, isLogged);
  let problem: TrustError | undefined;
  for (const name of names) {
    const verifier = key.open(name);
    try {
      if (isArtifactSignature(verifier, artifact, content.signature)) return verifier;
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      problem ??= error;
    }
  }
  throw (
    problem ??
    sigstoreError("SIGSTORE_SIGNATURE_INVALID", {
      checked: names.join(" or "),
      got: `${content.signature.length} bytes`,
    })
  );
}

/** The half of a bundle's content that is a signature over the artifact itself. */
export type MessageContent = Extract<Bundle["content"], { kind: "message" }>;

/** Proves that the digest a bundle carries as a hint, if any, is the artifact's. */
export function checkDigestHint(content: MessageContent, artifact: Artifact): void {
  const hint = content.digest;
  if (hint === undefined) return;
  const ours = artifact.digests.find((digest) => digestName(digest) === digestName(hint));
  if (ours === undefined)
    throw sigstoreError("SIGSTORE_DIGEST_MISSING", {
      checked: "the bundle's message digest",
      expected: digestName(hint),
    });
  if (ours !== hint)
    throw sigstoreError("SIGSTORE_ARTIFACT_MISMATCH", { checked: quote(artifact.name), expected: hint, got: ours });
}

/** Proves that the holder of the key signed the envelope's payload under its type (DSSE v1, PAE). */
export function checkEnvelopeSignature(envelope: Envelope, key: SignatureKey): Verifier {
  const [only] = envelope.signatures;
  const message = pae(envelope.payloadType, envelope.payload);
  const names = envelopeAlgorithms(defaultAlgorithm(key.spki));
  for (const name of names) {
    const verifier = key.open(name);
    if (only !== undefined && verifier.verify(message, only.sig)) return verifier;
  }
  throw sigstoreError("SIGSTORE_SIGNATURE_INVALID", { checked: `envelope, ${names.join(" or ")}` });
}

/** Reads the Statement that an envelope carries; another payload type is refused. */
export function readStatement(envelope: Envelope): Statement {
  if (envelope.payloadType !== inTotoPayload) {
    throw sigstoreError("SIGSTORE_PAYLOAD_TYPE", { expected: inTotoPayload, got: quote(envelope.payloadType) });
  }
  return parseStatement(envelope.payload);
}

/** Proves that the artifact is one of the Statement's subjects (attacks.md S24), and returns that subject. */
export function checkSubject(statement: Statement, artifact: Artifact): Subject {
  const subject = matchSubject(statement, artifact.digests);
  if (subject !== undefined) return subject;
  const names = statement.subjects
    .slice(0, 3)
    .map((subject) => quote(subject.name ?? Object.values(subject.digest)[0] ?? ""));
  throw sigstoreError("SIGSTORE_SUBJECT_MISMATCH", {
    checked: `${statement.subjects.length} subjects (${names.join(", ")})`,
    expected: artifact.digests.join(" "),
  });
}

/** How an artifact must be read so that a bundle can be checked against it. */
export interface Reading {
  /** SHA-256 is always among them. */
  readonly hashes: readonly HashName[];
  /** Whether the signature is over the message itself (pure Ed25519, ML-DSA), so that no digest will do. */
  readonly wholeMessage: boolean;
}

/** What the checks of this bundle will ask of the artifact; `spki` is the key given by the caller, if any. */
export function readingOf(bundle: Bundle, spki?: Uint8Array): Reading {
  if (bundle.content.kind === "envelope")
    return { hashes: subjectHashes(bundle.content.envelope), wholeMessage: false };
  const material = bundle.material.kind === "certificate" ? bundle.material.chain[0]?.spki : spki;
  const hint = bundle.content.digest;
  const names = new Set<HashName>(["sha256"]);
  if (hint !== undefined) names.add(digestName(hint));
  const usual = material === undefined ? undefined : defaultAlgorithm(material);
  if (usual !== undefined) names.add(usualHash(usual));
  return {
    hashes: [...names],
    wholeMessage: usual !== undefined && (usual === "ed25519" || usual.startsWith("ml-dsa")),
  };
}

function subjectHashes(envelope: Envelope): readonly HashName[] {
  const subjects = attempt(() => readStatement(envelope).subjects) ?? [];
  const others = (["sha384", "sha512"] as const).filter((name) =>
    subjects.some(({ digest }) => digest[name] !== undefined),
  );
  return ["sha256", ...others];
}

function isArtifactSignature(verifier: Verifier, artifact: Artifact, signature: Uint8Array): boolean {
  if (artifact.bytes !== undefined) return verifier.verify(artifact.bytes, signature);
  const digest = artifact.digests.find((each) => digestName(each) === verifier.algorithm.hash);
  if (verifier.verifyDigest === undefined || digest === undefined) {
    throw coreError("CORE_DIGEST_UNUSABLE", {
      checked: verifier.algorithm.name,
      expected: expectedInput(verifier),
      got: artifact.digests.join(" "),
    });
  }
  return verifier.verifyDigest(digest, signature);
}

function expectedInput(verifier: Verifier): string {
  return verifier.verifyDigest === undefined
    ? "the whole message, of at most 64 MiB"
    : `a ${verifier.algorithm.hash} digest`;
}

function messageAlgorithms(
  usual: AlgorithmName,
  hint: Digest | undefined,
  isLogged: boolean,
): readonly AlgorithmName[] {
  // A log can only hold Ed25519ph, whose digest it can check; without a log the pure form is the usual one.
  if (usual === "ed25519") return isLogged ? ["ed25519ph", "ed25519"] : ["ed25519", "ed25519ph"];
  if (hint === undefined) return envelopeAlgorithms(usual);
  return withPadding(withHash(usual, digestName(hint)));
}

// Some signers hash with SHA-256 whatever the curve (sigstore-go keeps the same compatibility).
function envelopeAlgorithms(usual: AlgorithmName): readonly AlgorithmName[] {
  return [...new Set([usual, withHash(usual, "sha256")])].flatMap(withPadding);
}

// An RSA key does not say which padding it signs with.
function withPadding(name: AlgorithmName): readonly AlgorithmName[] {
  return name.startsWith("rsa-pkcs1") ? [name, name.replace("pkcs1", "pss") as AlgorithmName] : [name];
}

function withHash(name: AlgorithmName, hash: HashName): AlgorithmName {
  return name.replace(/sha(?:256|384|512)$/, hash) as AlgorithmName;
}

function usualHash(name: AlgorithmName): HashName {
  if (name.startsWith("ed25519")) return "sha512";
  return (/sha(?:256|384|512)$/.exec(name)?.[0] ?? "sha256") as HashName;
}
