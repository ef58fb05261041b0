import type { Signer } from "@countersign/core";
import type { Services } from "@countersign/sigstore";
import { keyIoOf, signerOf } from "./key.ts";
import type { PasswordOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Opens a private key, to sign an artifact with these services. An Ed25519 key signs by Ed25519ph where a log is to hold the
 * signature, because logs hold digests. Throws what `signerOf` throws.
 */
export function readSigner(
  reference: string,
  services: Services | undefined,
  options: PasswordOptions,
  terminal: Terminal,
): Promise<Signer> {
  const isLogged = services !== undefined && services.rekor.length > 0;
  return signerOf(reference, keyIoOf(options, terminal), (_, usual) =>
    isLogged && usual === "ed25519" ? "ed25519ph" : usual,
  );
}
