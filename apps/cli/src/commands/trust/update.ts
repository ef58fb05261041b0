import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf, equalBytes, parseUtf8, quote, utf8 } from "@countersign/core";
import {
  fetchTrustUpdate,
  loadTufRoot,
  type TrustUpdate,
  type TrustUpdateOptions as TrustUpdateQuestion,
  type SecondOpinion,
} from "@countersign/pipeline";
import { openStore } from "@countersign/tuf/node";
import { cliError } from "../../errors.ts";
import { checkDirectory, makeDirectory, readSmallFile } from "../../input.node.ts";
import { interruptible } from "../../interrupt.ts";
import { writeAtomic } from "../../output.node.ts";
import { formatJson } from "../../render-json.ts";
import { opinionLines, plain } from "../../render-text.ts";
import { trustDirectory } from "../../trust-directory.ts";
import { checkSecondOpinion, makeFetcher, recordingFetcher, type JudgedClient } from "../../update-client.ts";
import type { Fetcher } from "@countersign/tuf";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { TrustUpdateOptions } from "../../trust-options.ts";

/** `countersign trust update`: 0 the files are the newest, 1 refused, 3 could not tell. What was there before stays unless it is 0. */
export async function trustUpdateCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as TrustUpdateOptions;
  const output = options.output === undefined ? [] : [options.output];
  for (const folder of output) if (existsSync(folder)) checkDirectory(folder, "output");
  const { name, url, root } = await repositoryOf(options);
  const directory = trustDirectory(name, terminal.env);
  if (directory === undefined) throw cliError("CLI_USAGE", "no home directory is known: set HOME");
  const mirror = { metadataUrl: url, targetsUrl: `${url.replace(/\/+$/, "")}/targets` };
  const store = openStore(join(directory, "tuf"));
  const asked: Asked = {};
  const judged = await judging(makeFetcher([mirror], {}, terminal), { root, store, asked }, options);
  const update = await interruptible(() => fetchTrustUpdate({ root, store, now: () => terminal.now(), ...judged }));
  const files = [directory, ...output].flatMap((folder) => writeFiles(folder, update));
  if (options.json === true) {
    const { run } = update;
    terminal.out(formatJson({ schema: "countersign.trust-update/v1", instance: name, url, files, run, ...asked }));
  }
  if (options.quiet !== true) {
    const lines = files.map(({ path, isNew }) => `${isNew ? "updated:" : "current:"} ${plain(path)}\n`);
    const opinion = opinionLines(asked.secondOpinion, terminal, "outcome");
    terminal.err([...lines, ...opinion.map((line) => `${line}\n`)].join(""));
  }
  return 0;
}

/** What was said, once somebody else was asked; in the shape of all second opinions. */
interface Asked {
  secondOpinion?: SecondOpinion;
}

/** The fetcher, and who is asked besides: tuf-js, with all that came, if that was asked for. */
async function judging(
  fetcher: Fetcher,
  { asked, ...client }: Pick<JudgedClient, "root" | "store"> & { readonly asked: Asked },
  { secondOpinion }: TrustUpdateOptions,
): Promise<Pick<TrustUpdateQuestion, "fetcher" | "confirm">> {
  if (secondOpinion !== true) return { fetcher };
  const recorded = new Map<string, Uint8Array>();
  return {
    fetcher: await recordingFetcher(fetcher, recorded),
    confirm: (updater, targets) => checkSecondOpinion({ ...client, updater, recorded }, targets, asked),
  };
}

interface Repository {
  /** The folder below the user's data: an instance, or the host of a private one. */
  readonly name: string;
  readonly url: string;
  readonly root: Uint8Array;
}

async function repositoryOf(options: TrustUpdateOptions): Promise<Repository> {
  const { tufUrl, tufRoot, staging, instance } = options;
  if ((tufUrl === undefined) !== (tufRoot === undefined))
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: tufUrl === undefined ? "--tuf-root" : "--tuf-url",
      expected: "both --tuf-url and --tuf-root",
    });
  if (tufUrl !== undefined && tufRoot !== undefined)
    return { name: hostName(tufUrl), url: tufUrl, root: readSmallFile(tufRoot, "TUF root") };
  const name = staging === true ? "staging" : (instance ?? "public-good");
  const { root, url } = await loadTufRoot(name);
  return { name, url, root: utf8(root) };
}

/** No name of an instance has a dot or an underscore, and each address has its own. */
function hostName(text: string): string {
  if (!URL.canParse(text))
    throw cliError("CLI_OPTION_VALUE", { checked: "--tuf-url", expected: "an address", got: quote(text) });
  const { host, href } = new URL(text);
  const id = digestOf("sha256", utf8(href)).slice("sha256:".length, "sha256:".length + 8);
  return `${host.replaceAll(/[^A-Za-z0-9.-]/g, "_")}_${id}`;
}

interface Written {
  readonly path: string;
  readonly digest: string;
  /** Whether the content is other than before. */
  readonly isNew: boolean;
}

/** Written anew also when nothing changed: the file's time says when it was last known to be current. */
function writeFiles(folder: string, { trustedRoot, signingConfig }: TrustUpdate): readonly Written[] {
  makeDirectory(folder, "output");
  const files = [["trusted_root.json", trustedRoot] as const, ["signing_config.json", signingConfig] as const];
  return files.flatMap(([name, bytes]) => {
    if (bytes === undefined) return [];
    const path = join(folder, name);
    const isNew = !isSame(path, bytes);
    writeAtomic(path, parseUtf8(bytes));
    return [{ path, digest: digestOf("sha256", bytes), isNew }];
  });
}

function isSame(path: string, bytes: Uint8Array): boolean {
  try {
    return equalBytes(new Uint8Array(readFileSync(path)), bytes);
  } catch {
    return false;
  }
}
