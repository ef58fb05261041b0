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
 * The content of each file by its name, with every function that verifying and updating run in parentheses. V8 compiles such a function at
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

/** Where the functions start that ran while the command verified samples, and refreshed one, by the name of their file. */
async function watchVerifying(files: Files): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), "countersign-build-"));
  try {
    writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
    for (const file of files) {
      if (file.type === "asset") continue;
      mkdirSync(dirname(join(folder, file.fileName)), { recursive: true });
      writeFileSync(join(folder, file.fileName), file.code);
    }
    const watch = (commands: Samples["verify"], coverage: string): Ran => {
      for (const command of commands) runNode([join(folder, "main.js"), ...command], { NODE_V8_COVERAGE: coverage });
      return readCoverage(coverage, folder);
    };
    const samples = await startSamples(folder);
    try {
      const updated = watch(samples.update, join(folder, "updated"));
      // What verifying loads is made for verifying, and runs for updating too.
      return new Map([...updated, ...watch(samples.verify, join(folder, "verified"))]);
    } finally {
      samples.end();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Command lines. */
interface Samples {
  readonly verify: readonly (readonly string[])[];
  readonly update: readonly (readonly string[])[];
}

/** The command lines for samples, as long as the process that made them lives: it is a registry and a mirror for some of them. */
async function startSamples(folder: string): Promise<Samples & { end(): void }> {
  const repository = fileURLToPath(new URL("../../scripts/packages-sample.ts", import.meta.url));
  runNode(["--conditions=@countersign/source", repository, folder]);
  const sampler = fileURLToPath(new URL("build-sample.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@countersign/source", sampler, folder], {
    stdio: ["pipe", "pipe", "inherit"],
    env: {},
  });
  for await (const line of createInterface(child.stdout))
    return { ...(JSON.parse(line) as Samples), end: () => child.stdin.end() };
  throw new Error(`${sampler} made no samples`);
}
