import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  attempt,
  digestOf,
  parseDigest,
  parseJson,
  quote,
  readObject,
  TrustError,
  utf8,
  type Digest,
} from "@countersign/core";
import {
  createUpdater,
  makeHttpFetcher,
  makeMemoryStore,
  maxRootBytes,
  parseRoot,
  type Fetcher,
  type IdentityCheck,
  type Mirror,
  type RunStep,
  type Store,
  type StoreSession,
  type TrustedTarget,
  type Updater,
} from "@countersign/tuf";
import { httpFetch, makeDirectoryFetcher, openStore, sleep } from "@countersign/tuf/node";
import type { SecondOpinion } from "@countersign/pipeline";
import { cliError } from "./errors.ts";
import { updateError } from "./update-errors.ts";
import { useNetwork } from "./network.node.ts";
import type { Terminal } from "./terminal.ts";
import type { UpdateOptions } from "./update-options.ts";
import type { Effort } from "./update-report.ts";

/** Where the store keeps the root that the user trusts, and the mirrors. */
export const anchorFile = "anchor";
const mirrorsFile = "mirrors";
const maxMirrorsBytes = 64 * 1024;

/** A client of one repository. */
export interface UpdateClient {
  readonly directory: string;
  readonly store: Store;
  readonly fetcher: Fetcher;
  readonly updater: Updater;
  /** The root that trust begins at. */
  readonly root: Uint8Array;
  /** Metadata as it was fetched, kept only for --second-opinion. */
  readonly recorded: ReadonlyMap<string, Uint8Array>;
}

/** What the user once said to trust. */
export interface Pinned {
  readonly root: Uint8Array;
  readonly rootDigest: Digest;
  readonly mirrors: readonly Mirror[];
}

/** The directory of the store that the options name, of one of its repositories if they name one. */
export function storeDirectory({ store, repository }: UpdateOptions, { env }: Terminal): string {
  const directory = store ?? join(dataDirectory(env), "countersign", "update");
  if (repository === undefined) return directory;
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/.test(repository))
    throw cliError("CLI_OPTION_VALUE", { checked: "--repository", got: quote(repository) });
  return join(directory, "repositories", repository);
}

function dataDirectory(env: Terminal["env"]): string {
  const given = process.platform === "win32" ? env["LOCALAPPDATA"] : env["XDG_DATA_HOME"];
  if (given !== undefined && given !== "") return given;
  const home = env["HOME"] ?? env["USERPROFILE"];
  if (home === undefined || home === "") throw cliError("CLI_USAGE", "no home directory is known: give --store <dir>");
  return join(home, ".local", "share");
}

/** Keeps a root and mirrors, durably. */
export async function pin(session: StoreSession, root: Uint8Array, mirrors: readonly Mirror[]): Promise<void> {
  await session.write(mirrorsFile, utf8(`${JSON.stringify({ mirrors }, undefined, 2)}\n`));
  await session.write(anchorFile, root);
}

/** What the store's user trusts. Throws CLI_UPDATE_UNTRUSTED if nothing yet. */
export async function readPinned(store: Store, directory: string): Promise<Pinned> {
  // Who mistyped the directory's name is not given one.
  if (!existsSync(join(directory, anchorFile))) throw updateError("CLI_UPDATE_UNTRUSTED", quote(directory));
  return store.open(async (session) => {
    const root = await session.read(anchorFile, maxRootBytes);
    if (root === undefined) throw updateError("CLI_UPDATE_UNTRUSTED", quote(directory));
    checkPinned(root, directory);
    return { root, rootDigest: digestOf("sha256", root), mirrors: await readMirrors(session) };
  });
}

/** The one file that nothing else can bring back. */
function checkPinned(root: Uint8Array, directory: string): void {
  if (attempt(() => parseRoot(root)) !== undefined) return;
  throw updateError("CLI_UPDATE_DAMAGED", quote(join(directory, anchorFile)));
}

