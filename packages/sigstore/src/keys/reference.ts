import { parseAwsReference, type AwsReference } from "./aws-kms.ts";
import { parseAzureReference, type AzureReference } from "./azure-kms.ts";
import { parseGcpReference, type GcpReference } from "./gcp-kms.ts";
import { parseGitlabReference, type GitlabReference } from "./gitlab.ts";
import { parseKubernetesReference, type KubernetesReference } from "./kubernetes.ts";
import { parsePkcs11Uri, type Pkcs11Reference } from "./pkcs11-uri.ts";
import { referenceMalformed } from "./reference-error.ts";
import { parseVaultReference, type VaultReference } from "./vault.ts";

/** Where a key is: in a file or variable, on a token, with a service that signs with it, or in GitLab or Kubernetes, which hand it out. */
export type KeyReference = LocalReference | RemoteReference | HandedReference;

/** A key that somebody else keeps and hands out. */
export type HandedReference = GitlabReference | KubernetesReference;

/** A key that is here to be read. */
export type LocalReference =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "env"; readonly name: string };

/** A key that stays where it is. */
export type RemoteReference = Pkcs11Reference | VaultReference | AwsReference | GcpReference | AzureReference;

/** The longest reference that is read, in characters. */
export const maxReferenceChars: number = 4096;

/**
 * Parses a key reference: what begins with one of the schemes below and a colon is that, and anything without `://` is the
 * path of a file. Throws SIGSTORE_KEY_REFERENCE, also for another tool's scheme: it must not be taken for a file by accident.
 */
export function parseKeyReference(text: string): KeyReference {
  if (text.length > maxReferenceChars) throw referenceMalformed(text, `at most ${maxReferenceChars} characters`);
  if (/^pkcs11:/i.test(text)) return parsePkcs11Uri(text);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
  if (scheme === undefined) return { kind: "file", path: text };
  const read = readers.get(scheme);
  if (read === undefined) throw referenceMalformed(text, "a scheme that is known here");
  return read(text);
}

/** Whether the key itself is here to be read. */
export function isLocal(reference: KeyReference): reference is LocalReference {
  return reference.kind === "file" || reference.kind === "env";
}

/** Whether a reference is the path of a file. */
export function isFileReference(text: string): boolean {
  return !/^(?:[a-z][a-z0-9+.-]*:\/\/|pkcs11:)/i.test(text);
}

const readers: ReadonlyMap<string, (text: string) => KeyReference> = new Map<string, (text: string) => KeyReference>([
  ["env", readEnv],
  ["hashivault", parseVaultReference],
  ["awskms", parseAwsReference],
  ["gcpkms", parseGcpReference],
  ["azurekms", parseAzureReference],
  ["gitlab", parseGitlabReference],
  ["k8s", parseKubernetesReference],
]);

function readEnv(text: string): KeyReference {
  const name = text.slice("env://".length);
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(name)) throw referenceMalformed(text, "env:// and the name of a variable");
  return { kind: "env", name };
}
