import { coreError, quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { formatHashes } from "./hashes.ts";
import { resolvers, splitScheme } from "./resolver.node.ts";
import type { NameRule } from "./artifact-name.ts";
import type { ArtifactHash } from "./file-hash.node.ts";
import type { FileRecord, FileRecordOptions, ImageSource, RecordMemory } from "./file-record.node.ts";
import type { Hashes } from "./hashes.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Skipped } from "./walk.node.ts";
import type { Resolver } from "./resolver.node.ts";

/** How artifacts are recorded. */
export interface RecordOptions {
  /** Directory that paths are relative to, and that does not show in names; default: the current one. */
  readonly base?: string;
  /** gitignore-style patterns, see `compileExclusion`; default: none. The reference's are `defaultExcludes`. */
  readonly exclude?: readonly string[];
  /** Prefixes to strip from names; no two may fit one name. */
  readonly lstrip?: readonly string[];
  /** Default: `strict`. */
  readonly names?: NameRule;
  /** Links to directories inside a tree; default: `skip`, and say so. The reference follows them. */
  readonly directoryLinks?: "follow" | "skip";
  /** Paths that do not exist; default: `refuse`. The reference skips them without a word. */
  readonly missing?: "refuse" | "skip";
  /** `lf`: hash text as if each CR LF and CR were LF. Default: `keep`. */
  readonly lineEndings?: "keep" | "lf";
  /** Default: sha256 alone, which is all that the reference compares. */
  readonly hashes?: readonly ArtifactHash[];
  /** What an earlier recording with the same `hashes` and `lineEndings` remembers: those files are not hashed again. */
  readonly memory?: RecordMemory;
  /** The time, in milliseconds since 1970; without it the recording remembers nothing. */
  readonly nowMs?: number;
  /** See `hashFiles`. */
  readonly maxThreads?: number;
  readonly signal?: AbortSignal;
  /** What fetches the images behind `oci:`; without it these are refused. */
  readonly images?: ImageSource;
}

/** What was recorded. */
export interface Recording {
  readonly artifacts: Artifacts;
  /** What was met and not recorded, apart from what was excluded. */
  readonly skipped: readonly Skipped[];
  /** For a later recording of the same files, in this process. */
  readonly memory: RecordMemory;
}

/**
 * Records files, and whatever else a resolver knows (`file:`, `dir:`, `ostree:`, `oci:`; ITE-4), with their hashes. Every file is
 * recorded that is not excluded; what cannot be recorded faithfully is refused, not skipped. Says nothing about who
 * made the files. Throws the errors of `recordFiles` and of the resolvers,
 * INTOTO_RESOLVER_UNKNOWN and CORE_DIGEST_MISSING.
 */
export async function recordArtifacts(uris: readonly string[], options: RecordOptions = {}): Promise<Recording> {
  const settings = fillIn(options);
  const { hashes } = settings.plan;
  const artifacts = new Map<string, Hashes>();
  const skipped: Skipped[] = [];
  const memory = new Map<string, readonly string[]>();
  for (const [resolve, paths] of groupByResolver(uris, options)) {
    const record: FileRecord = await resolve(paths, settings);
    for (const [name, values] of record.files) {
      if (artifacts.has(name)) throw inTotoError("INTOTO_RECORD_TWICE", { checked: quote(name) });
      artifacts.set(name, formatHashes(Object.fromEntries(hashes.map((hash, at) => [hash, values[at] as string]))));
    }
    skipped.push(...record.skipped);
    for (const [stamp, values] of record.memory) memory.set(stamp, values);
  }
  return { artifacts, skipped, memory };
}

function groupByResolver(uris: readonly string[], { images }: RecordOptions): ReadonlyMap<Resolver, readonly string[]> {
  const groups = new Map<Resolver, string[]>();
  for (const uri of uris) {
    const { scheme, path } = splitScheme(uri);
    if (scheme === "oci" && images === undefined)
      throw inTotoError("INTOTO_RESOLVER_UNKNOWN", { expected: "something that fetches images", got: quote(uri) });
    const resolve = resolvers.get(scheme) as Resolver;
    groups.set(resolve, [...(groups.get(resolve) ?? []), path]);
  }
  return groups;
}

function fillIn(options: RecordOptions): FileRecordOptions {
  const { hashes = ["sha256"], lineEndings = "keep", ...rest } = options;
  if (hashes.length === 0) throw coreError("CORE_DIGEST_MISSING");
  return {
    base: ".",
    exclude: [],
    lstrip: [],
    names: "strict",
    directoryLinks: "skip",
    missing: "refuse",
    ...rest,
    plan: { hashes: [...new Set(hashes)].sort(), lineEndings },
  };
}
