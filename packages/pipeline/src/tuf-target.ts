import { concatBytes } from "@countersign/core";
import { streamTarget, type CallOptions, type Fetcher, type TrustedTarget } from "@countersign/tuf";

/** The whole of a small target; its length and hashes were right. The caller has looked at `length` before. */
export async function collectTarget(
  fetcher: Fetcher,
  target: TrustedTarget,
  call: CallOptions = {},
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of streamTarget(fetcher, target, call)) pieces.push(piece);
  return concatBytes(...pieces);
}
