import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** Debian's docker-registry; without it the tests that need it say that they are skipped. */
export const dockerRegistry = "/usr/bin/docker-registry";

/** Whether it is installed. */
export function hasDockerRegistry(): boolean {
  return existsSync(dockerRegistry);
}

/** A running docker-registry (distribution 2.8) with its data in a folder of its own. */
export interface RunningRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  close(): Promise<void>;
}

/** Further settings of its configuration, as lines of YAML: under `http:`, and at the top. */
export interface DockerRegistryOptions {
  readonly http?: readonly string[];
  readonly top?: readonly string[];
}

/** Starts one on loopback and waits until it answers. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<RunningRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-registry-"));
  const port = await freePort();
  const config = join(folder, "config.yml");
  const lines = [
    "version: 0.1",
    "log: {level: error}",
    `storage: {filesystem: {rootdirectory: ${join(folder, "data")}}, delete: {enabled: true}}`,
    "http:",
    `  addr: 127.0.0.1:${port}`,
    ...(options.http ?? []).map((line) => `  ${line}`),
    ...(options.top ?? []),
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  const child = spawn(dockerRegistry, ["serve", config], { stdio: "ignore" });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await listening(port, gone);
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
async function listening(port: number, gone: Promise<void>): Promise<void> {
  let ended = false;
  void gone.then(() => (ended = true));
  const { connect } = await import("node:net");
  for (let tries = 0; tries < 400 && !ended; tries++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await wait(50);
  }
  throw new Error("docker-registry did not start");
}
