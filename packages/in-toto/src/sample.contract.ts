import { existsSync, readdirSync, readFileSync } from "node:fs";
import { TrustError, type Json } from "@countersign/core";
import fc from "fast-check";

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

const texts: fc.Arbitrary<string> = fc.string({
  unit: fc.constantFrom("a", "b", '"', "\\", "é", "🙂", "\ufb01", "\n", "\0", "/"),
});

/** JSON that canonical JSON can write, rich in characters that need care. */
export const integerJson: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map((value) => value + 0),
    texts,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(texts, tie("value"), { maxKeys: 6 }),
  ),
})).value;
