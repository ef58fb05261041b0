import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import type { OutputAsset, OutputChunk } from "rolldown";
import { inParentheses, readCoverage, runNode, type Ran } from "../../scripts/eager-code.ts";

type Files = readonly (OutputChunk | OutputAsset)[];

/**
 * The content of each file by its name, with every function that verifying runs in parentheses. V8 compiles such a function at
 * once (see `inParentheses`), and it is in the code that Node's compile cache keeps; any other is passed over, found to be
 * needed and read again in every single process, from the cache as well. The code does the same either way.
 */
export async function withEagerFunctions(files: Files): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const ran = await watchVerifying(files);
  return new Map(
    files.map((file) => {
      if (file.type === "asset") return [file.fileName, file.source];
      const starts = file.isEntry ? undefined : ran.get(file.fileName);
      return [file.fileName, starts === undefined ? file.code : inParentheses(file.code, starts)];
    }),
  );
}

/** Where the functions start that ran while the command verified samples, by the name of their file. */
async function watchVerifying(files: Files): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), "countersign-build-"));
  try {
    writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
    for (const file of files) {
      if (file.type === "asset") continue;
      mkdirSync(dirname(join(folder, file.fileName)), { recursive: true });
      writeFileSync(join(folder, file.fileName), file.code);
    }
    const coverage = join(folder, "coverage");
    const samples = await startSamples(folder);
    try {
      for (const command of samples.commands)
        runNode([join(folder, "main.js"), ...command], { NODE_V8_COVERAGE: coverage });
    } finally {
      samples.end();
    }
    return readCoverage(coverage, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The command lines that verify samples, as long as the process that made them lives: it is the registry of one of them. */
async function startSamples(folder: string): Promise<{ readonly commands: readonly string[][]; end(): void }> {
  const sampler = fileURLToPath(new URL("build-sample.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@countersign/source", sampler, folder], {
    stdio: ["pipe", "pipe", "inherit"],
    env: {},
  });
  for await (const line of createInterface(child.stdout))
    return { commands: JSON.parse(line) as string[][], end: () => child.stdin.end() };
  throw new Error(`${sampler} made no samples`);
}
