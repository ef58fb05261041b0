import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a program came to. */
export interface Ran {
  readonly code: number | null;
  readonly text: string;
}

/** Runs a program to its end, whatever it says. */
export function run(cwd: string, program: string, ...args: readonly string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8", timeout: 120_000 });
  return { code: status, text: error === undefined ? `${stdout}${stderr}` : error.message };
}

/** Throws unless a program ended well. */
export function must({ code, text }: Ran): void {
  if (code !== 0) throw new Error(text);
}

/** The built command. */
export const command: string = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url));

/** Runs `countersign layout …`. */
export function ours(cwd: string, ...args: readonly string[]): Ran {
  return run(cwd, process.execPath, command, "layout", ...args);
}

/** The peer's command, or why it cannot be had. */
export type Peer = { readonly program: string; readonly version: string } | { readonly missing: string };

/**
 * Builds in-toto-golang's own command, in the version that go.mod pins, into a folder. Go fetches the module through
 * whatever proxy it is set up with.
 */
export function buildPeer(folder: string): Peer {
  const here = fileURLToPath(new URL(".", import.meta.url));
  if (run(here, "go", "version").code !== 0) return { missing: "no Go on the PATH" };
  const program = join(folder, "in-toto");
  const module = "github.com/in-toto/in-toto-golang";
  const built = run(here, "go", "build", "-buildvcs=false", "-o", program, module);
  if (built.code !== 0) return { missing: `go build ${module}: ${built.text.trim().split("\n").at(-1) ?? ""}` };
  const version = run(here, "go", "list", "-m", "-f", "{{.Version}}", module).text.trim();
  return { program, version };
}
