import { parsePrivateKey, quote, TrustError, type Signer } from "@countersign/core";
import type { Services } from "@countersign/sigstore";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import { textOf } from "./policy.ts";

/**
 * Reads a private key from a PEM file, to sign an artifact with these services. An Ed25519 key signs by Ed25519ph where a
 * log is to hold the signature, because logs hold digests. Throws CLI_KEY_UNUSABLE; no message repeats anything of the file.
 */
export function readSigner(path: string, services?: Services): Signer {
  const pem = textOf(readSmallFile(path, "key"), path);
  try {
    const signer = parsePrivateKey(pem);
    const isLogged = services !== undefined && services.rekor.length > 0;
    return isLogged && signer.algorithm.name === "ed25519" ? parsePrivateKey(pem, "ed25519ph") : signer;
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw cliError("CLI_KEY_UNUSABLE", { checked: quote(path), got: `${error.code} when read as a private key` });
  }
}
