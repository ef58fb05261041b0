import { absent, openTarget, type TransferOptions } from "./target-fetch.ts";
import { checkTarget, type WantedTarget } from "./target-check.ts";
import type { Fetcher } from "./fetch.ts";

/**
 * The target's bytes for the caller, as they come. The last piece is held back until length and all hashes were right:
 * whoever has read to the end without an error has a verified target, and before that has only hearsay, never all of it.
 * Rejects with TUF_TARGET_LENGTH, TUF_TARGET_HASH, TUF_TARGET_ABSENT and as `Fetcher.target` does.
 */
export async function* streamTarget(
  fetcher: Fetcher,
  wanted: WantedTarget,
  options: TransferOptions = {},
): AsyncGenerator<Uint8Array> {
  const check = checkTarget(wanted);
  const { signal, onProgress } = options;
  const found = await openTarget(fetcher, wanted, signal === undefined ? {} : { signal });
  if (found === undefined) throw absent(wanted);
  let held: Uint8Array | undefined;
  for await (const piece of found.body) {
    if (piece.length === 0) continue;
    check.update(piece);
    onProgress?.(check.size);
    if (held !== undefined) yield held;
    held = new Uint8Array(piece);
  }
  check.finish();
  if (held !== undefined) yield held;
}
