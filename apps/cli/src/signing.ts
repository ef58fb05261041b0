import { algorithmOf, type HashName } from "@countersign/core";
import type { SignWorld } from "@countersign/pipeline";
import type { Services, SignAs } from "@countersign/sigstore";
import { cliError } from "./errors.ts";
import { http, sleep } from "./http.ts";
import { keyAlgorithms } from "./key-algorithm.ts";
import type { SignOptions } from "./options.ts";
import { formatNote } from "./render-text.ts";
import { chooseServices } from "./services.ts";
import { readSigner } from "./signer.ts";
import type { Terminal } from "./terminal.ts";
import type { TimestampClientOptions } from "./timestamp-options.ts";
import { findTokenSource } from "./token.ts";
import { readTrust } from "./trust.ts";

/** What is signed: the files themselves, or a statement about them. */
export type Signable = "files" | "statement";

/** Everything that was chosen before the first file is signed. */
export interface Signing {
  readonly kind: SignAs["kind"];
  /** URLs of the logs that will be written to. */
  readonly logs: readonly string[];
  /** The digest that a signature over a file needs; without it the file itself is needed. */
  readonly hash?: HashName;
  /** What to sign with now; gets a token if there is none that will last. May open a socket. */
  readonly open: () => Promise<SignAs>;
  readonly world: SignWorld;
}

/** Chooses key or identity, services and trust root. Opens no socket; `open` of the result does. */
export async function makeSigning(options: SignOptions, terminal: Terminal, what: Signable): Promise<Signing> {
  const trust = await readTrust(options, { keys: [] }, terminal);
  const world: SignWorld = { http, sleep, trust, now: () => terminal.now() };
  if (options.key !== undefined) return keySigning({ options, world, what, terminal });
  const alone = options.dangerNoLog === true ? "--danger-no-log" : "--timestamp";
  if (options.dangerNoLog === true || options.timestamp === true)
    throw cliError("CLI_OPTION_CONFLICT", { checked: alone, expected: "--key beside it", got: "no --key" });
  const services = await chooseServices(options, terminal);
  noteNoLog(services, options, terminal);
  const source = findTokenSource(options, services, terminal);
  const made = keyAlgorithms.get(options.signingAlgorithm ?? "") ?? { algorithm: "ecdsa-p256-sha256" as const };
  const { audience } = source;
  const { certificateIdentity: identity, certificateOidcIssuer: issuer } = options;
  const named = { ...(identity && { identity }), ...(issuer && { issuer }) };
  return {
    kind: "keyless",
    logs: services.rekor.map((service) => service.url),
    hash: algorithmOf(made.algorithm).hash ?? "sha256",
    open: async () => ({ kind: "keyless", token: await source.token(), services, audience, named, ...made }),
    world: await calling(services, options, world),
  };
}

interface KeySigning {
  readonly options: SignOptions;
  readonly world: SignWorld;
  readonly what: Signable;
  readonly terminal: Terminal;
}

async function keySigning({ options, world, what, terminal }: KeySigning): Promise<Signing> {
  const services = await keyServices(options, terminal);
  if (options.dangerNoLog !== true) noteNoLog(services, options, terminal);
  // An envelope's Ed25519 signature is the pure one for every verifier; only a file's has to be Ed25519ph for the log.
  const shown = what === "files" ? services : undefined;
  const signer = await readSigner(options.key ?? "", shown, options, terminal);
  if (signer.algorithm.family === "ml-dsa" && options.quiet !== true)
    terminal.err(formatNote("ML-DSA is experimental here: no other Sigstore client verifies it yet", terminal));
  const as: SignAs = { kind: "key", signer, ...(services && { services }) };
  const { hash } = signer.algorithm;
  return {
    kind: "key",
    logs: (services?.rekor ?? []).map((service) => service.url),
    ...(hash !== undefined && { hash }),
    open: () => Promise.resolve(as),
    world: await calling(services, options, world),
  };
}

/** A private instance may have no log. Verifiers ask for one unless they are told. */
function noteNoLog(services: Partial<Services> | undefined, options: SignOptions, terminal: Terminal): void {
  if ((services?.rekor ?? []).length > 0 || options.quiet === true) return;
  const what = "the signing config names no log: whoever verifies needs a policy with require: { logEntries: 0 }";
  terminal.err(formatNote(what, terminal));
}

/** The world in which timestamp authorities are called as the options say. */
async function calling(
  services: Partial<Services> | undefined,
  options: SignOptions,
  world: SignWorld,
): Promise<SignWorld> {
  if (!isClientAsked(options)) return world;
  const { withClientCertificate } = await import("./client-certificate.ts");
  const urls = (services?.tsa ?? []).map(({ url }) => url);
  return { ...world, http: withClientCertificate(options, urls, world.http) };
}

/** Without a log, only timestamp authorities are asked, and they only on request. */
async function keyServices(options: SignOptions, terminal: Terminal): Promise<Services | undefined> {
  if (options.dangerNoLog !== true) {
    if (options.timestamp === true)
      throw cliError("CLI_OPTION_CONFLICT", { checked: "--timestamp", expected: "--danger-no-log beside it" });
    return chooseServices(options, terminal);
  }
  if (options.timestamp !== true) return undefined;
  const { tsa } = await chooseServices(options, terminal);
  if (tsa.length === 0)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--timestamp", got: "a signing config without an authority" });
  return { rekor: [], tsa };
}

/** Whether any of them was given: only then TLS of our own is loaded. */
function isClientAsked(options: TimestampClientOptions): boolean {
  const { timestampClientCert, timestampClientKey, timestampClientCacert, timestampServerName } = options;
  const given = [timestampClientCert, timestampClientKey, timestampClientCacert, timestampServerName];
  return given.some((each) => each !== undefined);
}
