import type { Flag } from "./flag.ts";
import { passwordFlag, type OutputOptions, type PasswordOptions } from "./options.ts";

/** What the commands below `key` take. */
export interface KeyCommandOptions extends OutputOptions, PasswordOptions {
  readonly type?: string;
  readonly output?: string;
  readonly force?: true;
  readonly newPasswordFile?: string;
  readonly dangerUnencrypted?: true;
}

/** As in @countersign/sigstore/node, which is not loaded for the help; a test compares them. */
export const keyTypeNames: readonly string[] = [
  "ecdsa-p256",
  "ecdsa-p384",
  "ecdsa-p521",
  "ed25519",
  "rsa-3072",
  "rsa-4096",
  "ml-dsa-44",
  "ml-dsa-65",
  "ml-dsa-87",
];

const outputName: Flag = {
  flags: "-o, --output <name>",
  says: "write NAME.key and NAME.pub (default: countersign)",
  group: "Output:",
};
const force: Flag = {
  flags: "--force",
  says: "replace files of these names; a key that is lost signs no more",
  group: "Output:",
};
const unencrypted: Flag = {
  flags: "--danger-unencrypted",
  says: "write the private key as it is: whoever reads the file can sign",
  group: "Output:",
};

export const keyGenerateFlags: readonly Flag[] = [
  {
    flags: "--type <type>",
    says: "the kind of key (default: ecdsa-p256; ml-dsa is experimental)",
    group: "Signing:",
    choices: keyTypeNames,
  },
  passwordFlag,
  outputName,
  force,
  { ...unencrypted, conflicts: ["password-file"] },
];

export const keyImportFlags: readonly Flag[] = [
  passwordFlag,
  {
    flags: "--new-password-file <file>",
    says: "the file that holds the new password (default: the same password)",
    group: "Identity:",
  },
  outputName,
  force,
  { ...unencrypted, conflicts: ["new-password-file"] },
];

export const keyPublicFlags: readonly Flag[] = [
  passwordFlag,
  { flags: "-o, --output <file>", says: "where to write it (default: standard output)", group: "Output:" },
  { ...force, says: "replace a file of this name" },
];

export const keyInspectFlags: readonly Flag[] = [passwordFlag];
