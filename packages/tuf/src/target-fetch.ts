import { quote } from "@countersign/core";
import { tufError } from "./errors.ts";
import type { FetchedTarget, Fetcher, TargetFetchOptions } from "./fetch.ts";
import type { WantedTarget } from "./target-check.ts";

/** How a transfer goes on. */
export interface TransferOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes that are there so far, those of an earlier run among them. */
  readonly onProgress?: (bytes: number) => void;
}

/** The target's bytes from some mirror, unverified; undefined if none has it. */
export async function openTarget(
  fetcher: Fetcher,
  { addresses, length }: WantedTarget,
  options: Omit<TargetFetchOptions, "maxBytes">,
): Promise<FetchedTarget | undefined> {
  for (const address of addresses) {
    const found = await fetcher.target(address, { ...options, maxBytes: length });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The error that no mirror has it. */
export function absent({ name }: WantedTarget): Error {
  return tufError("TUF_TARGET_ABSENT", { checked: quote(name) });
}
