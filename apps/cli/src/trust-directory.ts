import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Terminal } from "./terminal.ts";

/** Where `countersign trust update` keeps what it got for an instance; undefined if no home directory is known. */
export function trustDirectory(name: string, env: Terminal["env"]): string | undefined {
  const given = process.platform === "win32" ? env["LOCALAPPDATA"] : env["XDG_DATA_HOME"];
  if (given !== undefined && given !== "") return join(given, "countersign", "trust", name);
  const home = env["HOME"] ?? env["USERPROFILE"];
  return home === undefined || home === "" ? undefined : join(home, ".local", "share", "countersign", "trust", name);
}

/** A file that an update has left for the instance; undefined if there is none. */
export function updatedFile(instance: string, name: string, env: Terminal["env"]): string | undefined {
  const directory = trustDirectory(instance, env);
  const path = directory === undefined ? undefined : join(directory, name);
  return path !== undefined && existsSync(path) ? path : undefined;
}
