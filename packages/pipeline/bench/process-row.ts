import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { digestOf, utf8 } from "@countersign/core";
import { signFile, verifyArguments } from "./corpus-file.ts";
import { repeated, turned, type Patience } from "./measure.ts";
import { runNode } from "./process.ts";

/** The built command. */
export const command: string = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url));
const sigstoreCli = fileURLToPath(new URL("../../../node_modules/@sigstore/cli/bin/run", import.meta.url));

/** Milliseconds of whole processes. */
export interface ProcessRound {
  readonly verify: number;
  readonly bareNode: number;
  readonly sigstoreVersion: number;
}

/** Starts whole processes by turns: verifying a small file, Node doing nothing, and @sigstore/cli printing its version. */
export async function measureProcess(folder: string, patience: Patience): Promise<readonly ProcessRound[]> {
  const path = join(folder, "small.txt");
  const content = utf8("a small file\n");
  writeFileSync(path, content);
  const verify = [command, ...verifyArguments(await signFile(folder, path, digestOf("sha256", content)))];
  const contenders: readonly [keyof ProcessRound, readonly string[]][] = [
    ["bareNode", ["-e", "0"]],
    ["verify", verify],
    ["sigstoreVersion", [sigstoreCli, "--version"]],
  ];
  // The first start of each reads from the disk.
  for (const [, args] of contenders) runNode(args);
  return repeated(
    patience,
    (index) => {
      const round = { verify: 0, bareNode: 0, sigstoreVersion: 0 };
      for (const [name, args] of turned(contenders, index)) round[name] = runNode(args).ms;
      return Promise.resolve(round);
    },
    (round) => round.verify / round.bareNode,
  );
}
