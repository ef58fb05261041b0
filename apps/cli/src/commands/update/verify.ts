import { digestName, digestStream, quote, TrustError } from "@countersign/core";
import {
  createUpdater,
  makeMemoryStore,
  maxRootBytes,
  needTarget,
  openTarget,
  verifyTarget,
  type Fetcher,
  type TrustedTarget,
  type Updater,
} from "@countersign/tuf";
import { makeDirectoryFetcher, openStore } from "@countersign/tuf/node";
import { updateError } from "../../update-errors.ts";
import { checkDirectory, readSmallFile } from "../../input.node.ts";
import { interruptible } from "../../interrupt.ts";
import { identityCheckOf, metadataOf, parseTime, readPinned, storeDirectory } from "../../update-client.ts";
import { reportTarget, settle, type TargetReport } from "../../update-report.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { UpdateVerifyOptions } from "../../update-options.ts";

/** `countersign update verify`: opens no socket and changes nothing. 0 whole and right, 1 not whole or refused, 3 it cannot be read. */
export async function updateVerifyCommand(
  [directory = ""]: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as UpdateVerifyOptions;
  const now = options.at === undefined ? terminal.now() : parseTime(options.at, "--at");
  const copy = checkDirectory(directory, "copy");
  const fetcher = wholeFetcher(makeDirectoryFetcher({ metadata: metadataOf(copy) }));
  const root = await rootOf(options, terminal);
  const identityCheck = await identityCheckOf(options, { ...terminal, now: () => now });
  const updater = createUpdater({
    root,
    store: makeMemoryStore(),
    fetch: fetcher,
    now: () => now,
    ...(identityCheck && { identityCheck }),
  });
  const targets: TargetReport[] = [];
  const effort = { command: "update verify", runs: () => ({ repository: updater.report }), targets };
  return settle(effort, options, terminal, () =>
    interruptible(async () => {
      await updater.refresh();
      if (options.metadataOnly === true) return `the metadata holds at ${updater.report.time}`;
      const problems = await verifyAll(updater, fetcher, targets);
      if (problems[0] !== undefined) throw worst(problems);
      return `metadata and ${countOf(targets)} hold at ${updater.report.time}`;
    }),
  );
}

function countOf({ length }: readonly unknown[]): string {
  return `${length} ${length === 1 ? "target" : "targets"}`;
}

/** Of all but the next root, which nobody may have made yet, a copy must have what is asked for. */
function wholeFetcher(fetcher: Fetcher): Fetcher {
  return {
    ...fetcher,
    metadata: async (name, options) => {
      const bytes = await fetcher.metadata(name, options);
      if (bytes === undefined && !/^\d+\.root\.json$/.test(name))
        throw updateError("CLI_UPDATE_INCOMPLETE", `metadata ${quote(name)}`);
      return bytes;
    },
  };
}

async function rootOf(options: UpdateVerifyOptions, terminal: Terminal): Promise<Uint8Array> {
  if (options.root !== undefined) return readSmallFile(options.root, "root", maxRootBytes);
  const directory = storeDirectory(options, terminal);
  return (await readPinned(openStore(directory), directory)).root;
}

async function verifyAll(updater: Updater, fetcher: Fetcher, reports: TargetReport[]): Promise<readonly TrustError[]> {
  const names = await updater.names();
  const targets = await updater.targets(names);
  const problems: TrustError[] = [];
  for (const [at, found] of targets.entries()) {
    // Listed by a role that may not speak for it.
    if (found === undefined) continue;
    const target = needTarget(names[at] ?? "", found);
    try {
      reports.push(await verifyOne(target, fetcher));
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      problems.push(error);
      const outcome =
        error.code === "CLI_UPDATE_INCOMPLETE" ? "absent" : error.kind === "unavailable" ? "unknown" : "refused";
      reports.push(reportTarget(target, outcome));
    }
  }
  return problems;
}

async function verifyOne(target: TrustedTarget, fetcher: Fetcher): Promise<TargetReport> {
  const found = await openTarget(fetcher, target, {});
  if (found === undefined) throw updateError("CLI_UPDATE_INCOMPLETE", `target ${quote(target.name)}`);
  const artifact = await digestStream(found.body, {
    name: target.name,
    hashes: target.digests.map(digestName),
    keepBytes: 0,
  });
  return { ...reportTarget(target, "verified"), claims: verifyTarget(target, artifact) };
}

/** What is wrong before what is missing, and that before what cannot be read. */
function worst(problems: readonly TrustError[]): TrustError {
  const told = problems.filter(({ kind }) => kind !== "unavailable");
  return told.find(({ code }) => code !== "CLI_UPDATE_INCOMPLETE") ?? told[0] ?? (problems[0] as TrustError);
}
