import {
  base64,
  digestName,
  digestOf,
  generateSigner,
  hash,
  pae,
  parseStatement,
  quote,
  utf8,
  type AlgorithmName,
  type Artifact,
  type Certificate,
  type Digest,
  type Envelope,
  type RsaBits,
  type Signer,
  type SignerInput,
} from "@countersign/core";
import { bundleMediaType, formatBundle, parseBundle, type Bundle, type Content, type Material } from "./bundle.ts";
import { sigstoreError } from "./errors.ts";
import { parseToken } from "./oidc.ts";
import type { Caller } from "./request.ts";
import { requestCertificate, type Named } from "./services/fulcio.ts";
import { requestEntry } from "./services/rekor.ts";
import type { Loggable } from "./services/rekor-v1.ts";
import { requestTimestamp } from "./services/tsa.ts";
import { inTotoPayload } from "./signature.ts";
import type { Service, Services } from "./signing-config.ts";
import type { LogEntry } from "./transparency-entry.ts";
import type { Log } from "./trust-root.ts";

/** Who signs: whoever the identity token names, with a key made for this one signature, or the holder of a key. */
export type SignAs =
  | {
      readonly kind: "keyless";
      readonly token: string;
      readonly services: Services;
      /** Of the key that is made; default `ecdsa-p256-sha256`. */
      readonly algorithm?: AlgorithmName;
      /** Of the key that is made, if it is RSA; default 3072. */
      readonly rsaBits?: RsaBits;
      /** Of the token; default `sigstore`. */
      readonly audience?: string;
      /** Whom the certificate must name; default what follows from the token. */
      readonly named?: Named;
    }
  | {
      readonly kind: "key";
      readonly signer: Signer;
      /** Without them the bundle has no log entry and no time. */ readonly services?: Partial<Services>;
    };

/** Is told what happens at logs, which cannot be undone, as it happens: for whoever must account for it, whatever comes of the bundle. */
export interface LogWatch {
  /** A log is about to be asked. May throw, to stop before that. */
  readonly asks: (url: string) => void;
  /** The log has an entry, proved to be about the very signature, at this index. */
  readonly has: (url: string, index: bigint) => void;
}

/** What signing takes from outside. */
export interface SignIo extends Caller {
  readonly now: () => Date;
  /** The logs of the receiver's trust root: which of them a service is tells an entry that is there already. */
  readonly logs?: readonly Log[];
  /** Looks at a new certificate before anything is signed with its key, or logged; throws to stop. */
  readonly accept?: (leaf: Certificate) => void;
  /** Judges the bundle when it lacks nothing but its log entries; throws to stop before anything is in a log. Not called where no log is asked. */
  readonly preview?: (bundle: Bundle) => void | Promise<void>;
  readonly watch?: LogWatch;
  /** Judges the finished bundle as a receiver would; nothing is returned if it throws. */
  readonly verify: (bundle: Bundle) => void | Promise<void>;
}

/**
 * Signs an artifact and returns a bundle of version 0.3 that `io.verify` has accepted. Writes to the logs of
 * `as.services`, which may be public. Each answer of a service is checked against what was asked before it is used.
 * Throws SIGSTORE_TOKEN_*, SIGSTORE_SERVICE_*, SIGSTORE_SIGN_ALGORITHM, SIGSTORE_DIGEST_MISSING, the errors of the services
 * and those of `io.verify`; none repeats a piece of a token or a private key.
 */
export async function signArtifact(artifact: Artifact, as: SignAs, io: SignIo): Promise<Bundle> {
  const services = checkServices(as);
  const signer = signerOf(as);
  const { input, digest } = inputOf(artifact, signer, services);
  const signed = await identify(as, signer, io);
  const signature = await signer.sign(input);
  const content: Content = { kind: "message", signature, digest };
  const loggable = { kind: "message", digest } as const;
  return finish({ ...signed, content, services, signature, loggable }, io);
}

/**
 * Signs an in-toto Statement (its exact bytes) as a DSSE envelope and returns a bundle, as `signArtifact` does.
 * Throws as well what `parseStatement` throws.
 */
export function signStatement(payload: Uint8Array, as: SignAs, io: SignIo): Promise<Bundle> {
  return signPayload(payload, as, io, parseStatement);
}

/**
 * As `signStatement`, for whatever goes by the payload type of in-toto: a link or layout too (ITE-5). `check` looks at the
 * bytes before any service is asked; by default nothing does.
 */
export async function signPayload(
  payload: Uint8Array,
  as: SignAs,
  io: SignIo,
  check: (payload: Uint8Array) => unknown = () => undefined,
): Promise<Bundle> {
  const services = checkServices(as);
  check(payload);
  const signer = signerOf(as);
  checkLoggable(signer, services, "envelope");
  const signed = await identify(as, signer, io);
  const signature = await signer.sign({ message: pae(inTotoPayload, payload) });
  const envelope: Envelope = { payloadType: inTotoPayload, payload, signatures: [{ keyid: "", sig: signature }] };
  const content = { kind: "envelope", envelope } as const;
  return finish({ ...signed, content, services, signature, loggable: content }, io);
}

interface Chosen {
  readonly fulcio?: Service;
  readonly rekor: readonly Service[];
  readonly tsa: readonly Service[];
}

