import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startProgram, type RunningRegistry } from "./registry-program.ts";

/** Debian's docker-registry; without it the tests that need it say that they are skipped. */
export const dockerRegistry = "/usr/bin/docker-registry";

/** Whether it is installed. */
export function hasDockerRegistry(): boolean {
  return existsSync(dockerRegistry);
}

/** Further settings of its configuration, as lines of YAML: under `http:`, and at the top. */
export interface DockerRegistryOptions {
  readonly http?: readonly string[];
  readonly top?: readonly string[];
  /** Another build of it than Debian's. */
  readonly program?: string;
}

/** Starts one on loopback and waits until it listens. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<RunningRegistry> {
  return await startProgram(options.program ?? dockerRegistry, async ({ folder, host }) => {
    const config = join(folder, "config.yml");
    const lines = [
      "version: 0.1",
      "log: {level: info, accesslog: {disabled: true}}",
      `storage: {filesystem: {rootdirectory: ${join(folder, "data")}}, delete: {enabled: true}}`,
      "http:",
      `  addr: ${host}`,
      ...(options.http ?? []).map((line) => `  ${line}`),
      ...(options.top ?? []),
    ];
    await writeFile(config, `${lines.join("\n")}\n`);
    return ["serve", config];
  });
}
