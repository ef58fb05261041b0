import type { Flag } from "./flag.ts";
import type { OutputOptions } from "./options.ts";

/** What the commands below `bundle` take. */
export interface BundleOptions extends OutputOptions {
  readonly output?: string;
  readonly artifact?: string;
  readonly signature?: string;
  readonly certificate?: string;
  readonly certificateChain?: string;
  readonly rekorBundle?: string;
  readonly rfc3161Timestamp?: string;
  readonly rekorUrl?: string;
  readonly key?: string;
}

/** Shorter than objects: these lines are loaded with every command. */
const about = (flags: string, says: string): Flag => ({ flags, says, group: "Artifacts:" });
const outputFlag = (says: string): Flag => ({ flags: "-o, --output <file>", says, group: "Output:" });

const artifact = about("--artifact <file>", "the file that was signed; its digest becomes the bundle's hint");
const rekorUrl = about("--rekor-url <url>", "ask this log of Rekor 1 for the entry or proof that is missing");
const key = about("--key <file>", "with --rekor-url: the public key that signed");
const output = outputFlag("where to write the bundle; nothing is replaced (default: standard output)");

export const bundleUpgradeFlags: readonly Flag[] = [rekorUrl, key, output];
export const bundleConvertFlags: readonly Flag[] = [artifact, rekorUrl, key, output];

export const bundleCreateFlags: readonly Flag[] = [
  about("--signature <file>", "the signature: base64, or as it is; also a DSSE envelope (default: <artifact>.sig)"),
  about("--certificate <file>", "the signer's certificate as PEM; without one a key is meant"),
  about("--certificate-chain <file>", "what issued it, as PEM"),
  about("--rekor-bundle <file>", "the log's promise, JSON with SignedEntryTimestamp and Payload"),
  about("--rfc3161-timestamp <file>", "a timestamp as cosign kept it, JSON with SignedRFC3161Timestamp"),
  rekorUrl,
  { ...key, conflicts: ["certificate"] },
  outputFlag("where to write the bundle, - for standard output (default: <artifact>.sigstore.json)"),
];