/** The services, if they can make a bundle that anyone would accept. */
function checkServices(as: SignAs): Chosen {
  const { fulcio, rekor = [], tsa = [] } = as.services ?? {};
  if (as.kind === "key") return { rekor, tsa };
  if (fulcio === undefined) throw sigstoreError("SIGSTORE_SERVICE_NONE", { checked: "Fulcio services", got: "none" });
  const isV2 = rekor.some((each) => each.majorApiVersion === 2);
  if (isV2 && tsa.length === 0) throw sigstoreError("SIGSTORE_SERVICE_TSA_NEEDED");
  return { fulcio, rekor, tsa };
}

function signerOf(as: SignAs): Signer {
  return as.kind === "key" ? as.signer : generateSigner(as.algorithm ?? "ecdsa-p256-sha256", as.rsaBits);
}

/**
 * Logs of artifacts hold digests, so that pure Ed25519 and ML-DSA cannot be logged (client-spec §4.4). An envelope's
 * Ed25519 signature is the pure one for every verifier, which Rekor v1 logs and v2, holding digests again, does not.
 */
function checkLoggable({ algorithm }: Signer, { rekor }: Chosen, kind: Content["kind"]): void {
  const { name, family } = algorithm;
  if (kind === "envelope" && family === "ed25519ph")
    throw sigstoreError("SIGSTORE_SIGN_ALGORITHM", { checked: "envelope", got: name });
  if (rekor.length === 0 || algorithm.hash !== undefined) return;
  const isV1Envelope = kind === "envelope" && family === "ed25519" && rekor.every((each) => each.majorApiVersion === 1);
  if (!isV1Envelope) throw sigstoreError("SIGSTORE_SIGN_ALGORITHM", { checked: kind, got: name });
}

/** With the digest that the bundle tells the artifact by: where the signature is over no digest, one that all clients read. */
function inputOf(artifact: Artifact, signer: Signer, services: Chosen): { input: SignerInput; digest: Digest } {
  checkLoggable(signer, services, "message");
  const { hash: name } = signer.algorithm;
  const { bytes } = artifact;
  if (name === undefined) {
    if (bytes === undefined) throw missing(artifact, "the artifact itself, of at most 64 MiB");
    return { input: { message: bytes }, digest: digestOf("sha256", bytes) };
  }
  const known = artifact.digests.find((each) => digestName(each) === name);
  const digest = known ?? (bytes && digestOf(name, bytes));
  if (digest === undefined) throw missing(artifact, `a ${name} digest`);
  return { input: bytes === undefined ? { digest } : { message: bytes }, digest };
}

function missing(artifact: Artifact, expected: string): Error {
  return sigstoreError("SIGSTORE_DIGEST_MISSING", { checked: quote(artifact.name), expected });
}

interface Identified {
  readonly material: Material;
  readonly verifier: Loggable["verifier"];
  readonly signer: Signer;
}

async function identify(as: SignAs, signer: Signer, io: SignIo): Promise<Identified> {
  const { spki } = signer;
  if (as.kind === "key") {
    const material: Material = { kind: "key", hint: base64(hash("sha256", spki)) };
    return { signer, material, verifier: { kind: "key", der: spki, spki } };
  }
  const { audience, named } = as;
  const token = parseToken(as.token, { nowMs: io.now().getTime(), ...(audience !== undefined && { audience }) });
  const [leaf] = await requestCertificate(io, {
    url: as.services.fulcio?.url ?? "",
    token,
    signer,
    ...(named && { named }),
  });
  const certificate = leaf as Certificate;
  io.accept?.(certificate);
  return {
    signer,
    material: { kind: "certificate", chain: [certificate] },
    verifier: { kind: "certificate", der: certificate.raw, spki },
  };
}

interface Signed extends Identified {
  readonly content: Content;
  readonly signature: Uint8Array;
  readonly services: Chosen;
  readonly loggable: Loggable["content"];
}

/** What is in a log stays there: authorities come first, and what they answered is judged before a log is asked. */
async function finish(signed: Signed, io: SignIo): Promise<Bundle> {
  const { signature, verifier, signer, services, loggable, material, content } = signed;
  const timestamps = await Promise.all(services.tsa.map((each) => requestTimestamp(io, each.url, signature)));
  const unlogged: Bundle = { mediaType: bundleMediaType, version: "0.3", material, content, entries: [], timestamps };
  // A certificate cannot be judged without a time; where a log of Rekor 1 gives the only one, that is afterwards.
  const isJudged = timestamps.length > 0 || material.kind === "key";
  if (services.rekor.length > 0 && isJudged) await io.preview?.(asRead(unlogged));
  const entry = { signature, verifier, algorithm: signer.algorithm, content: loggable };
  const asked = services.rekor.map((each) => enter(each, entry, io));
  // Where one fails, what the others answer is waited for all the same: it is there for ever, and somebody may be watching.
  await Promise.allSettled(asked);
  const entries = await Promise.all(asked);
  const bundle = asRead({ ...unlogged, entries });
  await io.verify(bundle);
  return bundle;
}

async function enter(log: Service, loggable: Loggable, io: SignIo): Promise<LogEntry> {
  io.watch?.asks(log.url);
  const entry = await requestEntry(io, { ...log, known: io.logs ?? [] }, loggable);
  io.watch?.has(log.url, entry.logIndex);
  return entry;
}

/** What is judged is what will be read from the file. */
function asRead(made: Bundle): Bundle {
  return parseBundle(utf8(formatBundle(made)));
}
