import { statSync } from "node:fs";
import { loadTrust, type Trust, type TrustFile } from "@countersign/pipeline";
import type { Verifier } from "@countersign/core";
import { readSmallFile } from "./input.node.ts";
import type { TrustOptions } from "./options.ts";
import { instanceOf } from "./policy.ts";

/** The trust that the options name, from files and from what is built in. Opens no socket. */
export function readTrust(options: TrustOptions, keys: readonly Verifier[], now: Date): Promise<Trust> {
  const files = (options.trustedRoot ?? []).map(readTrustFile);
  const instance = instanceOf(options);
  return loadTrust({
    files,
    now,
    keys: [...keys],
    ...(instance === undefined ? {} : { instance }),
    ...(options.maxTrustAge === undefined ? {} : { maxAgeDays: options.maxTrustAge }),
  });
}

/** A file of the caller's is as old as it says on disk: nothing inside it tells. */
function readTrustFile(path: string): TrustFile {
  const bytes = readSmallFile(path, "trusted root");
  return { source: path, bytes, date: statSync(path).mtime.toISOString() };
}
