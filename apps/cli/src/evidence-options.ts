import type { Flag } from "./flag.ts";
import { exactIdentityFlags, type ExactIdentityOptions } from "./identity-options.ts";
import {
  keylessFlags,
  passwordFlag,
  trustFlags,
  type OutputOptions,
  type PasswordOptions,
  type SignOptions,
  type TrustOptions,
} from "./options.ts";

/** What commands take that record artifacts. */
export interface ArtifactOptions extends OutputOptions {
  readonly exclude?: readonly string[];
  readonly recordAll?: true;
  readonly basePath?: string;
  readonly lstrip?: readonly string[];
  readonly hash?: readonly string[];
  readonly followLinks?: true;
  readonly normalizeLineEndings?: true;
}

/** What commands take that can sign as an identity. */
export type KeylessOptions = Omit<SignOptions, "bundle" | "dangerNoLog"> & { readonly keyless?: true };

/** Where the keys of GnuPG are. */
export interface GpgHomeOptions {
  readonly gpgHome?: string;
}

/** What commands take that can sign with one of them. */
export interface GpgOptions extends GpgHomeOptions {
  /** `true`: its default key. */
  readonly gpg?: string | true;
}

/** What commands take that write a link. */
export interface EvidenceOptions extends ArtifactOptions, PasswordOptions, GpgOptions, Omit<KeylessOptions, "key"> {
  readonly stepName?: string;
  readonly key?: string;
  readonly materials?: readonly string[];
  readonly products?: readonly string[];
  readonly metadataDir?: string;
  readonly dsse?: true;
  readonly statement?: true;
  readonly certificate?: string;
  readonly recordStreams?: true;
  readonly timeout?: number;
  readonly passEnv?: readonly string[];
  readonly recordEnv?: readonly string[];
  readonly runId?: string;
  readonly commit?: string;
}

export interface MatchProductsOptions extends ArtifactOptions, TrustOptions, ExactIdentityOptions {
  readonly key?: readonly string[];
  readonly path?: readonly string[];
}

export interface LayoutInitOptions extends OutputOptions {
  readonly functionary?: readonly string[];
  readonly validDays?: number;
  readonly expires?: string;
  readonly readme?: string;
  readonly product?: string;
  readonly output?: string;
}

export interface LayoutSignOptions
  extends OutputOptions, PasswordOptions, GpgOptions, ExactIdentityOptions, Omit<KeylessOptions, "key"> {
  readonly key?: readonly string[];
  readonly append?: true;
  readonly dsse?: true;
  readonly verify?: true;
  readonly expires?: string;
  readonly output?: string;
}

export interface LayoutGraphOptions extends OutputOptions {
  readonly format?: string;
  readonly report?: string;
  readonly output?: string;
}

const artifactFlags: readonly Flag[] = [
  {
    flags: "--exclude <pattern...>",
    says: "leave these out, as lines of .gitignore (default: '*.link*' '.git' '*.pyc' '*~')",
    group: "Artifacts:",
    takes: "many",
  },
  { flags: "--record-all", says: "leave out nothing", group: "Artifacts:", conflicts: ["exclude"] },
  { flags: "--base-path <dir>", says: "record paths relative to this directory", group: "Artifacts:" },
  {
    flags: "--lstrip <prefix...>",
    says: "strip this from the beginning of recorded paths",
    group: "Artifacts:",
    takes: "many",
  },
  {
    flags: "--hash <name...>",
    says: "the hashes to record (default: sha256)",
    group: "Artifacts:",
    takes: "many",
    choices: ["sha256", "sha384", "sha512", "gitoid:blob:sha256"],
  },
  { flags: "--follow-links", says: "record what links to directories lead to, too", group: "Artifacts:" },
  { flags: "--normalize-line-endings", says: "hash text as if every line ended in LF", group: "Artifacts:" },
];

const stepName: Flag = { flags: "-n, --step-name <name>", says: "the step, as the layout calls it", group: "Step:" };
const key: Flag = {
  flags: "-k, --key <file>",
  says: "sign with this private key: a file (also securesystemslib's JSON) or a key reference",
  group: "Step:",
};
const gpgHome: Flag = {
  flags: "--gpg-home <dir>",
  says: "the directory of GnuPG's keyring (default: its own)",
  group: "Step:",
};
const gpgFlags: readonly Flag[] = [
  {
    flags: "--gpg [keyid]",
    says: "sign by GnuPG with this OpenPGP key of its keyring (default: its default key)",
    group: "Step:",
    conflicts: ["key", "keyless", "identity-token", "certificate", "statement"],
  },
  gpgHome,
];
const materials: Flag = {
  flags: "-m, --materials <path...>",
  says: "what the step uses, recorded before it: files, directories, and dir:, ostree: or oci: with a name",
  group: "Artifacts:",
  takes: "many",
};
const products: Flag = {
  flags: "-p, --products <path...>",
  says: "what the step makes, recorded after it, named in the same way",
  group: "Artifacts:",
  takes: "many",
};
const metadataDir: Flag = {
  flags: "-d, --metadata-dir <dir>",
  says: "where the link is written (default: here)",
  group: "Output:",
};
const dsse: Flag = { flags: "--dsse", says: "write a DSSE envelope instead of a Metablock", group: "Output:" };
const recordEnv: Flag = {
  flags: "--record-env <name...>",
  says: "say in the link what these environment variables hold",
  group: "Step:",
  takes: "many",
};
const runFlags: readonly Flag[] = [
  { flags: "--run-id <id>", says: "say in the link which run of the whole chain this is", group: "Step:" },
  { flags: "--commit <id>", says: "say in the link which source revision this is", group: "Step:" },
];
const commandFlags: readonly Flag[] = [
  {
    flags: "-s, --record-streams",
    says: "put what the command prints into the link; not for secrets",
    group: "Step:",
  },
  {
    flags: "--timeout <seconds>",
    says: "end the command after this long; no link then",
    group: "Step:",
    takes: "seconds",
  },
  {
    flags: "--pass-env <name...>",
    says: "give the command only PATH and these environment variables (default: all)",
    group: "Step:",
    takes: "many",
  },
];

