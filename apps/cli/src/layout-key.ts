import {
  algorithmOfScheme,
  parseSignerFile,
  readP224Signer,
  publicKeyOf,
  inTotoError,
  type InTotoSigner,
  type LayoutKey,
  type OpenPgpSigner,
} from "@countersign/in-toto";
import { readEncryptedKey } from "@countersign/in-toto/node";
import { sigstoreError } from "@countersign/sigstore";
import { isFileReference, type ChooseAlgorithm, type KeyIo } from "@countersign/sigstore/node";
import { quote, TrustError } from "@countersign/core";
import { cliError } from "./errors.ts";
import { readLayoutKeyFile } from "./layout-key-file.ts";
import { keyIoOf, signerOf, verifierOf } from "./key.ts";
import type { EvidenceOptions } from "./evidence-options.ts";
import type { PasswordOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Opens a private key for links and layouts: any key reference, or securesystemslib's JSON and encrypted keys. Throws
 * CLI_USAGE without one, CLI_KEY_UNUSABLE, SIGSTORE_KEY_PASSWORD_NEEDED, INTOTO_KEY_PASSWORD and what `signerOf` throws; no message repeats anything of the key.
 */
export async function readInTotoSigner(
  reference: string | undefined,
  options: PasswordOptions,
  terminal: Terminal,
): Promise<InTotoSigner> {
  if (reference === undefined) throw cliError("CLI_USAGE", "required option '--key <file>' not specified");
  const io = keyIoOf(options, terminal);
  const bytes = isFileReference(reference) ? io.readFile(reference) : undefined;
  if (bytes !== undefined && startOf(bytes).startsWith("{")) return parseJsonSigner(bytes, reference);
  const encrypted = bytes === undefined ? undefined : readEncryptedKey(bytes);
  if (encrypted !== undefined) {
    const password = await io.password(reference);
    if (password === undefined) throw sigstoreError("SIGSTORE_KEY_PASSWORD_NEEDED", quote(reference));
    return withoutSecrets(reference, () => encrypted.open(password));
  }
  // P-224 is known to in-toto alone.
  const p224 = bytes === undefined ? undefined : readP224Signer(bytes);
  if (p224 !== undefined) return p224;
  const signer = await signerOf(reference, withBytes(io, bytes), inTotoAlgorithm);
  return { key: publicKeyOf(signer.spki), signer };
}

/**
 * Opens the key that signs the link of a step: GnuPG's with `--gpg`, else as `readInTotoSigner`. Throws INTOTO_OPENPGP_DSSE before
 * anything is done, the errors of GnuPG, and as `readInTotoSigner`.
 */
export async function readStepSigner(
  options: EvidenceOptions,
  terminal: Terminal,
): Promise<InTotoSigner | OpenPgpSigner> {
  const { gpg, key, dsse } = options;
  if (gpg === undefined) return readInTotoSigner(key, options, terminal);
  if (dsse === true) throw inTotoError("INTOTO_OPENPGP_DSSE", { checked: "--gpg with --dsse" });
  // Loaded here: others need none of it.
  const { gpgSignerOf } = await import("./layout-gpg.ts");
  return gpgSignerOf(gpg, options, terminal);
}

/**
 * Opens a public key for links and layouts: any key reference, securesystemslib's JSON, or an OpenPGP key.
 * Throws CLI_KEY_PRIVATE, what `parseKeyFile` throws and what `verifierOf` throws.
 */
export async function openLayoutKey(reference: string, io: KeyIo): Promise<LayoutKey> {
  const bytes = isFileReference(reference) ? io.readFile(reference) : undefined;
  const key = bytes === undefined ? undefined : readLayoutKeyFile(bytes, reference);
  return key ?? publicKeyOf((await verifierOf(reference, withBytes(io, bytes))).spki);
}

/** Opens several public keys, one after another: each may ask something. What is wrong with one is CLI_KEY_UNUSABLE here. */
export async function readLayoutKeys(references: readonly string[], io: KeyIo): Promise<LayoutKey[]> {
  const keys: LayoutKey[] = [];
  for (const reference of references) {
    const key = await openLayoutKey(reference, io).catch((error: unknown) => unusable(error, reference));
    keys.push(key);
  }
  return keys;
}

function unusable(error: unknown, reference: string): never {
  if (!(error instanceof TrustError) || !/^(?:CORE|INTOTO)_/.test(error.code)) throw error;
  throw cliError("CLI_KEY_UNUSABLE", { checked: quote(reference), got: error.message }, error);
}

/** The algorithm of the scheme by which layouts list such a key: RSA by PSS, the others by their own. */
const inTotoAlgorithm: ChooseAlgorithm = (spki) => {
  const { keytype, scheme } = publicKeyOf(spki);
  return algorithmOfScheme(keytype, scheme);
};

function parseJsonSigner(bytes: Uint8Array, path: string): InTotoSigner {
  return withoutSecrets(path, () => parseSignerFile(bytes));
}

function withoutSecrets(path: string, open: () => InTotoSigner): InTotoSigner {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof TrustError) || error.code === "INTOTO_KEY_PASSWORD") throw error;
    throw cliError("CLI_KEY_UNUSABLE", { checked: quote(path), got: `${error.code} when read as a private key` });
  }
}

/** A file is read once: it may be a pipe. */
function withBytes(io: KeyIo, bytes: Uint8Array | undefined): KeyIo {
  return bytes === undefined ? io : { ...io, readFile: () => bytes };
}

function startOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 256)).toString("latin1").trimStart();
}
