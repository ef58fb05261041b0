/**
 * A thread that makes samples and notes the signature checks they need. The thread that measures does neither: it would
 * run our code on other kinds of objects than a real program does, and pay for it in what is timed.
 */
import { parentPort } from "node:worker_threads";
import { digestOf } from "@countersign/core";
import { parseBundle, parseTrustRoot, verifyBundle } from "@countersign/sigstore";
import { countKinds, recordChecks } from "./checks.ts";
import { makeBenchInstance, makeSamples, trustOf } from "./corpus.ts";
import type { Batch, CorpusStart } from "./corpus-thread.ts";
import type { Sample } from "./sample.ts";

const instance = makeBenchInstance();
const trustRoot = trustOf(instance);
const root = parseTrustRoot(trustRoot);
const nowMs = instance.now.getTime();

// The trust root's own chains are checked with the first bundles; they do not count.
makeSamples(instance, 2).forEach(verify);
for (const sample of makeSamples(instance, 2)) checkCount(sample);

const start: CorpusStart = { trustRoot, nowMs };
parentPort?.postMessage(start);
parentPort?.on("message", (count: number) => {
  const samples = makeSamples(instance, count);
  const batch: Batch = { samples, checks: recordChecks(() => samples.forEach(verify)) };
  parentPort?.postMessage(batch);
});

function verify({ bundle, artifact }: Sample): void {
  const digests = [digestOf("sha256", artifact)];
  verifyBundle(parseBundle(bundle), { name: "bench", bytes: artifact, digests }, root, { nowMs });
}

/** A verifier that made a check twice would have its own waste counted as needed. */
function checkCount(sample: Sample): void {
  const expected = { 1: "4 prime256v1, 1 secp384r1", 2: "1 ed25519, 2 prime256v1, 2 secp384r1" }[sample.generation];
  const got = countKinds(recordChecks(() => verify(sample)));
  if (got !== expected) throw new Error(`Rekor v${sample.generation} needs ${expected}, but ${got} were made`);
}
