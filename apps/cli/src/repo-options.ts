import type { Flag } from "./flag.ts";
import { passwordFlag, type OutputOptions, type PasswordOptions } from "./options.ts";

/** What every command below `repo` takes. */
export interface RepoOptions extends OutputOptions {
  readonly dir?: string;
}

/** What commands take that sign. */
export interface RepoKeyOptions extends RepoOptions, PasswordOptions {
  readonly key?: readonly string[];
}

export interface RepoInitOptions extends RepoKeyOptions {
  readonly rootKey?: readonly string[];
  readonly targetsKey?: readonly string[];
  readonly snapshotKey?: readonly string[];
  readonly timestampKey?: readonly string[];
  readonly threshold?: readonly string[];
  readonly expires?: readonly string[];
  readonly inconsistentSnapshots?: true;
}

export interface RepoAddOptions extends RepoOptions {
  readonly role?: string;
  readonly as?: string;
  readonly prefix?: string;
  readonly custom?: string;
  readonly hash?: readonly ("sha256" | "sha384" | "sha512")[];
}

export interface RepoDelegateOptions extends RepoKeyOptions {
  readonly from?: string;
  readonly path?: readonly string[];
  readonly pathHashPrefix?: readonly string[];
  readonly threshold?: string;
  readonly terminating?: true;
  readonly remove?: true;
}

export interface RepoBinsOptions extends RepoKeyOptions {
  readonly from?: string;
  readonly bits?: string;
  readonly threshold?: string;
  readonly explicit?: true;
}

export interface RepoSignOptions extends RepoKeyOptions {
  readonly role?: readonly string[];
  readonly merge?: readonly string[];
  readonly base?: string;
  readonly root?: string;
  readonly output?: string;
  readonly yes?: true;
}

export interface RepoRotateOptions extends RepoOptions, PasswordOptions {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly threshold?: string;
  readonly from?: string;
}

export interface RepoRenewOptions extends RepoOptions {
  readonly within?: string;
  readonly expires?: readonly string[];
}

export interface RepoServeOptions extends RepoOptions {
  readonly port?: number;
}

const dir: Flag = { flags: "--dir <dir>", says: "the folder of the repository (default: here)", group: "Repository:" };

function keys(says: string): Flag {
  return { flags: "--key <ref>", says: `${says}; may be given again`, group: "Identity:", takes: "many" };
}

function roleKeys(role: string): Flag {
  return {
    flags: `--${role}-key <ref>`,
    says: `a key of ${role}, public or private; may be given again (default: those of --key)`,
    group: "Identity:",
    takes: "many",
  };
}

const from: Flag = { flags: "--from <role>", says: "the role that delegates (default: targets)", group: "Repository:" };
const threshold: Flag = {
  flags: "--threshold <number>",
  says: "how many of the keys must sign (default: 1)",
  group: "Repository:",
};
const yes: Flag = { flags: "-y, --yes", says: "sign what is shown without being asked", group: "Signing:" };

export const repoFlags: readonly Flag[] = [dir];

export const repoInitFlags: readonly Flag[] = [
  dir,
  keys("a key of every role that has none of its own"),
  roleKeys("root"),
  roleKeys("targets"),
  roleKeys("snapshot"),
  roleKeys("timestamp"),
  {
    flags: "--threshold <role=number>",
    says: "how many keys of a role must sign (default: 1); may be given again",
    group: "Repository:",
    takes: "many",
  },
  {
    flags: "--expires <role=days>",
    says: "how long versions of a role last (default: root 365, targets 180, snapshot 30, timestamp 7); may be given again",
    group: "Repository:",
    takes: "many",
  },
  {
    flags: "--inconsistent-snapshots",
    says: "keep versions and hashes out of file names, for clients that know no others",
    group: "Repository:",
  },
  passwordFlag,
];

export const repoAddFlags: readonly Flag[] = [
  dir,
  { flags: "--role <role>", says: "the role that lists the files (default: targets)", group: "Repository:" },
  {
    flags: "--as <path>",
    says: "the path under which clients find the one file",
    group: "Repository:",
    conflicts: ["prefix"],
  },
  { flags: "--prefix <path>", says: "put before the path of each file: releases/", group: "Repository:" },
  {
    flags: "--custom <json>",
    says: "what the application shall know of the files: a JSON object, or @file",
    group: "Repository:",
  },
  {
    flags: "--hash <name>",
    says: "a hash to list besides sha256; may be given again",
    group: "Repository:",
    takes: "many",
    choices: ["sha256", "sha384", "sha512"],
  },
];

