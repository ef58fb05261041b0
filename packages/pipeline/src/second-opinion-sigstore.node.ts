import { createPublicKey, X509Certificate, type KeyObject } from "node:crypto";
import { createRequire } from "node:module";
import { parseUtf8 } from "@countersign/core";
import type { Bundle } from "@sigstore/bundle";
import type { TrustedRoot } from "@sigstore/protobuf-specs";
import type { Signer } from "@sigstore/verify";
import type { Peer, PeerAnswer, PeerQuestion, PeerSigner } from "./second-opinion.ts";

/** The longest artifact that is kept in memory for a second opinion, in bytes. */
export const maxOpinionBytes: number = 1024 * 1024 * 1024;

/** What somebody who wants a second opinion installs beside ours. */
const packages = "@sigstore/verify @sigstore/bundle @sigstore/protobuf-specs";

/**
 * `@sigstore/verify` as a peer. Where it is not installed, one that answers `unable` and says what to install.
 * Loads nothing of it before this is called.
 */
export async function loadSigstorePeer(): Promise<Peer> {
  try {
    const libraries = await loadLibraries();
    return { name: `@sigstore/verify ${versionOf()}`, ask: (question) => answerOf(question, libraries) };
  } catch {
    const reason = `it is not installed beside countersign, or not usable in this Node: npm install ${packages}`;
    return { name: "@sigstore/verify", ask: () => ({ verdict: "unable", reason }) };
  }
}

interface Libraries {
  readonly bundles: typeof import("@sigstore/bundle");
  readonly specs: typeof import("@sigstore/protobuf-specs");
  readonly verify: typeof import("@sigstore/verify");
}

async function loadLibraries(): Promise<Libraries> {
  const [bundles, specs, verify] = await Promise.all([
    import("@sigstore/bundle"),
    import("@sigstore/protobuf-specs"),
    import("@sigstore/verify"),
  ]);
  return { bundles, specs, verify };
}

function versionOf(): string {
  const manifest = createRequire(import.meta.url)("@sigstore/verify/package.json") as { readonly version: string };
  return manifest.version;
}

/** A reason for not being able to judge, as opposed to a judgement. */
class Unable extends Error {}

/** What it throws by these names is its verdict; anything else is that it cannot cope. */
const verdicts = new Set(["VerificationError", "PolicyError"]);

function answerOf(question: PeerQuestion, libraries: Libraries): PeerAnswer {
  try {
    return { verdict: "accepts", signer: judge(question, libraries) };
  } catch (error) {
    if (error instanceof Unable) return { verdict: "unable", reason: error.message };
    if (!(error instanceof Error) || !verdicts.has(error.constructor.name)) throw error;
    const { code, message } = error as Error & { readonly code?: string };
    return { verdict: "refuses", reason: code === undefined ? message : `${code}: ${message}` };
  }
}

function judge(question: PeerQuestion, libraries: Libraries): PeerSigner {
  const root = attempt("the trust root", () => readRoot(question.roots, libraries));
  // It asks for members that a bundle need not have, so what it does not read it has not refused.
  const bundle = attempt("the bundle", () => libraries.bundles.bundleFromJSON(parse(question.bundle)));
  const { content } = bundle.verificationMaterial;
  if (content.$case === "publicKey") return judgeByKeys(question, { bundle, root }, libraries);
  const leaf = content.$case === "certificate" ? content.certificate : content.x509CertificateChain.certificates[0];
  const key = attempt("the certificate's key", () => new X509Certificate(leaf?.rawBytes ?? "").publicKey);
  const { identity } = verify(question, { bundle, root, key }, libraries);
  return {
    kind: "certificate",
    ...(identity?.subjectAlternativeName !== undefined && { identity: identity.subjectAlternativeName }),
    ...(identity?.extensions?.issuer !== undefined && { issuer: identity.extensions.issuer }),
  };
}

interface Read {
  readonly bundle: Bundle;
  readonly root: TrustedRoot;
}

/**
 * By the first of the caller's keys that it accepts. Otherwise it refuses only if it could judge by every one of them: the
 * key that it does not know may be the one that signed.
 */
