import type { Flag } from "./flag.ts";
import { trustFlags, type OutputOptions, type TrustOptions } from "./options.ts";

/** How a repository of updates is reached, and where what was verified of it is kept. */
export interface UpdateOptions extends OutputOptions, TrustOptions {
  readonly sigstoreIdentities?: true;
  readonly store?: string;
  readonly mirror?: readonly string[];
  readonly targetsUrl?: readonly string[];
  readonly header?: readonly string[];
  readonly dangerClock?: true;
  readonly repository?: string;
  readonly secondOpinion?: true;
}

export interface UpdateTrustOptions extends UpdateOptions {
  readonly sha256?: string;
  readonly dangerReplace?: true;
}

export interface UpdateGetOptions extends UpdateOptions {
  readonly output?: string;
  readonly map?: string;
}

export interface UpdateVerifyOptions extends UpdateOptions {
  readonly root?: string;
  readonly at?: string;
  readonly metadataOnly?: true;
}

export interface UpdateWatchOptions extends UpdateOptions {
  readonly interval?: number;
  readonly untilChange?: true;
}

const store: Flag = {
  flags: "--store <dir>",
  says: "where this client keeps its root and what it verified (default: countersign/update in your data directory)",
  group: "Repository:",
};

const repository: Flag = {
  flags: "--repository <name>",
  says: "which of several repositories in the store, as a map names it",
  group: "Repository:",
};

const network: readonly Flag[] = [
  {
    flags: "--mirror <url>",
    says: "where the metadata is: https:, http:, file: or a folder; may be given again, then they are asked in this order",
    group: "Repository:",
    takes: "many",
  },
  {
    flags: "--targets-url <url>",
    says: "where the targets of the mirror in the same place are (default: targets, beside a folder metadata or below)",
    group: "Repository:",
    takes: "many",
  },
  {
    flags: "--header <name: value>",
    says: "send this with every request to a mirror's own host, such as an authorisation; may be given again",
    group: "Repository:",
    takes: "many",
  },
];

const clock: Flag = {
  flags: "--danger-clock",
  says: "go on although the clock is behind a time seen before: expired metadata may pass",
  group: "Trust:",
};

/** Who vouches for identities that sign metadata. */
const identities: readonly Flag[] = [
  {
    flags: "--sigstore-identities",
    says: "let Sigstore identities that the metadata names sign for its roles (TAP 18); without it they count for nothing",
    group: "Trust:",
  },
  ...trustFlags,
];

/** For whatever comes from a TUF repository. */
export const tufOpinionFlag: Flag = {
  flags: "--second-opinion",
  says: "ask tuf-js too, with the very bytes that were fetched, and refuse unless it agrees",
  group: "Trust:",
};

export const updateTrustFlags: readonly Flag[] = [
  { flags: "--sha256 <hex>", says: "the digest that the root must have; needed for an address", group: "Trust:" },
  { flags: "--danger-replace", says: "trust it in the place of another root", group: "Trust:" },
  store,
  repository,
  ...network,
];

const reach: readonly Flag[] = [store, repository, ...network, clock, ...identities];

/** What `update refresh` and `update get` know; `update watch` and `update list` know the rest of it. */
export const updateRefreshFlags: readonly Flag[] = [...reach, tufOpinionFlag];
export const updateReachFlags: readonly Flag[] = reach;

export const updateGetFlags: readonly Flag[] = [
  {
    flags: "-o, --output <dir>",
    says: "the directory to save into, or - for standard output (default: here)",
    group: "Output:",
  },
  {
    flags: "--map <file>",
    says: "which repositories must agree on which targets (TAP 4, map.json)",
    group: "Repository:",
    conflicts: ["mirror", "targets-url", "repository"],
  },
  ...updateRefreshFlags,
];

export const updateStatusFlags: readonly Flag[] = [store, repository, clock];

export const updateVerifyFlags: readonly Flag[] = [
  { flags: "--root <file>", says: "the root to start from (default: the one that the store trusts)", group: "Trust:" },
  { flags: "--at <time>", says: "judge expiries by this time, YYYY-MM-DDTHH:MM:SSZ (default: now)", group: "Trust:" },
  { flags: "--metadata-only", says: "do not look at the targets", group: "Trust:" },
  ...identities,
  store,
  repository,
];

export const updateWatchFlags: readonly Flag[] = [
  {
    flags: "--interval <seconds>",
    says: "how often to look (default: 3600)",
    group: "Run:",
    takes: "seconds",
  },
  { flags: "--until-change", says: "end when something changed, with exit code 0", group: "Run:" },
  ...updateReachFlags,
];