export const repoRemoveFlags: readonly Flag[] = [
  dir,
  { flags: "--role <role>", says: "the role that lists them (default: targets)", group: "Repository:" },
];

export const repoDelegateFlags: readonly Flag[] = [
  dir,
  keys("a key of the role, public or private"),
  from,
  {
    flags: "--path <pattern>",
    says: "paths that the role may list, such as 'apps/*'; may be given again",
    group: "Repository:",
    takes: "many",
    conflicts: ["path-hash-prefix"],
  },
  {
    flags: "--path-hash-prefix <hex>",
    says: "or how the SHA-256 of such paths begins; may be given again",
    group: "Repository:",
    takes: "many",
  },
  threshold,
  { flags: "--terminating", says: "ask nobody else about these paths", group: "Repository:" },
  {
    flags: "--remove",
    says: "end the delegation",
    group: "Repository:",
    conflicts: ["key", "path", "path-hash-prefix"],
  },
  passwordFlag,
];

export const repoBinsFlags: readonly Flag[] = [
  dir,
  keys("a key of all bins, public or private"),
  from,
  { flags: "--bits <number>", says: "make 2 to this power bins (default: 8)", group: "Repository:" },
  threshold,
  { flags: "--explicit", says: "list each bin, for clients that do not know TAP 15", group: "Repository:" },
  passwordFlag,
];

export const repoSignFlags: readonly Flag[] = [
  dir,
  keys("the private key to sign with"),
  { flags: "--role <role>", says: "sign only this role; may be given again", group: "Repository:", takes: "many" },
  {
    flags: "--merge <file>",
    says: "take over signatures that somebody else made of what is staged here; may be given again",
    group: "Signing:",
    takes: "many",
  },
  {
    flags: "--base <file>",
    says: "for a file alone: the version before, from a copy of your own: what changes is shown against it",
    group: "Signing:",
  },
  { flags: "--root <file>", says: "for a file alone: the root that says who may sign it", group: "Signing:" },
  {
    flags: "-o, --output <file>",
    says: "for a file alone: where to write it (default: in its place)",
    group: "Output:",
  },
  yes,
  passwordFlag,
];

export const repoRotateFlags: readonly Flag[] = [
  dir,
  {
    flags: "--add <ref>",
    says: "a key to add, public or private; may be given again",
    group: "Identity:",
    takes: "many",
  },
  {
    flags: "--remove <key>",
    says: "a key to remove, by its id, the beginning of that, or its file; may be given again",
    group: "Identity:",
    takes: "many",
  },
  { ...threshold, says: "how many of the keys must sign (default: as before)" },
  { ...from, says: "the role that delegates, where there are several" },
  passwordFlag,
];

export const repoRenewFlags: readonly Flag[] = [
  dir,
  {
    flags: "--within <days>",
    says: "only roles that expire within so many days (default: 30, unless roles are named)",
    group: "Repository:",
  },
  {
    flags: "--expires <role=days>",
    says: "how long versions of a role last from now on, bins by their prefix; may be given again",
    group: "Repository:",
    takes: "many",
  },
];

export const repoKeyFlags: readonly Flag[] = [dir, keys("the private key to sign with"), passwordFlag];

export const repoPublishFlags: readonly Flag[] = [
  dir,
  keys("a private key of snapshot or timestamp, to make these where they are needed"),
  passwordFlag,
];

export const repoServeFlags: readonly Flag[] = [
  dir,
  { flags: "--port <number>", says: "the port to listen on (default: any free one)", group: "Server:", takes: "port" },
];

export interface RepoCloneOptions extends RepoOptions {
  readonly root?: string;
  readonly targetsUrl?: string;
  readonly header?: readonly string[];
}

export const repoCloneFlags: readonly Flag[] = [
  { ...dir, says: "where the copy goes, in its folder public (default: here)" },
  { flags: "--root <file>", says: "root metadata of the repository that you trust", group: "Trust:" },
  {
    flags: "--targets-url <url>",
    says: "where the targets are (default: targets, beside a folder metadata or below)",
    group: "Repository:",
  },
  {
    flags: "--header <name: value>",
    says: "send this with every request, such as an authorisation; may be given again",
    group: "Repository:",
    takes: "many",
  },
];
