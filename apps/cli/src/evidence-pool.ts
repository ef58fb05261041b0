import { claimedDigests, type EvidenceFile } from "@countersign/pipeline";
import { hashNames, TrustError, type HashName } from "@countersign/core";
import type { ListItem } from "@countersign/pipeline/node";
import { readArtifact } from "./artifact.node.ts";
import { plainFileSize } from "./directory.node.ts";
import type { Asked } from "./question-list.ts";
import type { Terminal } from "./terminal.ts";

/** Bundles that were given together, by what they say they are about. */
export interface EvidencePool {
  /** The question with those that may be about its artifact; each is verified against it afterwards. */
  readonly choose: (asked: Asked, terminal: Terminal) => Promise<ListItem>;
}

/** A pool of one or more bundles, of which only the bytes are kept. One alone is meant for every artifact, whatever it says of itself. */
export function makePool(files: Iterable<EvidenceFile>): EvidencePool {
  const pooled = Array.from(files, (file) => ({ file: bare(file), digests: claimedDigests(file) }));
  const byDigest = new Map<string, Bare[]>();
  const ofAnything: Bare[] = [];
  for (const { file, digests } of pooled) {
    if (digests === undefined || pooled.length === 1) ofAnything.push(file);
    else for (const digest of new Set(digests)) entryOf(byDigest, digest).push(file);
  }
  const hashes = hashesOf(byDigest);
  return {
    async choose({ name, artifact }, terminal) {
      const known = byDigest.size === 0 ? [] : await digestsOf(artifact, hashes, terminal);
      const chosen = new Set([...known.flatMap((digest) => byDigest.get(digest) ?? []), ...ofAnything]);
      // Read again where it is judged, since a signature may be over the bytes themselves: what is judged decides, not this.
      return { artifact: "digest" in artifact ? { ...artifact, name } : artifact, evidence: [...chosen] };
    },
  };
}

function hashesOf(byDigest: ReadonlyMap<string, unknown>): readonly HashName[] {
  const used = new Set([...byDigest.keys()].map((digest) => digest.slice(0, digest.indexOf(":"))));
  return hashNames.filter((name) => used.has(name));
}

/** What cannot be read has no digests here; whoever judges it says why. */
async function digestsOf(
  artifact: Asked["artifact"],
  hashes: readonly HashName[],
  terminal: Terminal,
): Promise<readonly string[]> {
  if ("digest" in artifact) return [artifact.digest];
  // A pipe can be read once only, and may never end.
  if (!("path" in artifact)) return [];
  try {
    if (plainFileSize(artifact.path) === undefined) return [];
    return (await readArtifact(artifact.path, { hashes, keepBytes: 0 }, terminal)).digests;
  } catch (error) {
    if (error instanceof TrustError) return [];
    throw error;
  }
}

type Bare = Pick<EvidenceFile, "source" | "bytes">;

/** Without the parsed bundle, which does not cross to another thread. */
function bare({ source, bytes }: EvidenceFile): Bare {
  return { source, bytes };
}

function entryOf(byDigest: Map<string, Bare[]>, digest: string): Bare[] {
  const present = byDigest.get(digest);
  if (present !== undefined) return present;
  const entry: Bare[] = [];
  byDigest.set(digest, entry);
  return entry;
}
