import { resolve } from "node:path";
import { attempt, digestOf, equalBytes, quote, type Digest } from "@countersign/core";
import { acceptAnchor, maxRootBytes, parseRoot, type Mirror, type StoreSession } from "@countersign/tuf";
import { openStore } from "@countersign/tuf/node";
import { cliError } from "../../errors.ts";
import { updateError } from "../../update-errors.ts";
import { readSmallFile } from "../../input.node.ts";
import { formatJson } from "../../render-json.ts";
import { plain, row } from "../../render-text.ts";
import {
  anchorFile,
  makeFetcher,
  mirrorsOf,
  parseSha256,
  pin,
  readMirrors,
  storeDirectory,
  type Pinned,
} from "../../update-client.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { UpdateTrustOptions } from "../../update-options.ts";

/** `countersign update trust`: from now on the store's client starts from this root. */
export async function updateTrustCommand(
  [source = ""]: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as UpdateTrustOptions;
  const named = mirrorsOf(options).map(absolute);
  if (named.length > 0) makeFetcher(named, options, terminal);
  const wanted = options.sha256 === undefined ? undefined : parseSha256(options.sha256);
  const bytes = await readRoot(source, wanted, options, terminal);
  const sha256 = digestOf("sha256", bytes);
  if (wanted !== undefined && sha256 !== wanted)
    throw updateError("CLI_UPDATE_ROOT", { checked: quote(source), expected: wanted, got: sha256 });
  const { root } = acceptAnchor(bytes, { nowMs: terminal.now().getTime() });
  const directory = storeDirectory(options, terminal);
  const mirrors = await openStore(directory).open(async (session) =>
    keep(session, { root: bytes, mirrors: named }, options, directory),
  );
  const { version, expires } = root;
  if (options.json === true)
    terminal.out(
      formatJson({
        schema: "countersign.update-trust/v1",
        root: { version, expires, sha256 },
        store: directory,
        mirrors,
      }),
    );
  const lines = [
    row("root", `version ${version}, ${sha256}`),
    row("store", plain(directory)),
    ...mirrors.map(({ metadataUrl }) => row("mirror", plain(metadataUrl))),
  ];
  if (options.quiet !== true)
    terminal.err(`${terminal.style("green", "trusted:")} ${plain(source)}\n${lines.join("\n")}\n`);
  return 0;
}

/** Gives the mirrors that are known from now on: of the root that was trusted before, those that it had unless others are given. */
async function keep(
  session: StoreSession,
  { root, mirrors }: Pick<Pinned, "root" | "mirrors">,
  { dangerReplace }: UpdateTrustOptions,
  directory: string,
): Promise<readonly Mirror[]> {
  const before = await session.read(anchorFile, maxRootBytes);
  const isOther = before !== undefined && isRoot(before) && !equalBytes(before, root);
  if (isOther && dangerReplace !== true) throw updateError("CLI_UPDATE_TRUSTED", quote(directory));
  // What was verified under the other root says nothing under this one.
  if (isOther) for (const name of await session.list()) await session.remove(name);
  const kept = mirrors.length > 0 || isOther ? mirrors : await readMirrors(session);
  await pin(session, root, kept);
  return kept;
}

/** What a damaged disk left of a root is nobody's: then nothing else that the store has is forgotten. */
function isRoot(bytes: Uint8Array): boolean {
  return attempt(() => parseRoot(bytes)) !== undefined;
}

/** A folder is found again from wherever the command is run next. */
function absolute({ metadataUrl, targetsUrl }: Mirror): Mirror {
  const settled = (place: string): string => (/^[a-z][a-z0-9+.-]+:/i.test(place) ? place : resolve(place));
  return targetsUrl === undefined
    ? { metadataUrl: settled(metadataUrl) }
    : { metadataUrl: settled(metadataUrl), targetsUrl: settled(targetsUrl) };
}

async function readRoot(
  source: string,
  wanted: Digest | undefined,
  options: UpdateTrustOptions,
  terminal: Terminal,
): Promise<Uint8Array> {
  if (!/^https?:/i.test(source)) return readSmallFile(source, "root", maxRootBytes);
  const slash = source.lastIndexOf("/") + 1;
  // Refuses a name and password in the address, before an error repeats it.
  const fetcher = makeFetcher([{ metadataUrl: source.slice(0, slash) }], options, terminal);
  if (wanted === undefined) throw updateError("CLI_UPDATE_PIN", quote(source));
  const bytes = await fetcher.metadata(unescaped(source.slice(slash)), { maxBytes: maxRootBytes });
  if (bytes === undefined) throw cliError("CLI_FILE_MISSING", `root ${quote(source)}`);
  return bytes;
}

function unescaped(fileName: string): string {
  try {
    return decodeURIComponent(fileName);
  } catch {
    throw cliError("CLI_OPTION_VALUE", { checked: "root", expected: "an address with %XX of UTF-8 only" });
  }
}
