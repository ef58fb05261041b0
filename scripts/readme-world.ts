import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./run.ts";

/** A local Sigstore and what the blocks need to reach it. */
export interface LocalWorld {
  /** COUNTERSIGN_TRUSTED_ROOT and COUNTERSIGN_SIGNING_CONFIG. */
  readonly variables: Readonly<Record<string, string>>;
  /** The issuer that stands in for the public ones. */
  readonly issuer: string;
  /** A fresh identity token for a subject. */
  token(subject: string): Promise<string>;
  /** The variables that GitHub gives a job with `id-token: write`; the token speaks for `subject`. */
  githubVariables(subject: string): Readonly<Record<string, string>>;
  close(): void;
}

/** How long `countersign dev up` may take to write its files. */
export const startTimeoutMs = 60_000;

/** Runs `bin/countersign dev up` in a folder of its own. Throws a plain Error if it does not come up in time. */
export async function startLocalWorld(root: string): Promise<LocalWorld> {
  const countersign = join(root, "bin", "countersign");
  if (!existsSync(countersign)) throw new Error("bin/countersign does not exist: no local Sigstore for env=local");
  const dir = mkdtempSync(join(tmpdir(), "readme-sigstore-"));
  const child = spawn(countersign, ["dev", "up", "--dir", dir], { stdio: ["ignore", "ignore", "inherit"] });
  const stop = (): void => {
    child.kill();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    return await openWorld({ countersign, dir, child, stop });
  } catch (error) {
    stop();
    throw error;
  }
}

interface Running {
  readonly countersign: string;
  readonly dir: string;
  readonly child: ChildProcess;
  readonly stop: () => void;
}

async function openWorld({ countersign, dir, child, stop }: Running): Promise<LocalWorld> {
  const files = { root: join(dir, "trusted_root.json"), config: join(dir, "signing_config.json") };
  const made = [files.root, files.config, join(dir, "dev.json")];
  await waitFor(() => made.every((path) => existsSync(path)), child);
  const token = (subject: string): Promise<string> => makeToken(countersign, dir, subject);
  const issuer = issuerOf(await token("readme@example.com"));
  const server = await startTokenServer(token);
  return {
    variables: { COUNTERSIGN_TRUSTED_ROOT: files.root, COUNTERSIGN_SIGNING_CONFIG: files.config },
    issuer,
    token,
    githubVariables: (subject) => tokenRequestVariables(server, subject),
    close: () => {
      server.close();
      stop();
    },
  };
}

/** GitHub's token endpoint on loopback: GET with a bearer token, answers `{ "value": token }`. */
export async function startTokenServer(token: (subject: string) => Promise<string>): Promise<Server> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const isAsked = request.headers.authorization?.toLowerCase() === `bearer ${requestToken}`;
    if (!isAsked || url.searchParams.get("audience") !== "sigstore") {
      response.writeHead(401).end();
      return;
    }
    token(url.searchParams.get("subject") ?? "").then(
      (value) => response.end(JSON.stringify({ value })),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return server;
}

/** The variables by which a job finds that endpoint; the token will speak for `subject`. */
export function tokenRequestVariables(server: Server, subject: string): Readonly<Record<string, string>> {
  const { port } = server.address() as AddressInfo;
  return {
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/?subject=${encodeURIComponent(subject)}`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
  };
}

/** A PATH that begins with stand-ins for `npm install --global countersign`, `npx` and `gh`, the repository's bin/ and this Node. */
export function makePath(root: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const inherited = process.env["PATH"] ?? "";
  for (const [name, script] of Object.entries(standIns)) {
    const real =
      inherited
        .split(delimiter)
        .map((part) => join(part, name))
        .find((path) => existsSync(path)) ?? "false";
    writeFileSync(join(folder, name), `#!/bin/sh\n${script.replace("REAL", `'${real}'`)}\n`, { mode: 0o755 });
  }
  return [folder, join(root, "bin"), dirname(process.execPath), inherited].join(delimiter);
}

/** Makes the workspace's packages importable from a folder, as if they had been installed there. */
export function linkPackages(root: string, folder: string): void {
  const modules = join(folder, "node_modules");
  if (existsSync(modules)) return;
  mkdirSync(join(modules, "@countersign"), { recursive: true });
  for (const name of readdirSync(join(root, "packages"))) {
    symlinkSync(join(root, "packages", name), join(modules, "@countersign", name), "junction");
  }
  symlinkSync(join(root, "apps", "cli"), join(modules, "countersign"), "junction");
  symlinkSync(join(root, "node_modules", "@types"), join(modules, "@types"), "junction");
  if (!existsSync(join(folder, "package.json"))) writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
}

/** What needs the public network is played: the published package is the workspace's own, a release takes files that exist. */
const standIns: Readonly<Record<string, string>> = {
  npm: `case "$*" in
  "install --global countersign"*|"install -g countersign"*|"i -g countersign"*) exit 0;;
esac
exec REAL "$@"`,
  npx: `[ "$1" = -y ] || [ "$1" = --yes ] && shift
case "$1" in countersign|countersign@*) shift; exec countersign "$@";; esac
exec REAL "$@"`,
  gh: `[ "$1 $2" = "release upload" ] || [ "$1 $2" = "release create" ] || { echo "gh $1 $2 is not played" >&2; exit 1; }
shift 3
for file; do case "$file" in -*) ;; *) [ -e "$file" ] || { echo "no such file: $file" >&2; exit 1; };; esac; done`,
};

/** What a job shows to GitHub to ask for a token. */
const requestToken = "readme-request-token";

async function waitFor(isReady: () => boolean, child: ChildProcess): Promise<void> {
  for (let waitedMs = 0; waitedMs < startTimeoutMs; waitedMs += 100) {
    if (isReady()) return;
    if (child.exitCode !== null) throw new Error(`countersign dev up ended with exit code ${child.exitCode}`);
    await sleep(100);
  }
  throw new Error(`countersign dev up wrote no trusted root within ${startTimeoutMs} ms`);
}

async function makeToken(countersign: string, dir: string, subject: string): Promise<string> {
  const { code, stdout, output } = await run(countersign, ["dev", "token", "--dir", dir, "--subject", subject], {
    cwd: dir,
  });
  if (code !== 0) throw new Error(`countersign dev token: ${output}`);
  return stdout.trim();
}

function issuerOf(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { readonly iss: string };
  return claims.iss;
}
