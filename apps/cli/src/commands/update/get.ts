import { TrustError } from "@countersign/core";
import {
  findByMap,
  needTarget,
  parseMap,
  saveTarget,
  streamTarget,
  type Fetcher,
  type RepositoryMap,
  type RunReport,
  type TargetFolder,
  type TrustedTarget,
} from "@countersign/tuf";
import { openTargetFolder } from "@countersign/tuf/node";
import { cliError } from "../../errors.ts";
import { readSmallFile } from "../../input.node.ts";
import { interruptible } from "../../interrupt.ts";
import { makeProgress } from "../../progress.ts";
import { plain, whole } from "../../render-text.ts";
import { checkSecondOpinion, openClient, storeDirectory, type UpdateClient } from "../../update-client.ts";
import { reportTarget, settle, type Effort, type TargetReport } from "../../update-report.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { UpdateGetOptions } from "../../update-options.ts";

/** How many targets are downloaded at once. */
const maxDownloads = 4;

/** A target, and who has it. */
interface Offer {
  readonly target: TrustedTarget;
  readonly fetcher: Fetcher;
  readonly repositories?: readonly string[];
}

/** Where targets are looked up. */
interface Source {
  readonly find: (name: string) => Promise<Offer>;
  readonly runs: () => Readonly<Record<string, RunReport>>;
  /** Has another implementation confirm what was found, if that was asked for. */
  readonly confirm?: (targets: readonly TrustedTarget[], effort: Effort) => Promise<void>;
}

/** `countersign update get`: prints the path of each target once it is verified and in its place. */
export async function updateGetCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as UpdateGetOptions;
  const names = [...new Set(operands)];
  if (options.output === "-" && names.length > 1)
    throw cliError("CLI_USAGE", "only one target can go to standard output");
  if (options.output === "-" && options.json === true)
    throw cliError("CLI_USAGE", "--json and the target both want standard output");
  if (options.map !== undefined && options.secondOpinion === true)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--second-opinion",
      got: "--map: tuf-js knows one repository only",
    });
  const source =
    options.map === undefined ? await oneSource(options, terminal) : mapSource(options.map, options, terminal);
  const targets: TargetReport[] = [];
  const effort: Effort = { command: "update get", runs: source.runs, targets };
  return settle(effort, options, terminal, () =>
    interruptible(async () => {
      const offers: Offer[] = [];
      for (const name of names) offers.push(await source.find(name));
      await source.confirm?.(
        offers.map(({ target }) => target),
        effort,
      );
      if (options.output === "-") targets.push(await stream(offers[0] as Offer, terminal));
      else await save(offers, { options, terminal, targets });
      return targets.map(({ outcome, name, length }) => `${outcome} ${plain(name)}, ${length} bytes`).join("\n");
    }),
  );
}

async function oneSource(options: UpdateGetOptions, terminal: Terminal): Promise<Source> {
  const client = await openClient(options, terminal);
  const { updater, fetcher } = client;
  return {
    find: async (name) => ({ target: needTarget(name, await updater.target(name)), fetcher }),
    runs: () => ({ repository: updater.report }),
    ...(options.secondOpinion === true && {
      confirm: (targets, effort) => checkSecondOpinion(client, targets, effort),
    }),
  };
}

/** The repositories of a map are clients of their own, each with its root, opened when a target needs them. */
function mapSource(path: string, options: UpdateGetOptions, terminal: Terminal): Source {
  const map = parseMap(readSmallFile(path, "map"));
  const clients = new Map<string, Promise<UpdateClient>>();
  const opened = new Map<string, UpdateClient>();
  const clientOf = (repository: string): Promise<UpdateClient> => {
    const opening = clients.get(repository) ?? openClient(repositoryOptions(map, repository, options), terminal);
    clients.set(repository, opening);
    return opening;
  };
  return {
    find: async (name) => {
      const found = await findByMap(map, name, async (repository) => {
        const client = await clientOf(repository);
        opened.set(repository, client);
        return client.updater.target(name);
      });
      const target = needTarget(name, found?.target);
      const { fetcher } = await clientOf(found?.repositories[0] ?? "");
      return { target, fetcher, repositories: found?.repositories ?? [] };
    },
    runs: () => Object.fromEntries([...opened].map(([name, { updater }]) => [name, updater.report])),
  };
}

function repositoryOptions(map: RepositoryMap, repository: string, options: UpdateGetOptions): UpdateGetOptions {
  return { ...options, repository, mirror: map.repositories.get(repository) ?? [] };
}

async function stream({ target, fetcher }: Offer, terminal: Terminal): Promise<TargetReport> {
  for await (const piece of streamTarget(fetcher, target)) terminal.out(piece);
  return reportTarget(target, "streamed");
}

interface Saving {
  readonly options: UpdateGetOptions;
  readonly terminal: Terminal;
  /** Grows by each target, saved or not. */
  readonly targets: TargetReport[];
}

/** Several at once; all are tried, and the first failure is thrown at the end. */
async function save(offers: readonly Offer[], { options, terminal, targets }: Saving): Promise<void> {
  const folder = await openTargetFolder(options.output ?? ".", { storeDirectory: storeDirectory(options, terminal) });
  const total = offers.reduce((sum, { target }) => sum + target.length, 0);
  const label = offers.length === 1 ? (offers[0]?.target.name ?? "") : `${offers.length} targets`;
  const progress = makeProgress(label, total, terminal, "downloading");
  const done = new Map<Offer, number>();
  await limited(offers, async (offer) => {
    const onProgress = (bytes: number): void => {
      done.set(offer, bytes);
      progress.report([...done.values()].reduce((sum, each) => sum + each, 0));
    };
    const saved = await saveOne(offer, folder, onProgress).catch((error: unknown) => {
      if (error instanceof TrustError)
        targets.push(reportTarget(offer.target, error.kind === "unavailable" ? "unknown" : "refused"));
      throw error;
    });
    targets.push(saved);
    if (options.json !== true) terminal.out(`${whole(saved.path ?? "")}\n`);
  }).finally(() => progress.end());
}

async function saveOne(offer: Offer, folder: TargetFolder, onProgress: (bytes: number) => void): Promise<TargetReport> {
  const { target, fetcher, repositories } = offer;
  const { path, reusedBytes } = await saveTarget(fetcher, target, folder, { onProgress });
  const outcome = reusedBytes === target.length && target.length > 0 ? "kept" : "saved";
  return { ...reportTarget(target, outcome), path, reusedBytes, ...(repositories && { repositories }) };
}

async function limited<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const problems: unknown[] = [];
  let next = 0;
  const walk = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++)
      await work(items[at] as T).catch((error: unknown) => void problems.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(maxDownloads, items.length) }, walk));
  if (problems.length > 0) throw problems[0];
}
