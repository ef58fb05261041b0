import { entryOf, mergeTag } from "./attach.ts";
import { listReferrers } from "./referrers.ts";
import { hasBlob, mountBlob, pushBlob, putManifest } from "./push.ts";
import type { CopyTarget } from "./copy.ts";
import type { FetchedManifest, Registry, Repository } from "./registry.ts";

/** A repository as the target of a copy; `neighbour` is a repository of the same registry to take blobs over from. */
export function registryTarget(registry: Registry, repository: Repository, neighbour?: string): CopyTarget {
  const store = async ({ bytes, manifest }: FetchedManifest, tag?: string): Promise<void> => {
    await putManifest(registry, repository, bytes, {
      mediaType: manifest.mediaType,
      ...(tag !== undefined && { tag }),
    });
  };
  return {
    async putBlob(blob, read) {
      if (await hasBlob(registry, repository, blob.digest)) return false;
      if (neighbour !== undefined && (await mountBlob(registry, repository, blob, neighbour))) return false;
      // A try that failed half way has used the stream up: each one reads the source again.
      const content = async function* (): AsyncGenerator<Uint8Array> {
        yield* await read();
      };
      return await pushBlob(registry, repository, blob, content);
    },
    async putManifest(fetched, tag) {
      await store(fetched, tag);
    },
    async putRoot(fetched, tag) {
      if (tag !== undefined) await store(fetched, tag);
    },
    async listReferrers(subject, referrers) {
      const listed = await listReferrers(registry, repository, subject);
      const [problem] = listed.problems;
      if (problem !== undefined) throw problem;
      const known = new Set(listed.entries.map((entry) => entry.digest));
      const missing = referrers.filter(({ digest }) => !known.has(digest));
      // A registry with a list of its own enters each manifest by its subject.
      if (listed.source === "api" || missing.length === 0) return;
      await mergeTag(registry, repository, subject, missing.map(entryOf));
    },
  };
}
