import { layout, type Workspace } from "./author-workspace.ts";
import { makeDirectories, type Disk } from "./disk.ts";
import { tufError } from "./errors.ts";

/** Links, which a disk need not have. */
export interface Generations {
  /** Where a symbolic link leads; undefined if there is none of that name. */
  readLink(path: string): Promise<string | undefined>;
  /** Puts a symbolic link at `path`, in one step also where one is. */
  replaceLink(to: string, path: string): Promise<void>;
  /** A second name for a file. */
  link(from: string, to: string): Promise<void>;
}

/** A copy of `public` in the making, which nobody sees before `commit`. */
export interface Generation {
  readonly folder: string;
  commit(): Promise<void>;
}

const generations = "generations";

/**
 * Opens a copy of `public` whose files are links to today's. Where snapshots are not consistent, new files have the names of
 * old ones, so that only the exchange of all of them at once keeps readers from a mixture: `public` is a link to the current
 * generation. Today's is kept for readers who are under way, older ones are removed.
 * Throws TUF_PUBLISH_SWAP where `public` is a folder, or there are no links.
 */
export async function openGeneration(workspace: Workspace, links: Generations | undefined): Promise<Generation> {
  const { disk, directory } = workspace;
  const path = `${directory}/${layout.public}`;
  const there = await disk.stat(path);
  if (links === undefined || (there !== undefined && there.kind !== "link")) throw tufError("TUF_PUBLISH_SWAP");
  const current = await links.readLink(path);
  const number = current === undefined ? 1 : Number(current.slice(generations.length + 1)) + 1;
  const name = `${generations}/${number}`;
  await removeTree(disk, `${directory}/${name}`);
  await makeDirectories(disk, `${directory}/${name}`);
  if (current !== undefined) await linkTree(disk, links, `${directory}/${current}`, `${directory}/${name}`);
  return {
    folder: `${directory}/${name}`,
    commit: async () => {
      await links.replaceLink(name, path);
      await disk.syncDirectory(directory);
      for (const each of await disk.list(`${directory}/${generations}`))
        if (Number(each) < number - 1) await removeTree(disk, `${directory}/${generations}/${each}`);
    },
  };
}

async function linkTree(disk: Disk, links: Generations, from: string, to: string): Promise<void> {
  for (const name of await disk.list(from)) {
    const entry = await disk.stat(`${from}/${name}`);
    if (entry?.kind === "file") await links.link(`${from}/${name}`, `${to}/${name}`);
    if (entry?.kind !== "directory") continue;
    await disk.makeDirectory(`${to}/${name}`);
    await linkTree(disk, links, `${from}/${name}`, `${to}/${name}`);
  }
  await disk.syncDirectory(to);
}

async function removeTree(disk: Disk, path: string): Promise<void> {
  if ((await disk.stat(path))?.kind === "directory")
    for (const name of await disk.list(path)) await removeTree(disk, `${path}/${name}`);
  await disk.remove(path);
}
