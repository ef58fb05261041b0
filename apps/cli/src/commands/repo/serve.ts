import { join } from "node:path";
import { serveRepository } from "@countersign/tuf/node";
import { checkDirectory } from "../../input.node.ts";
import { formatJson } from "../../render-json.ts";
import { shellQuoted } from "../../render-text.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoServeOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo serve`: until the process is told to stop. */
export async function repoServeCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoServeOptions;
  const folder = checkDirectory(join(options.dir ?? ".", "public"), "published repository");
  const stopped = untilSignal();
  const server = await serveRepository(folder, options.port ?? 0);
  try {
    const { url } = server;
    if (options.json === true) terminal.out(formatJson({ schema: "countersign.repo-serve/v1", url, folder }));
    else
      terminal.out(
        `serving ${shellQuoted(folder)} at ${url} until Ctrl-C\n  metadata: ${url}/metadata\n  targets:  ${url}/targets\n`,
      );
    await stopped;
  } finally {
    await server.close();
  }
  return 0;
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}
