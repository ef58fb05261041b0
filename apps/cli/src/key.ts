import { makeVerifier, quote, TrustError, type CatalogueEntry, type Signer, type Verifier } from "@countersign/core";
import {
  isLocal,
  openSigner,
  openVerifier,
  parseKeyReference,
  readKey,
  withoutSecrets,
  type ChooseAlgorithm,
  type KeyFile,
  type KeyIo,
  type Pkcs11Package,
} from "@countersign/sigstore/node";
import { cliError, cliErrors } from "./errors.ts";
import { http, sleep } from "./http.ts";
import { readIfPresent, readSmallFile } from "./input.node.ts";
import type { PasswordOptions } from "./options.ts";
import { passwordOf, pinOf, slowOf } from "./password.ts";
import { useNetwork } from "./network.node.ts";
import type { Terminal } from "./terminal.ts";

/** What opening a key takes, of this process. */
export function keyIoOf(options: PasswordOptions, terminal: Terminal): KeyIo {
  return {
    env: terminal.env,
    http: (request) => {
      useNetwork(terminal);
      return http(request);
    },
    sleep,
    now: () => terminal.now(),
    readFile: (path) => readSmallFile(path, "key"),
    readIfPresent: (path) => readIfPresent(path, "credentials"),
    password: passwordOf(options, terminal),
    slow: slowOf(terminal),
    pin: pinOf(terminal),
    loadPkcs11,
    openCluster: async () => (await import("./cluster.node.ts")).openCluster(terminal),
  };
}

/** The package is somebody else's to install, beside the command. */
async function loadPkcs11(): Promise<Pkcs11Package> {
  const loaded = await import("pkcs11js");
  return loaded.default;
}

/**
 * Opens the private key of a reference: a file, env:// or one held by a token or service. Throws SIGSTORE_KEY_*,
 * CLI_KEY_UNUSABLE and CLI_FILE_*; no message repeats anything of the key, password, PIN or token.
 */
export async function signerOf(reference: string, io: KeyIo, algorithm?: ChooseAlgorithm): Promise<Signer> {
  try {
    return await openSigner(reference, io, algorithm === undefined ? {} : { algorithm });
  } catch (error) {
    throw privateError(error, reference);
  }
}

/** Opens the public half of a reference. Throws SIGSTORE_KEY_*, CLI_KEY_PRIVATE, CLI_KEY_UNUSABLE and CLI_FILE_*. */
export async function verifierOf(reference: string, io: KeyIo, algorithm?: ChooseAlgorithm): Promise<Verifier> {
  try {
    return await openVerifier(reference, io, algorithm === undefined ? {} : { algorithm });
  } catch (error) {
    if (error instanceof TrustError && error.code === "SIGSTORE_KEY_PRIVATE")
      throw cliError("CLI_KEY_PRIVATE", quote(withoutSecrets(reference)));
    if (!isCoreError(error)) throw error;
    throw unusable(error, reference, error.message, error);
  }
}

/** A key file that was read, and the means to read it again: it may be a pipe. */
export interface ReadKeyFile {
  readonly file: KeyFile;
  readonly again: KeyIo;
}

/**
 * Reads what a file or env:// holds, without opening it. Throws CLI_KEY_ELSEWHERE for a key that is not here,
 * SIGSTORE_KEY_*, CLI_KEY_UNUSABLE and CLI_FILE_*.
 */
export function readKeyFile(reference: string, io: KeyIo): ReadKeyFile {
  const parsed = parseKeyReference(reference);
  if (!isLocal(parsed)) throw cliError("CLI_KEY_ELSEWHERE", quote(withoutSecrets(reference)));
  const bytes = parsed.kind === "file" ? io.readFile(reference) : undefined;
  const again = bytes === undefined ? io : { ...io, readFile: () => bytes };
  try {
    return { file: readKey(parsed, again), again };
  } catch (error) {
    throw privateError(error, reference);
  }
}

/** The public half of any reference, also of a private key's file. Throws as `signerOf` and `verifierOf`. */
export async function publicHalfOf(reference: string, io: KeyIo): Promise<Verifier> {
  if (!isLocal(parseKeyReference(reference))) return verifierOf(reference, io);
  const { file, again } = readKeyFile(reference, io);
  if (file.half === "public") return verifierOf(reference, again);
  const { spki, algorithm } = await signerOf(reference, again);
  return makeVerifier(spki, algorithm.name);
}

/** Neither the cause nor its words, which may quote the key; but for what is wrong with its outside or its public half. */
export function privateError(error: unknown, reference: string): unknown {
  if (!isCoreError(error)) return error;
  const isPublic = ["CORE_KEY_UNSUPPORTED", "CORE_KEY_WEAK", "SIGSTORE_KEY_FILE_MALFORMED"].includes(error.code);
  return unusable(error, reference, isPublic ? error.message : `${error.code} when read as a private key`);
}

/** What kinds of keys there are is said by who knows them. */
function unusable({ code, fix }: TrustError, reference: string, got: string, cause?: TrustError): TrustError {
  const own = cliErrors["CLI_KEY_UNUSABLE"] as CatalogueEntry;
  const entry = code.startsWith("CORE_KEY_") ? { ...own, fix } : own;
  return new TrustError("CLI_KEY_UNUSABLE", entry, { checked: quote(withoutSecrets(reference)), got }, cause);
}

function isCoreError(error: unknown): error is TrustError {
  return (
    error instanceof TrustError && (error.code.startsWith("CORE_") || error.code === "SIGSTORE_KEY_FILE_MALFORMED")
  );
}
