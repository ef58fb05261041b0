import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { cloneRepository, maxRootBytes, type Clone } from "@countersign/tuf";
import { makeNodeDisk, openTargetFolder, slashed } from "@countersign/tuf/node";
import { cliError } from "../../errors.ts";
import { readSmallFile } from "../../input.node.ts";
import { interruptible } from "../../interrupt.ts";
import { makeProgress } from "../../progress.ts";
import { formatJson } from "../../render-json.ts";
import { plain } from "../../render-text.ts";
import { makeFetcher } from "../../update-client.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoCloneOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo clone`: copies a whole repository, verified as a client does; running it again brings the copy up to date. */
export async function repoCloneCommand(
  [url = ""]: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoCloneOptions;
  if (options.root === undefined) throw cliError("CLI_USAGE", "required option '--root <file>' not specified");
  const root = readSmallFile(options.root, "root metadata", maxRootBytes);
  const folder = resolve(options.dir ?? ".");
  const copy = join(folder, "public");
  const mirror = { metadataUrl: url, ...(options.targetsUrl === undefined ? {} : { targetsUrl: options.targetsUrl }) };
  const { header } = options;
  const fetcher = makeFetcher([mirror], header === undefined ? {} : { header }, terminal);
  mkdirSync(copy, { recursive: true });
  const progress = makeProgress(url, undefined, terminal);
  let doneBytes = 0;
  const done = await interruptible(async () =>
    cloneRepository({
      root,
      fetcher,
      disk: makeNodeDisk(),
      directory: slashed(copy),
      targets: await openTargetFolder(join(copy, "targets"), { storeDirectory: join(folder, ".clone") }),
      now: terminal.now(),
      onTarget: (_name, length) => progress.report((doneBytes += length)),
    }),
  );
  progress.end();
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.repo-clone/v1", folder: copy, ...done }));
  if (options.quiet !== true) terminal.err(textOf(copy, done, terminal));
  return 0;
}

function textOf(folder: string, done: Clone, terminal: Terminal): string {
  const { versions, roles, targets, bytes, skipped } = done;
  const names = Object.entries(versions).map(([role, version]) => `${role} ${version}`);
  const said = `${terminal.style("green", "copied:")} ${plain(folder)}: ${names.join(", ")}; ${counted(roles, "targets role")}, ${counted(targets, "file")}, ${counted(bytes, "byte")}\n`;
  const shown = skipped.slice(0, maxSkippedShown).map(plain).join(", ");
  const head =
    skipped.length === 0
      ? said
      : `${said}passed over ${counted(skipped.length, "target")} whose name no file here can have: ${shown}${skipped.length > maxSkippedShown ? ", …" : ""}\n`;
  return done.oldestRoot === 1
    ? head
    : `${head}clients need root ${done.oldestRoot} or newer: older ones are not there, or lead elsewhere\n`;
}

const maxSkippedShown = 10;

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
