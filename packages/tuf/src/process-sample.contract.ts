import { setTimeout as wait } from "node:timers/promises";
import { digestOf, parseUtf8, TrustError, utf8 } from "@countersign/core";
import { makeHttpFetcher, type Fetcher, type StoreSession, type WantedTarget } from "@countersign/tuf";

/** What a process of the tests works on. */
export interface Job {
  readonly store: string;
  readonly out: string;
  readonly url: string;
  readonly targets: readonly string[];
}

export const targetBytes: Uint8Array = Uint8Array.from({ length: 1_500_000 }, (_, at) => (at * 31) >> 2);

export function wantedTarget(name: string): WantedTarget {
  const digests = [digestOf("sha256", targetBytes)];
  return { name, length: targetBytes.length, digests, addresses: [name] };
}

export function jobFetcher({ url }: Job): Fetcher {
  return makeHttpFetcher({
    fetch: (address, init) => fetch(address, init),
    sleep: async (ms, signal) => void (await wait(ms, undefined, signal && { signal })),
    tickMs: () => performance.now(),
    mirrors: [{ metadataUrl: `${url}/metadata/`, targetsUrl: `${url}/targets/` }],
  });
}

export const storedNames: readonly string[] = ["root.json", "timestamp.json", "snapshot.json", "targets.json"];

/** A file of a store that shows by itself whether it is whole. */
export function storedBytes(name: string, generation: number): Uint8Array {
  const filler = `${name} ${generation} `.repeat(2000);
  return utf8(JSON.stringify({ name, generation, filler, digest: digestOf("sha256", utf8(filler)) }));
}

/** The generation of a stored file; 0 if there is none. Throws if it is not whole. */
export async function generationOf(session: StoreSession, name: string): Promise<number> {
  const bytes = await session.read(name, 1_000_000).catch((error: unknown) => {
    throw error instanceof TrustError ? new Error(`${name}: ${error.message}`) : error;
  });
  if (bytes === undefined) return 0;
  const read = JSON.parse(parseUtf8(bytes)) as { generation: number };
  if (!Buffer.from(storedBytes(name, read.generation)).equals(bytes)) throw new Error(`${name} is damaged`);
  return read.generation;
}