function judgeByKeys(question: PeerQuestion, read: Read, libraries: Libraries): PeerSigner {
  let refusal: unknown;
  for (const { spki, algorithm } of question.keys) {
    try {
      if (/ph$|pss|^ml-dsa/.test(algorithm.name)) throw new Unable(`it does not know ${algorithm.name}`);
      const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
      verify(question, { ...read, key }, libraries);
      return { kind: "key", spki };
    } catch (error) {
      if (!(refusal instanceof Unable)) refusal = error;
    }
  }
  throw refusal ?? new Unable("no key was named for a bundle that was signed with one");
}

function verify(question: PeerQuestion, read: Read & { readonly key: KeyObject }, libraries: Libraries): Signer {
  const { bundle, root, key } = read;
  const { toSignedEntity, toTrustMaterial, Verifier } = libraries.verify;
  checkKey(key, bundle.content.$case);
  const material = attempt("a key or certificate of the trust root", () =>
    toTrustMaterial(root, () => ({ publicKey: key, validFor: () => true })),
  );
  const { scts, logEntries, times } =
    question.require[bundle.verificationMaterial.content.$case === "publicKey" ? "key" : "certificate"];
  const verifier = new Verifier(material, {
    ctlogThreshold: scts,
    tlogThreshold: logEntries,
    timestampThreshold: times,
  });
  return verifier.verify(toSignedEntity(bundle, messageOf(question, bundle)));
}

/** A signature over an artifact needs its bytes; of an envelope it has them, and does not look at the artifact. */
function messageOf({ message }: PeerQuestion, { content }: Bundle): Buffer | undefined {
  if (content.$case === "dsseEnvelope") return undefined;
  if (message === undefined) throw new Unable("it needs the artifact itself, of at most 1 GiB, not only its digest");
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

/** It answers "refused" where it only picks another hash than the key signs with: such keys are not its business. */
function checkKey(key: KeyObject, content: Bundle["content"]["$case"]): void {
  const { asymmetricKeyType: type = "secret", asymmetricKeyDetails: details } = key;
  const curve = details?.namedCurve ?? "";
  const isMessage = content === "messageSignature";
  const knows =
    type === "rsa" ||
    (type === "ed25519" && !isMessage) ||
    (type === "ec" && (curve === "prime256v1" || (isMessage && /^secp(384|521)r1$/.test(curve))));
  if (knows) return;
  throw new Unable(`it cannot judge ${isMessage ? "artifacts" : "envelopes"} signed with ${type} ${curve}`.trimEnd());
}

/** All roots as one: the lists of each, one after the other. It compares a shortened log id with whole ones, and finds none. */
function readRoot(roots: readonly Uint8Array[], { specs }: Libraries): TrustedRoot {
  if (roots.length === 0) throw new Unable("nothing was kept of it");
  const read = roots.flatMap(parseDocuments).map((document) => specs.TrustedRoot.fromJSON(document));
  const ids = read.flatMap(({ tlogs, ctlogs }) => [...tlogs, ...ctlogs]).map(({ checkpointKeyId }) => checkpointKeyId);
  if (ids.some((id) => id !== undefined && id.keyId.length < 32))
    throw new Unable("it takes a checkpointKeyId of four bytes for the id of a log");
  return {
    mediaType: read[0]?.mediaType ?? "",
    tlogs: read.flatMap(({ tlogs }) => tlogs),
    ctlogs: read.flatMap(({ ctlogs }) => ctlogs),
    certificateAuthorities: read.flatMap(({ certificateAuthorities }) => certificateAuthorities),
    timestampAuthorities: read.flatMap(({ timestampAuthorities }) => timestampAuthorities),
  };
}

/** One document, or one a line; strict UTF-8 either way, as our reader has it. */
function parseDocuments(bytes: Uint8Array): readonly unknown[] {
  const text = parseUtf8(bytes);
  try {
    return [JSON.parse(text)];
  } catch {
    const lines = text.split(/\r?\n/);
    return lines.filter((line) => line.trim() !== "").map((line): unknown => JSON.parse(line));
  }
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(parseUtf8(bytes));
}

function attempt<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Unable(`it cannot read ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
