import { existsSync, readdirSync, readFileSync } from "node:fs";
import { TrustError } from "@countersign/core";

/** in-toto's own files beside the repository; absent on most machines. */
export const goldenData: URL = new URL("../../../../shared/data/in-toto/", import.meta.url);
/** Whether they are there. */
export const hasGoldenData: boolean = existsSync(goldenData);

/** One file of shared data. */
export interface GoldenFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The file at a path below the data. */
export function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, goldenData)));
}

/** All layouts and links below a folder of the data; none without it. */
export function goldenMetadata(folder: string): readonly GoldenFile[] {
  const root = new URL(`${folder}/`, goldenData);
  if (!existsSync(root)) return [];
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).toSorted();
  const chosen = names.filter((name) => /\.(?:layout|link)$/.test(name));
  return chosen.map((name) => ({ name: `${folder}/${name}`, bytes: readGolden(`${folder}/${name}`) }));
}

/** `taken`, or the code of the refusal. Anything but a TrustError is thrown on. */
export function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return "taken";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

/** UTF-8 of a text, as plain bytes. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
