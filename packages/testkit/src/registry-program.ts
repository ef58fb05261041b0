import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** A registry that somebody else wrote, running with its data in a folder of its own. */
export interface RunningRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  close(): Promise<void>;
}

/** Where a registry may write, and the port that it is to listen on. */
export interface RegistryPlace {
  readonly folder: string;
  readonly port: number;
}

/** Starts a registry's program on loopback, with the words that `argvOf` gives for a place, and waits until it answers. */
export async function startProgram(
  program: string,
  argvOf: (place: RegistryPlace) => Promise<readonly string[]>,
): Promise<RunningRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-registry-"));
  const port = await freePort();
  const child = spawn(program, await argvOf({ folder, port }), { stdio: "ignore" });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  await listening(basename(program), port, gone);
  return {
    host: `127.0.0.1:${port}`,
    async close() {
      child.kill("SIGKILL");
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Its port takes connections within 20 s, or it ended. */
async function listening(name: string, port: number, gone: Promise<void>): Promise<void> {
  let ended = false;
  void gone.then(() => (ended = true));
  for (let tries = 0; tries < 400 && !ended; tries++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await wait(50);
  }
  throw new Error(`${name} did not start`);
}