/** The mirrors that the user once gave. */
export async function readMirrors(session: StoreSession): Promise<readonly Mirror[]> {
  return parseMirrors(await session.read(mirrorsFile, maxMirrorsBytes));
}

/** A file that is missing or damaged names none: they can be given again. */
function parseMirrors(bytes: Uint8Array | undefined): readonly Mirror[] {
  if (bytes === undefined) return [];
  const error = (): TrustError => updateError("CLI_UPDATE_MIRROR");
  try {
    const list = readObject(parseJson(bytes), "mirrors", error).array("mirrors", 100);
    return list.map((json) => {
      const reader = readObject(json, "mirror", error);
      const targetsUrl = reader.optionalString("targetsUrl");
      return { metadataUrl: reader.string("metadataUrl"), ...(targetsUrl !== undefined && { targetsUrl }) };
    });
  } catch (problem) {
    if (problem instanceof TrustError) return [];
    throw problem;
  }
}

/** The mirrors on the command line. */
export function mirrorsOf({ mirror = [], targetsUrl = [] }: UpdateOptions): readonly Mirror[] {
  if (targetsUrl.length > mirror.length) throw cliError("CLI_USAGE", "each --targets-url needs its --mirror");
  return mirror.map((metadataUrl, at) => {
    const url = targetsUrl[at];
    return url === undefined ? { metadataUrl } : { metadataUrl, targetsUrl: url };
  });
}

/** Opens the client of a repository that is trusted. Nothing is fetched yet. */
export async function openClient(
  options: UpdateOptions,
  terminal: Terminal,
  onStep?: (step: RunStep) => void,
): Promise<UpdateClient> {
  const directory = storeDirectory(options, terminal);
  const store = openStore(directory);
  return await makeClient({ directory, store, pinned: await readPinned(store, directory) }, options, terminal, onStep);
}

/** A client that starts from what the store trusts, judges by the clock of `terminal`, and neither reads nor keeps anything else. */
export async function openForgetfulClient(options: UpdateOptions, terminal: Terminal): Promise<UpdateClient> {
  const directory = storeDirectory(options, terminal);
  const pinned = await readPinned(openStore(directory), directory);
  return await makeClient({ directory, store: makeMemoryStore(), pinned }, options, terminal);
}

/** What a client starts from, and where it keeps what it verified. */
interface Home extends Pick<UpdateClient, "directory" | "store"> {
  readonly pinned: Pinned;
}

async function makeClient(
  { directory, store, pinned }: Home,
  options: UpdateOptions,
  terminal: Terminal,
  onStep?: (step: RunStep) => void,
): Promise<UpdateClient> {
  const given = mirrorsOf(options);
  const recorded = new Map<string, Uint8Array>();
  const plain = makeFetcher(given.length > 0 ? given : pinned.mirrors, options, terminal);
  const fetcher = options.secondOpinion === true ? await recordingFetcher(plain, recorded) : plain;
  const identityCheck = await identityCheckOf(options, terminal);
  const updater = createUpdater({
    root: pinned.root,
    store,
    fetch: fetcher,
    ...(identityCheck && { identityCheck }),
    now: () => terminal.now(),
    ...(options.dangerClock === true && { dangerClock: true }),
    ...(onStep && { onStep }),
  });
  return { directory, store, fetcher, updater, root: pinned.root, recorded };
}

/** Who is asked about Sigstore identities; nobody unless they were switched on. */
export async function identityCheckOf(options: UpdateOptions, terminal: Terminal): Promise<IdentityCheck | undefined> {
  if (options.sigstoreIdentities !== true) return undefined;
  const { openIdentityCheck } = await import("./update-identity.ts");
  return openIdentityCheck(options, terminal);
}

/** What a second opinion needs of a client. */
export type JudgedClient = Pick<UpdateClient, "updater" | "store" | "root" | "recorded">;

/** A fetcher that keeps what metadata came, for a second opinion. */
export async function recordingFetcher(fetcher: Fetcher, recorded: Map<string, Uint8Array>): Promise<Fetcher> {
  const { recordFetcher } = await loadOpinion();
  return recordFetcher(fetcher, recorded);
}

