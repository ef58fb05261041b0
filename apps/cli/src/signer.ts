import { parsePrivateKey, quote, TrustError, type Signer } from "@countersign/core";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import { textOf } from "./policy.ts";

/** Reads a private key from a PEM file. Throws CLI_KEY_UNUSABLE; no message repeats anything of the file. */
export function readSigner(path: string): Signer {
  const pem = textOf(readSmallFile(path, "key"), path);
  try {
    return parsePrivateKey(pem);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw cliError("CLI_KEY_UNUSABLE", { checked: quote(path), got: `${error.code} when read as a private key` });
  }
}
