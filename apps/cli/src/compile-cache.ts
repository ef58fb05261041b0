/** What of the environment says where caches are kept. */
export type CacheEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Keeps compiled code between runs in a folder of the user's own cache (4 ms of a verify). Whoever can write there can
 * run code as this user, so a folder counts only if it and those above it up to the home belong to this user alone.
 * Makes no folder but its own, and does without where anything is in the way.
 */
export function useCompileCache(env: CacheEnvironment, uid: number | undefined): void {
  const folder = openCacheFolder(env, uid);
  if (folder !== undefined) process.getBuiltinModule("node:module").enableCompileCache(folder);
}

/** The folder for compiled code, made if need be; undefined where there is none that is safe. */
export function openCacheFolder(env: CacheEnvironment, uid: number | undefined): string | undefined {
  const above = foldersAbove(env);
  const parent = above.at(-1);
  // Windows knows no owners here, and its profile folder is private already; but nothing was measured there.
  if (uid === undefined || parent === undefined) return undefined;
  const { mkdirSync } = process.getBuiltinModule("node:fs");
  const folder = `${parent}/countersign`;
  try {
    if (!above.every((each) => isOwn(each, uid, 0o022))) return undefined;
    if (!isOwn(folder, uid, 0o077)) mkdirSync(folder, { mode: 0o700 });
    return isOwn(folder, uid, 0o077) ? folder : undefined;
  } catch {
    return undefined;
  }
}

function foldersAbove({ XDG_CACHE_HOME: cache = "", HOME: home = "" }: CacheEnvironment): readonly string[] {
  if (cache.startsWith("/")) return [cache];
  return home.startsWith("/") ? [home, `${home}/.cache`] : [];
}

/** Whether it is a folder, no link, of this user, that nobody else may do with what `forbidden` names. */
function isOwn(path: string, uid: number, forbidden: number): boolean {
  const { lstatSync } = process.getBuiltinModule("node:fs");
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.isDirectory() && stat.uid === uid && (stat.mode & forbidden) === 0;
}
