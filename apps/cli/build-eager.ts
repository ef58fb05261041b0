import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { OutputAsset, OutputChunk } from "rolldown";
import { parseAst } from "rolldown/parseAst";

type Files = readonly (OutputChunk | OutputAsset)[];

/**
 * The content of each file by its name, with every top-level function that verifying runs in parentheses. V8 compiles such a function at
 * once (https://v8.dev/blog/preparser#pife), and it is in the code that Node's compile cache keeps; any other is passed over, found to be
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

/** The module with the functions that start at these offsets as expressions, all of them first: where declarations are hoisted to. */
export function inParentheses(code: string, starts: ReadonlySet<number>): string {
  let rest = "";
  let at = 0;
  const eager: string[] = [];
  for (const node of parseAst(code).body) {
    if (node.type !== "FunctionDeclaration" || node.id === null || !starts.has(node.start)) continue;
    const { id } = node;
    // Without its own name inside, which would be another variable than the one outside.
    eager.push(`${id.name}=(${code.slice(node.start, id.start)}${code.slice(id.end, node.end)})`);
    rest += code.slice(at, node.start);
    at = node.end;
  }
  return eager.length === 0 ? code : `var ${eager.join(",")};${rest}${code.slice(at)}`;
}

/** Where the functions start that ran while the command verified samples, by the name of their file. */
function watchVerifying(files: Files): ReadonlyMap<string, ReadonlySet<number>> {
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

/** With nothing of the environment: no compile cache, and nobody's settings. Throws if the program says that anything went wrong. */
function runNode(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`node ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

/** As much of a coverage report (https://v8.dev/blog/javascript-code-coverage) as is read here. */
interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly { readonly startOffset: number; readonly count: number }[];
    }[];
  }[];
}

function readCoverage(coverage: string, folder: string): ReadonlyMap<string, ReadonlySet<number>> {
  const ran = new Map<string, Set<number>>();
  for (const name of readdirSync(coverage)) {
    const { result } = JSON.parse(readFileSync(join(coverage, name), "utf8")) as Coverage;
    for (const { url, functions } of result) {
      if (!url.startsWith("file:")) continue;
      const file = relative(folder, fileURLToPath(url)).replaceAll("\\", "/");
      const starts = ran.get(file) ?? new Set();
      ran.set(file, starts);
      // The first range is the whole function.
      for (const {
        ranges: [whole],
      } of functions)
        if (whole !== undefined && whole.count > 0) starts.add(whole.startOffset);
    }
  }
  return ran;
}
