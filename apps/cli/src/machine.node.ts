import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { promisify } from "node:util";
import type { AmbientMachine } from "@countersign/sigstore";
import { http, sleep } from "./http.ts";
import type { Terminal } from "./terminal.ts";

const timeoutMs = 20_000;
const maxBytes = 256 * 1024;

/** What asking an environment for a token takes of this machine: network, programs and files. */
export function makeMachine({ env }: Pick<Terminal, "env">): AmbientMachine {
  return {
    http,
    sleep,
    env,
    readFile: readOptionalFile,
    run: async (program, args) => {
      const { stdout } = await promisify(execFile)(program, [...args], {
        encoding: "utf8",
        timeout: timeoutMs,
        maxBuffer: maxBytes,
        env: { ...env },
      });
      return stdout;
    },
    fetchSvid: async (endpoint, audience) => {
      const { fetchSvid } = await import("./spiffe.node.ts");
      return fetchSvid(endpoint, audience);
    },
  };
}

/** The text of a small plain file, or undefined if there is none that can be read. */
export function readOptionalFile(path: string): string | undefined {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size <= maxBytes ? readFileSync(path, "utf8") : undefined;
  } catch {
    return undefined;
  }
}
