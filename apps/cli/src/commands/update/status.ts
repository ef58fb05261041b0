import { digestOf, quote } from "@countersign/core";
import { createUpdater, makeMemoryStore, maxMetadataBytes, roleFile, type Fetcher } from "@countersign/tuf";
import { openStore } from "@countersign/tuf/node";
import { updateError } from "../../update-errors.ts";
import { plain, row } from "../../render-text.ts";
import { anchorFile, readPinned, storeDirectory } from "../../update-client.ts";
import { settle, versionLines } from "../../update-report.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { UpdateOptions } from "../../update-options.ts";

/** `countersign update status`: what the store has, verified again by now; opens no socket and changes nothing. */
export async function updateStatusCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as UpdateOptions;
  const directory = storeDirectory(options, terminal);
  const { root, mirrors } = await readPinned(openStore(directory), directory);
  const files = await readAll(directory);
  const danger = options.dangerClock === true ? ({ dangerClock: true } as const) : {};
  const store = makeMemoryStore(files);
  const updater = createUpdater({ root, store, fetch: storedFetcher(files), now: () => terminal.now(), ...danger });
  const client = { store: directory, pinned: digestOf("sha256", root), mirrors };
  const effort = { command: "update status", runs: () => ({ repository: updater.report }), targets: [], client };
  const about = [
    row("store", plain(directory)),
    row("pinned", client.pinned),
    ...mirrors.map(({ metadataUrl }) => row("mirror", plain(metadataUrl))),
  ];
  if (options.quiet !== true) terminal.err(`${about.join("\n")}\n`);
  return settle(effort, options, terminal, async () => {
    const report = await updater.refresh();
    return ["what the store has is valid now", ...versionLines(report)].join("\n");
  });
}

async function readAll(directory: string): Promise<ReadonlyMap<string, Uint8Array>> {
  return openStore(directory).open(async (session) => {
    const files = new Map<string, Uint8Array>();
    for (const name of await session.list()) {
      if (name === anchorFile) continue;
      const bytes = await session.read(name, maxMetadataBytes);
      if (bytes !== undefined) files.set(name, bytes);
    }
    return files;
  });
}

/** Gives what the store has as if it came from a mirror that knows nothing newer. */
function storedFetcher(files: ReadonlyMap<string, Uint8Array>): Fetcher {
  return {
    metadata: async (name) => {
      if (/^\d+\.root\.json$/.test(name)) return undefined;
      const role = name.replace(/^\d+\.(?=(?:snapshot|targets)\.json$)/, "").replace(/\.json$/, "");
      const bytes = files.get(roleFile(role));
      if (bytes === undefined) throw updateError("CLI_UPDATE_UNFETCHED", quote(role));
      return bytes;
    },
    target: async () => undefined,
  };
}
