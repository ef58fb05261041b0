import { quote } from "@countersign/core";
import { parseKeyFile, type LayoutKey, type Mode } from "@countersign/in-toto";
import { cliError } from "./errors.ts";

/** References with a colon may be of other kinds than files: of tokens, services, variables. */
const plainPath = /^[^:]+$/;

/**
 * Reads a public key for links and layouts from a file: PEM, securesystemslib's JSON, or an OpenPGP key. Undefined for one
 * in OpenSSH's form. Throws CLI_KEY_PRIVATE and what `parseKeyFile` throws.
 */
export function readLayoutKeyFile(bytes: Uint8Array, path: string, mode: Mode = "strict"): LayoutKey | undefined {
  const start = Buffer.from(bytes.subarray(0, 256)).toString("latin1").trimStart();
  if (/^(?:ssh-|ecdsa-|sk-)/.test(start)) return undefined;
  if (Buffer.from(bytes).includes("PRIVATE KEY-----")) throw cliError("CLI_KEY_PRIVATE", quote(path));
  return parseKeyFile(bytes, mode);
}

/** The same for a reference that can only be of a file, without loading what others need; undefined for all else. */
export function openPlainLayoutKey(
  reference: string,
  read: (path: string) => Uint8Array,
  mode: Mode,
): LayoutKey | undefined {
  return plainPath.test(reference) ? readLayoutKeyFile(read(reference), reference, mode) : undefined;
}
