import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Another implementation, or why it is not there. */
export type Peer = { readonly missing: string } | PresentPeer;

/** What a peer can do. */
export interface PresentPeer {
  readonly version: string;
  /** What its client gets, by target: the length, or null if it finds none. */
  readonly read: (place: Place, names: readonly string[]) => Readonly<Record<string, number | null>>;
  /** Makes a repository in a folder. */
  readonly author: (directory: string) => void;
}

/** A repository that is being served. */
export interface Place {
  readonly root: string;
  readonly url: string;
  /** A folder of its own for what is downloaded. */
  readonly out: string;
}

const here = (...parts: readonly string[]): string => fileURLToPath(new URL(parts.join("/"), import.meta.url));
/** The version that the page names. */
const pythonTuf = "7.0.1";

/** Installs python-tuf from PyPI into an environment of its own. */
export function preparePython(folder: string): Peer {
  const venv = join(folder, "venv");
  const python = join(venv, "bin", "python");
  try {
    execFileSync("python3", ["-m", "venv", venv], { stdio: "pipe" });
    execFileSync(python, ["-m", "pip", "install", "--quiet", `tuf==${pythonTuf}`, "cryptography"], { stdio: "pipe" });
  } catch (error) {
    return { missing: `python-tuf cannot be installed: ${(error as Error).message.split("\n")[0]}` };
  }
  return {
    version: `python-tuf ${pythonTuf}`,
    read: (place, names) => read(python, [here("python/reader.py")], place, names),
    author: (directory) => void execFileSync(python, [here("python/author.py"), directory], { stdio: "pipe" }),
  };
}

/** Builds our small main over the go-tuf that go.mod pins. */
export function prepareGo(folder: string): Peer {
  const program = join(folder, "peer");
  try {
    execFileSync("go", ["build", "-o", program, "."], { cwd: here("go"), stdio: "pipe" });
  } catch (error) {
    return { missing: `go-tuf cannot be built: ${(error as Error).message.split("\n")[0]}` };
  }
  const listed = execFileSync("go", ["list", "-m", "github.com/theupdateframework/go-tuf/v2"], { cwd: here("go") });
  return {
    version: listed.toString("utf8").trim(),
    read: (place, names) => read(program, ["read"], place, names),
    author: (directory) => void execFileSync(program, ["author", directory], { stdio: "pipe" }),
  };
}

function read(
  program: string,
  before: readonly string[],
  { root, url, out }: Place,
  names: readonly string[],
): ReturnType<PresentPeer["read"]> {
  const argv = [...before, root, `${url}/metadata/`, `${url}/targets/`, out, ...names];
  const { status, stdout, stderr } = spawnSync(program, argv, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ReturnType<PresentPeer["read"]>;
}
