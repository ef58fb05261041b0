import { quote, TrustError, type Signer, type Verifier } from "@countersign/core";
import { openSigner, openVerifier, type ChooseAlgorithm, type KeyIo } from "@countersign/sigstore/node";
import { cliError } from "./errors.ts";
import { http, sleep } from "./http.ts";
import { readSmallFile } from "./input.node.ts";
import type { PasswordOptions } from "./options.ts";
import { passwordOf } from "./password.ts";
import type { Terminal } from "./terminal.ts";

/** What opening a key takes, of this process. */
export function keyIoOf(options: PasswordOptions, terminal: Terminal): KeyIo {
  return {
    env: terminal.env,
    http,
    sleep,
    now: () => terminal.now(),
    readFile: (path) => readSmallFile(path, "key"),
    password: passwordOf(options, terminal),
  };
}

/**
 * Opens the private key of a reference: a file, env:// or one held by a token or service. Throws SIGSTORE_KEY_*,
 * CLI_KEY_UNUSABLE and CLI_FILE_*; no message repeats anything of the key, password, PIN or token.
 */
export async function signerOf(reference: string, io: KeyIo, algorithm?: ChooseAlgorithm): Promise<Signer> {
  try {
    return await openSigner(reference, io, algorithm === undefined ? {} : { algorithm });
  } catch (error) {
    if (!isCoreError(error)) throw error;
    // Neither the cause nor its words: they may quote the key.
    throw cliError("CLI_KEY_UNUSABLE", { checked: quote(reference), got: `${error.code} when read as a private key` });
  }
}

/** Opens the public half of a reference. Throws SIGSTORE_KEY_*, CLI_KEY_PRIVATE, CLI_KEY_UNUSABLE and CLI_FILE_*. */
export async function verifierOf(reference: string, io: KeyIo, algorithm?: ChooseAlgorithm): Promise<Verifier> {
  try {
    return await openVerifier(reference, io, algorithm === undefined ? {} : { algorithm });
  } catch (error) {
    if (error instanceof TrustError && error.code === "SIGSTORE_KEY_PRIVATE")
      throw cliError("CLI_KEY_PRIVATE", quote(reference));
    if (!isCoreError(error)) throw error;
    throw cliError("CLI_KEY_UNUSABLE", { checked: quote(reference), got: error.message }, error);
  }
}

function isCoreError(error: unknown): error is TrustError {
  return (
    error instanceof TrustError && (error.code.startsWith("CORE_") || error.code === "SIGSTORE_KEY_FILE_MALFORMED")
  );
}
