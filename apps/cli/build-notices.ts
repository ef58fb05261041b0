import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The licences of the packages whose code is in the bundle, which their authors ask to be kept with it. */
export function formatNotices(moduleIds: readonly string[]): string {
  const folders = new Set(moduleIds.flatMap((id) => folderOf(id) ?? []));
  const notices = [...folders].map(noticeOf).toSorted();
  return `countersign contains code of these packages.\n\n${notices.join("\n")}`;
}

/** The folder of the installed package that a module belongs to; undefined for code of ours. */
function folderOf(moduleId: string): string | undefined {
  return /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(moduleId.replaceAll("\\", "/"))?.[1];
}

function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<
    string,
    string
  >;
  const [file] = globSync(join(folder, "{LICENSE,LICENCE,license,License}*"));
  const text = file === undefined ? "" : readFileSync(file, "utf8").trim();
  return `== ${name} ${version} (${license ?? "see its licence file"})\n\n${text}\n`;
}