/**
 * Asks tuf-js whether it would have found the same in what this client used, and lets an effort report what it says. Rejects with
 * PIPELINE_SECOND_OPINION_* unless it agrees.
 */
export async function checkSecondOpinion(
  client: JudgedClient,
  targets: readonly TrustedTarget[],
  effort: Pick<Effort, "secondOpinion"> = {},
): Promise<void> {
  const { checkOpinion } = await loadOpinion();
  effort.secondOpinion = await askSecondOpinion(client, targets);
  checkOpinion(effort.secondOpinion);
}

/** What tuf-js says of what this client used. Never rejects for what it says. */
export async function askSecondOpinion(
  { updater, store, root, recorded }: JudgedClient,
  targets: readonly TrustedTarget[],
): Promise<SecondOpinion> {
  const { askTufJs, collectReplay } = await loadOpinion();
  const { steps, time } = updater.report;
  const snapshots = updater.trust?.set.root.consistentSnapshot === true ? "consistent" : "plain";
  const metadata = await collectReplay(recorded, steps, store, snapshots);
  return await askTufJs({ root, metadata, nowMs: Date.parse(time), targets });
}

/** Only who asks for it loads it. */
function loadOpinion(): Promise<typeof import("@countersign/pipeline/node")> {
  return import("@countersign/pipeline/node");
}

/** Mirrors on the web, or one in a folder. */
export function makeFetcher(mirrors: readonly Mirror[], options: UpdateOptions, terminal: Terminal): Fetcher {
  const [first] = mirrors;
  if (first === undefined) throw updateError("CLI_UPDATE_MIRROR");
  const folders = mirrors.filter(
    ({ metadataUrl }) => !/^[a-z][a-z0-9+.-]+:\/\//i.test(metadataUrl) || isFile(metadataUrl),
  );
  if (folders.length === 0) {
    useNetwork(terminal);
    const headers = headersOf(options);
    return makeHttpFetcher({
      fetch: httpFetch,
      sleep,
      tickMs: () => performance.now(),
      mirrors,
      headers,
    });
  }
  if (mirrors.length > 1) throw cliError("CLI_USAGE", "a folder can only be the one mirror");
  const { metadataUrl: metadata, targetsUrl: targets } = first;
  return makeDirectoryFetcher(targets === undefined ? { metadata } : { metadata, targets });
}

function isFile(url: string): boolean {
  return url.toLowerCase().startsWith("file:");
}

/** The value is not repeated in an error: it may be a secret. */
function headersOf({ header = [] }: UpdateOptions): Readonly<Record<string, string>> {
  const pairs = header.map((line): [string, string] => {
    const [, name = "", value = ""] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)$/.exec(line) ?? [];
    if (name === "") throw cliError("CLI_OPTION_VALUE", { checked: "--header", expected: "'Name: value' in ASCII" });
    return [name, value];
  });
  return Object.fromEntries([["user-agent", "countersign"], ...pairs]);
}

/** A digest as users write it: 64 hex digits, with or without `sha256:`. */
export function parseSha256(text: string): Digest {
  const digits = text.toLowerCase().replace(/^sha256:/, "");
  if (!/^[0-9a-f]{64}$/.test(digits))
    throw cliError("CLI_OPTION_VALUE", { checked: "--sha256", expected: "64 hex digits", got: quote(text) });
  return parseDigest(`sha256:${digits}`);
}

/** Where the metadata of a copy of a repository is: in its folder `metadata`, or the copy is that folder. */
export function metadataOf(copy: string): string {
  const below = join(copy, "metadata");
  return existsSync(below) ? below : copy;
}

/** Reads a time as users write it, for what is to be judged by it. */
export function parseTime(text: string, flag: string): Date {
  const time = new Date(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(text) ? text : Number.NaN);
  if (Number.isNaN(time.getTime()))
    throw cliError("CLI_OPTION_VALUE", { checked: flag, expected: "YYYY-MM-DDTHH:MM:SSZ", got: quote(text) });
  return time;
}
