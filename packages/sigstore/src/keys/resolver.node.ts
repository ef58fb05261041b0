import { utf8, quote, type Signer, type Verifier } from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import type { Caller } from "../request.ts";
import { openAwsKey } from "./aws-kms.ts";
import { openAzureKey } from "./azure-kms.ts";
import { openGcpKey } from "./gcp-kms.ts";
import { gitlabPassword, readGitlabKey } from "./gitlab.ts";
import { readKubernetesKey, readKubernetesPublicKey, type Cluster } from "./kubernetes.ts";
import {
  openPrivateKey,
  openPublicKey,
  parseKeyFile,
  type AskPassword,
  type ChooseAlgorithm,
  type KeyFile,
  type TellSlow,
} from "./key-file.node.ts";
import { openPkcs11Key } from "./pkcs11.node.ts";
import type { Pkcs11Package } from "./pkcs11-module.node.ts";
import { openVaultKey } from "./vault.ts";
import { isLocal, parseKeyReference, type LocalReference, type RemoteReference } from "./reference.ts";
import { remoteSigner, remoteVerifier, type RemoteKey } from "./remote-key.ts";

/** What opening a key takes from outside. */
export interface KeyIo extends Caller {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The content of a file, of a bounded size; throws an error of its own. */
  readonly readFile: (path: string) => Uint8Array;
  /** The same of a file that need not be there: undefined then, and only then. */
  readonly readIfPresent: (path: string) => Uint8Array | undefined;
  readonly password: AskPassword;
  /** Is told of work that takes longer than a second, before it begins. */
  readonly slow?: TellSlow;
  /** As `password`, for the PIN of the token named; never a password that is meant for something else: a token locks. */
  readonly pin: AskPassword;
  /** Loads the package pkcs11js; rejects if it is not installed. */
  readonly loadPkcs11: () => Promise<Pkcs11Package>;
  /** The Kubernetes cluster that is meant, and who asks it; throws an error of its own. */
  readonly openCluster: () => Promise<Cluster>;
  readonly now: () => Date;
}

/** How a key is to be used. */
export interface KeyOptions {
  /** Default: the usual algorithm of the key, or the one that its holder has set for it. */
  readonly algorithm?: ChooseAlgorithm;
}

/**
 * Opens the private key of any reference that `parseKeyReference` knows, as a signer. What a token or service answers is
 * checked with the public half before it is given out. No error repeats a password, PIN, token or any of a private key.
 * Throws SIGSTORE_KEY_*, core's errors of private keys and what `io` throws.
 */
export async function openSigner(reference: string, io: KeyIo, options: KeyOptions = {}): Promise<Signer> {
  const parsed = parseKeyReference(reference);
  const opening = { ...options, ...(io.slow && { slow: io.slow }) };
  if (parsed.kind === "gitlab") {
    const file = parseKeyFile(await readGitlabKey(parsed, "COSIGN_PRIVATE_KEY", io));
    return openPrivateKey(file, reference, { password: gitlabPassword(parsed, io), ...opening });
  }
  if (parsed.kind === "k8s") {
    const { key, password } = await readKubernetesKey(parsed, io);
    return openPrivateKey(parseKeyFile(key), reference, { password, ...opening });
  }
  if (!isLocal(parsed)) return remoteSigner(await openRemote(parsed, io), options.algorithm);
  return openPrivateKey(readKey(parsed, io), nameOf(parsed), { password: io.password, ...opening });
}

/**
 * Opens the public half of any reference that `parseKeyReference` knows; of a file or variable it must be the public half
 * that is there. Throws SIGSTORE_KEY_*, core's errors of keys and what `io` throws.
 */
export async function openVerifier(reference: string, io: KeyIo, options: KeyOptions = {}): Promise<Verifier> {
  const parsed = parseKeyReference(reference);
  if (parsed.kind === "gitlab")
    return openPublicKey(parseKeyFile(await readGitlabKey(parsed, "COSIGN_PUBLIC_KEY", io)), options.algorithm);
  if (parsed.kind === "k8s")
    return openPublicKey(parseKeyFile(await readKubernetesPublicKey(parsed, io)), options.algorithm);
  if (!isLocal(parsed)) return remoteVerifier(await openRemote(parsed, io), options.algorithm);
  return openPublicKey(readKey(parsed, io), options.algorithm);
}

/** Reads what a file or variable holds, without opening it. */
export function readKey(reference: LocalReference, io: Pick<KeyIo, "env" | "readFile">): KeyFile {
  if (reference.kind === "file") return parseKeyFile(io.readFile(reference.path));
  const text = io.env[reference.name] ?? "";
  if (text === "") throw sigstoreError("SIGSTORE_KEY_VARIABLE", quote(reference.name));
  return parseKeyFile(utf8(text));
}

function openRemote(reference: RemoteReference, io: KeyIo): Promise<RemoteKey> {
  switch (reference.kind) {
    case "pkcs11":
      return openPkcs11Key(reference, io);
    case "hashivault":
      return openVaultKey(reference, io);
    case "awskms":
      return openAwsKey(reference, io);
    case "gcpkms":
      return openGcpKey(reference, io);
    case "azurekms":
      return openAzureKey(reference, io);
  }
}

function nameOf(reference: LocalReference): string {
  return reference.kind === "file" ? reference.path : `env://${reference.name}`;
}
