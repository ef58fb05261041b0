import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { OutputAsset, OutputChunk } from "rolldown";
import { inParentheses, readCoverage, runNode, type Ran } from "../../scripts/eager-code.ts";

type Files = readonly (OutputChunk | OutputAsset)[];

/**
 * The content of each file by its name, with every function that verifying runs in parentheses. V8 compiles such a function at
 * once (see `inParentheses`), and it is in the code that Node's compile cache keeps; any other is passed over, found to be
 * needed and read again in every single process, from the cache as well. The code does the same either way.
 */
export function withEagerFunctions(files: Files): ReadonlyMap<string, string | Uint8Array> {
  const ran = watchVerifying(files);
  return new Map(
    files.map((file) => {
      if (file.type === "asset") return [file.fileName, file.source];
      const starts = file.isEntry ? undefined : ran.get(file.fileName);
      return [file.fileName, starts === undefined ? file.code : inParentheses(file.code, starts)];
    }),
  );
}

/** Where the functions start that ran while the command verified samples, by the name of their file. */
function watchVerifying(files: Files): Ran {
  const folder = mkdtempSync(join(tmpdir(), "countersign-build-"));
  try {
    writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
    for (const file of files) {
      if (file.type === "asset") continue;
      mkdirSync(dirname(join(folder, file.fileName)), { recursive: true });
      writeFileSync(join(folder, file.fileName), file.code);
    }
    const sampler = fileURLToPath(new URL("build-sample.ts", import.meta.url));
    const commands = JSON.parse(runNode(["--conditions=@countersign/source", sampler, folder])) as string[][];
    const coverage = join(folder, "coverage");
    for (const command of commands) runNode([join(folder, "main.js"), ...command], { NODE_V8_COVERAGE: coverage });
    return readCoverage(coverage, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
