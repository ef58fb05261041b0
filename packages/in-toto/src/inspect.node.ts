import { spawnSync, type SpawnSyncOptions, type SpawnSyncReturns } from "node:child_process";
import { accessSync, constants, mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join, sep } from "node:path";
import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { compileExclusion, defaultExcludes } from "./exclude.ts";
import type { InspectionOutcome, InspectionRequest, InspectionRunner } from "./inspection.ts";
import type { Artifacts } from "./artifacts.ts";
import { copyProduct, recordProduct, walkProduct } from "./product.node.ts";

/** How long the command of an inspection may take unless told otherwise, in milliseconds: as the reference. */
export const defaultInspectionTimeoutMs = 10_000;

/** Where executables are looked for: fixed, so that nothing in the environment or the product decides what runs. */
export const executableDirectories: readonly string[] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/** What the caller allows to run, and on what. */
export interface InspectionPermit {
  /** Directory of the final product. */
  readonly product: string;
  /** Whole command lines that may run; absent: every command of the layouts that this runner is given for. */
  readonly allowed?: readonly (readonly string[])[];
  /** Paths in the product that are no part of it: the links that the verification loaded. */
  readonly isHidden: (path: string) => boolean;
  readonly timeoutMs?: number;
}

/** Runs inspections, and cleans up. */
export interface Inspector {
  readonly run: InspectionRunner;
  /** Removes the scratch directories. */
  close(): void;
}

/**
 * Runs allowed commands in a copy of the product, one copy a layout, with an empty environment, no input, no output, a
 * time limit, and an executable from `executableDirectories`. Records what is in the copy before and after, every file.
 * No sandbox: a command that is allowed can do what the user can do. The runner throws INTOTO_INSPECTION_NOT_ALLOWED,
 * INTOTO_INSPECTION_COMMAND, INTOTO_INSPECTION_TIMEOUT, INTOTO_PRODUCT_UNSUPPORTED.
 */
export function openInspector(permit: InspectionPermit): Inspector {
  const copies = new Map<string, string>();
  const copyFor = (place: readonly string[]): string => {
    const key = JSON.stringify(place);
    const known = copies.get(key);
    if (known !== undefined) return known;
    const files = walkProduct(permit.product, permit);
    const copy = mkdtempSync(join(tmpdir(), "countersign-inspection-"));
    copies.set(key, copy);
    copyProduct(files, copy);
    return copy;
  };
  return {
    run: ({ inspection, place }) => {
      checkAllowed(inspection.run, permit);
      const executable = findExecutable(inspection.run[0] ?? "", permit.product);
      const directory = copyFor(place);
      const record = (): Artifacts => recordProduct(walkProduct(directory, { isHidden: () => false }));
      return observe(record, () => runCommand(inspection.run, { executable, directory, environment: {}, permit }));
    },
    close: () => {
      for (const copy of copies.values()) rmSync(copy, { recursive: true, force: true });
      copies.clear();
    },
  };
}

/**
 * Runs allowed commands as the reference does: in the product itself, with the given environment, and recording without
 * what its default patterns exclude. For `compat` only: a command may change the product that is being verified.
 */
export function openReferenceInspector(
  permit: InspectionPermit,
  environment: Readonly<Record<string, string>>,
): Inspector {
  const { isExcluded } = compileExclusion(defaultExcludes);
  const record = (): Artifacts => {
    const files = walkProduct(permit.product, { isHidden: isExcluded, isLax: true });
    return recordProduct(files.map(({ path, absolute }) => ({ path: path.replaceAll("\\", "/"), absolute })));
  };
  const run = ({ inspection }: InspectionRequest): InspectionOutcome => {
    checkAllowed(inspection.run, permit);
    const [executable = ""] = inspection.run;
    return observe(record, () =>
      runCommand(inspection.run, { executable, directory: permit.product, environment, permit }),
    );
  };
  return { run, close: () => {} };
}

/** The words of a command line as they are matched: all of them, exactly. */
function checkAllowed(run: readonly string[], { allowed }: InspectionPermit): void {
  const isSame = (words: readonly string[]): boolean =>
    words.length === run.length && words.every((word, at) => word === run[at]);
  if (allowed === undefined || allowed.some(isSame)) return;
  throw inTotoError("INTOTO_INSPECTION_NOT_ALLOWED", { checked: "command", got: quote(run.join(" ")) });
}

function observe(record: () => Artifacts, run: () => number): InspectionOutcome {
  const materials = record();
  const returnValue = run();
  return { materials, products: record(), returnValue };
}

/** The executable's real path, which must not lie in the product: whoever made the product would choose what runs. */
function findExecutable(command: string, product: string): string {
  const checked = `command ${quote(command)}`;
  if (command.includes("\0")) throw inTotoError("INTOTO_INSPECTION_COMMAND", { checked, got: "a NUL character" });
  if (command.includes("/") && !isAbsolute(command))
    throw inTotoError("INTOTO_INSPECTION_COMMAND", { checked, expected: "a name without path, or an absolute path" });
  const candidates = isAbsolute(command)
    ? [command]
    : executableDirectories.map((directory) => join(directory, command));
  const found = command === "" ? undefined : candidates.find(isExecutable);
  if (found === undefined)
    throw inTotoError("INTOTO_INSPECTION_COMMAND", {
      checked,
      expected: `a program in ${executableDirectories.join(", ")}`,
    });
  const real = realpathSync(found);
  if (`${real}${sep}`.startsWith(`${realpathSync(product)}${sep}`))
    throw inTotoError("INTOTO_INSPECTION_COMMAND", { checked, got: "a program inside the product" });
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

interface Launch {
  readonly executable: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly permit: InspectionPermit;
}

function runCommand(run: readonly string[], { executable, directory, environment, permit }: Launch): number {
  const timeout = permit.timeoutMs ?? defaultInspectionTimeoutMs;
  const [argv0 = "", ...words] = run;
  // In a process group of its own, so that what it leaves running can be ended too.
  const options: SpawnSyncOptions & { readonly detached: boolean } = {
    argv0,
    cwd: directory,
    env: { ...environment },
    stdio: "ignore",
    timeout,
    killSignal: "SIGKILL",
    detached: true,
  };
  const ended = spawn(executable, words, options);
  endGroup(ended.pid);
  const { code } = (ended.error ?? {}) as NodeJS.ErrnoException;
  if (code === "ETIMEDOUT")
    throw inTotoError("INTOTO_INSPECTION_TIMEOUT", {
      checked: quote(run.join(" ")),
      expected: `at most ${timeout} ms`,
    });
  if (code !== undefined)
    throw inTotoError("INTOTO_INSPECTION_COMMAND", { checked: quote(run.join(" ")), got: code }, ended.error);
  return ended.status ?? -1;
}

function spawn(executable: string, words: readonly string[], options: SpawnSyncOptions): SpawnSyncReturns<Uint8Array> {
  try {
    return spawnSync(executable, words, options) as SpawnSyncReturns<Uint8Array>;
  } catch (cause) {
    // Node refuses a NUL in an argument by an exception of its own.
    throw inTotoError("INTOTO_INSPECTION_COMMAND", { checked: quote(executable) }, cause);
  }
}

function endGroup(pid: number): void {
  if (pid <= 0) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing was left.
  }
}
