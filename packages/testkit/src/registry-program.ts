import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";

/** A registry that somebody else wrote, running with its data in a folder of its own. */
export interface RunningRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  close(): Promise<void>;
}

/** Where a registry may write, and the address that it is to listen on. */
export interface RegistryPlace {
  readonly folder: string;
  readonly host: string;
}

/**
 * Starts a registry's program on loopback, with the words that `argvOf` gives for a place, and waits until it listens. On port 0 it
 * takes a free one and says which: a port that is looked for beforehand may be somebody else's a moment later. `port` is for a
 * program that cannot do so.
 */
export async function startProgram(
  program: string,
  argvOf: (place: RegistryPlace) => Promise<readonly string[]>,
  port = 0,
): Promise<RunningRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-registry-"));
  const argv = await argvOf({ folder, host: `127.0.0.1:${port}` });
  const child = spawn(program, argv, { stdio: ["ignore", "ignore", "pipe"] });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  const said = portIn(child.stderr);
  const found = port === 0 ? await Promise.race([said, gone]) : await listening(port, gone);
  if (found === undefined) throw new Error(`${basename(program)} did not start`);
  return {
    host: `127.0.0.1:${found}`,
    async close() {
      child.kill("SIGKILL");
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The port in the first line that names one. What comes later is read too, so that the program can go on writing. */
function portIn(log: Readable): Promise<number> {
  let text = "";
  return new Promise((resolve) => {
    log.setEncoding("utf8").on("data", (more: string) => {
      text = text.slice(-1000) + more;
      const port = /listening on 127\.0\.0\.1:(\d+)\D/.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
  });
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** The port, once it takes connections: within 20 s, or there is nobody. */
async function listening(port: number, gone: Promise<void>): Promise<number | undefined> {
  let ended = false;
  void gone.then(() => (ended = true));
  for (let tries = 0; tries < 400 && !ended; tries++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return port;
    await wait(50);
  }
  return undefined;
}
