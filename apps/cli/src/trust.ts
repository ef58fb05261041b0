import { statSync } from "node:fs";
import {
  loadInstance,
  loadTrust,
  type Trust,
  type TrustFile,
  type TrustOptions as TrustSettings,
} from "@countersign/pipeline";
import type { Verifier } from "@countersign/core";
import { readSmallFile } from "./input.node.ts";
import type { Instance, TrustOptions } from "./options.ts";
import { instanceOf } from "./policy.ts";
import { updatedFile } from "./trust-directory.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The trust that the options name: from files, else what `countersign trust update` got for the instance, else what is built in.
 * Opens no socket.
 */
export async function readTrust(
  options: TrustOptions,
  accepted: Accepted,
  terminal: Pick<Terminal, "env" | "now">,
): Promise<Trust> {
  return loadTrust(await readTrustSettings(options, accepted, terminal));
}

/** What of an acceptance goes into the trust. */
export interface Accepted {
  readonly keys: readonly Verifier[];
  readonly witnesses?: string | undefined;
}

/** The same before it is parsed, for threads that each parse it. */
export async function readTrustSettings(
  options: TrustOptions,
  { keys, witnesses }: Accepted,
  terminal: Pick<Terminal, "env" | "now">,
): Promise<TrustSettings> {
  const instance = instanceOf(options);
  const { trustConfig } = options;
  const given =
    trustConfig === undefined
      ? (options.trustedRoot ?? []).map(readTrustFile)
      : [await readTrustConfigFile(trustConfig)];
  const files = given.length > 0 ? given : await updatedRoot(instance ?? "public-good", terminal);
  return {
    files,
    now: terminal.now(),
    keys: [...keys],
    ...(witnesses === undefined ? {} : { witnesses }),
    ...(instance === undefined ? {} : { instance }),
    ...(options.maxTrustAge === undefined ? {} : { maxAgeDays: options.maxTrustAge }),
  };
}

/** What `countersign trust update` got for the instance; nothing if the root that is built in is newer. */
export async function updatedRoot(instance: Instance, { env }: Pick<Terminal, "env">): Promise<readonly TrustFile[]> {
  const path = updatedFile(instance, "trusted_root.json", env);
  if (path === undefined) return [];
  const file = readTrustFile(path);
  const { source } = await loadInstance(instance);
  return Date.parse(file.date ?? "") >= Date.parse(source.date) ? [file] : [];
}

/** Loaded only when it is asked for. */
async function readTrustConfigFile(path: string): Promise<TrustFile> {
  const { readTrustConfig } = await import("./trust-config.ts");
  return { source: path, bytes: readTrustConfig(path).trustedRoot, date: statSync(path).mtime.toISOString() };
}

/** A file of the caller's is as old as it says on disk: nothing inside it tells. */
function readTrustFile(path: string): TrustFile {
  const bytes = readSmallFile(path, "trusted root");
  return { source: path, bytes, date: statSync(path).mtime.toISOString() };
}