export const layoutRunFlags: readonly Flag[] = [
  stepName,
  key,
  passwordFlag,
  ...gpgFlags,
  {
    flags: "--certificate <file>",
    says: "put this certificate of the key (PEM) into the link, for layouts that know functionaries by theirs",
    group: "Step:",
    conflicts: ["dsse", "statement", "keyless", "identity-token"],
  },
  ...keylessFlags,
  ...commandFlags,
  recordEnv,
  ...runFlags,
  materials,
  products,
  ...artifactFlags,
  metadataDir,
  dsse,
  {
    flags: "--statement",
    says: "write an in-toto Statement (link 0.3) for a layout that asks for attestations; experimental",
    group: "Output:",
    conflicts: ["dsse"],
  },
];
export const layoutMockFlags: readonly Flag[] = [
  stepName,
  ...commandFlags,
  recordEnv,
  materials,
  products,
  ...artifactFlags,
  metadataDir,
];
export const recordStartFlags: readonly Flag[] = [
  stepName,
  key,
  passwordFlag,
  ...gpgFlags,
  ...keylessFlags,
  recordEnv,
  materials,
  ...artifactFlags,
  metadataDir,
  dsse,
];
export const recordStopFlags: readonly Flag[] = [
  stepName,
  key,
  passwordFlag,
  ...gpgFlags,
  ...keylessFlags,
  recordEnv,
  ...runFlags,
  products,
  ...artifactFlags,
  metadataDir,
  dsse,
];

export const matchProductsFlags: readonly Flag[] = [
  {
    flags: "--key <file...>",
    says: "public key that must have signed the link; without it anybody may have made it",
    group: "Trust:",
    takes: "many",
  },
  ...exactIdentityFlags("the link"),
  ...trustFlags,
  {
    flags: "-p, --path <path...>",
    says: "what to compare (default: all that is here)",
    group: "Artifacts:",
    takes: "many",
  },
  ...artifactFlags.filter(({ flags }) => !flags.startsWith("--hash")),
];

const expires: Flag = {
  flags: "--expires <time>",
  says: "when the layout ends, YYYY-MM-DDTHH:MM:SSZ",
  group: "Layout:",
};

export const layoutInitFlags: readonly Flag[] = [
  {
    flags: "--functionary <file...>",
    says: "public keys of those who perform the steps (PEM or securesystemslib JSON)",
    group: "Layout:",
    takes: "many",
  },
  expires,
  {
    flags: "--valid-days <days>",
    says: "how long the layout counts (default: 365)",
    group: "Layout:",
    takes: "days",
    conflicts: ["expires"],
  },
  { flags: "--readme <text>", says: "what people should know", group: "Layout:" },
  {
    flags: "--product <path>",
    says: "add an inspection, without a command, of this part of the final product (. for all)",
    group: "Layout:",
  },
  { flags: "-o, --output <file>", says: "where to write it (default: root.layout)", group: "Output:" },
];

export const layoutSignFlags: readonly Flag[] = [
  {
    flags: "-k, --key <file...>",
    says: "sign with this private key; with --verify, the public key that must have signed",
    group: "Signing:",
    takes: "many",
  },
  passwordFlag,
  {
    flags: "--gpg [keyid]",
    says: "sign by GnuPG with this OpenPGP key of its keyring (default: its default key); with --verify, one that must have signed",
    group: "Signing:",
    conflicts: ["keyless", "identity-token"],
  },
  { ...gpgHome, group: "Signing:" },
  // Whom the certificate must name is said by the flags of --verify.
  ...keylessFlags.filter(({ flags }) => !flags.startsWith("--certificate-")),
  {
    flags: "--append",
    says: "keep signatures of others (default: they are dropped)",
    group: "Signing:",
    conflicts: ["keyless", "identity-token"],
  },
  expires,
  { ...dsse, conflicts: ["append"] },
  {
    flags: "--verify",
    says: "sign nothing, check that each key, or the identity, has signed",
    group: "Trust:",
    conflicts: ["append", "expires", "dsse", "keyless", "identity-token"],
  },
  ...exactIdentityFlags("the file"),
  {
    flags: "-o, --output <file>",
    says: "where to write it (default: the same file, as an identity <file>.sigstore.json)",
    group: "Output:",
    conflicts: ["verify"],
  },
];

export const layoutGraphFlags: readonly Flag[] = [
  {
    flags: "--report <file>",
    says: "colour the items by what layout verify --json said of them",
    group: "Layout:",
  },
  {
    flags: "--format <name>",
    says: "the form of the picture (default: as the output's name ends, else mermaid)",
    group: "Output:",
    choices: ["dot", "mermaid", "svg"],
  },
  { flags: "-o, --output <file>", says: "where to write it (default: standard output)", group: "Output:" },
];
