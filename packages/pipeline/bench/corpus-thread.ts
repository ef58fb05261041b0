import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { SignatureCheck } from "./checks.ts";
import type { Sample } from "./sample.ts";

/** What the corpus' thread says first. */
export interface CorpusStart {
  readonly trustRoot: Uint8Array;
  readonly nowMs: number;
}

/** Samples that nobody has seen, and the signature checks that they need. */
export interface Batch {
  readonly samples: readonly Sample[];
  readonly checks: readonly SignatureCheck[];
}

/** Samples made on another thread, one Sigstore for all of them. */
export interface Corpus extends CorpusStart {
  next(count: number): Promise<Batch>;
  close(): Promise<unknown>;
}

/** Starts the thread and waits until it is ready. */
export async function openCorpus(): Promise<Corpus> {
  const worker = new Worker(new URL("corpus-worker.ts", import.meta.url));
  const [start] = (await once(worker, "message")) as [CorpusStart];
  return {
    ...start,
    async next(count) {
      worker.postMessage(count);
      const [batch] = (await once(worker, "message")) as [Batch];
      return batch;
    },
    close: () => worker.terminate(),
  };
}
