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
}

const artifact: Flag = {
  flags: "--artifact <file>",
  says: "the file that was signed; its digest becomes the bundle's hint",
  group: "Artifacts:",
};

const output: Flag = {
  flags: "-o, --output <file>",
  says: "where to write the bundle; nothing is replaced (default: standard output)",
  group: "Output:",
};

export const bundleUpgradeFlags: readonly Flag[] = [output];
export const bundleConvertFlags: readonly Flag[] = [artifact, output];

export const bundleCreateFlags: readonly Flag[] = [
  {
    flags: "--signature <file>",
    says: "the signature: base64, or as it is; also a DSSE envelope (default: <artifact>.sig)",
    group: "Artifacts:",
  },
  {
    flags: "--certificate <file>",
    says: "the signer's certificate as PEM; without one a key is meant",
    group: "Artifacts:",
  },
  { flags: "--certificate-chain <file>", says: "what issued it, as PEM", group: "Artifacts:" },
  {
    flags: "--rekor-bundle <file>",
    says: "the log's promise, JSON with SignedEntryTimestamp and Payload",
    group: "Artifacts:",
  },
  {
    flags: "--rfc3161-timestamp <file>",
    says: "a timestamp as cosign kept it, JSON with SignedRFC3161Timestamp",
    group: "Artifacts:",
  },
  { ...output, says: "where to write the bundle, - for standard output (default: <artifact>.sigstore.json)" },
];
