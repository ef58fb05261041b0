import { closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ListItem, ListOutcome } from "@countersign/pipeline/node";
import type { Signed } from "./sample.ts";

/** What a list is judged by. */
export interface ListTrust {
  readonly files: readonly { readonly source: string; readonly bytes: Uint8Array }[];
  readonly now: Date;
}

/** Writes one file of all bytes, one of where each piece ends, and the trust root. */
export function writeList(folder: string, samples: readonly Signed[], { files: [root], now }: ListTrust): void {
  const pieces = samples.flatMap(({ artifact, bundle }) => [artifact, bundle]);
  const lengths = pieces.map((piece) => piece.length);
  writeFileSync(join(folder, "list.bin"), Buffer.concat(pieces));
  writeFileSync(join(folder, "list.json"), JSON.stringify({ lengths, now: now.toISOString() }));
  writeFileSync(join(folder, "list-root.json"), root?.bytes ?? "");
}

/** Reads the trust root and the first `count` samples, or all: as many bytes as they have and no more. */
export function readList(folder: string, count?: number): { samples: readonly Signed[]; trust: ListTrust } {
  const { lengths, now } = JSON.parse(readFileSync(join(folder, "list.json"), "utf8")) as {
    lengths: number[];
    now: string;
  };
  const file = openSync(join(folder, "list.bin"), "r");
  const pieces = lengths.slice(0, (count ?? lengths.length) * 2).map((length) => {
    const piece = new Uint8Array(length);
    if (readSync(file, piece) !== length) throw new Error("list.bin is too short");
    return piece;
  });
  closeSync(file);
  const samples = Array.from({ length: pieces.length / 2 }, (_, index) => ({
    artifact: pieces[index * 2] as Uint8Array,
    bundle: pieces[index * 2 + 1] as Uint8Array,
  }));
  const bytes = new Uint8Array(readFileSync(join(folder, "list-root.json")));
  return { samples, trust: { files: [{ source: "bench", bytes }], now: new Date(now) } };
}

/** The samples as questions. */
export function itemsOf(samples: readonly Signed[]): readonly ListItem[] {
  return samples.map(({ artifact, bundle }, at) => ({
    artifact: { name: `artifact ${at}`, bytes: artifact },
    evidence: { source: `bundle ${at}`, bytes: bundle },
  }));
}

/** The files that a list names, a line each, as questions: the bundle is beside each. */
export function itemsBeside(list: string): readonly ListItem[] {
  return list
    .trim()
    .split("\n")
    .map((path) => ({ artifact: { path }, evidence: { path: `${path}.sigstore.json` } }));
}

/** Throws unless every one is allowed. */
export function checkAllowed(outcomes: readonly ListOutcome[]): void {
  for (const outcome of outcomes) {
    if (!("report" in outcome) || outcome.report.decision.verdict !== "allowed")
      throw new Error(JSON.stringify(outcome));
  }
}
