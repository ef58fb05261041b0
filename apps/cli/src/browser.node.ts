import { spawn } from "node:child_process";
import type { Terminal } from "./terminal.ts";

type Environment = Terminal["env"];

/** Whether a browser on this machine can be shown to the person at the terminal. */
export function hasBrowser(env: Environment, platform: NodeJS.Platform = process.platform): boolean {
  if (isSet(env["BROWSER"])) return true;
  if (isSet(env["SSH_CONNECTION"]) || isSet(env["SSH_TTY"])) return false;
  if (platform === "win32" || platform === "darwin") return true;
  return isSet(env["DISPLAY"]) || isSet(env["WAYLAND_DISPLAY"]);
}

/** Opens an http or https address, if it can; nobody is told if it cannot, since the address is shown anyway. */
export function openBrowser(url: string, env: Environment, platform: NodeJS.Platform = process.platform): void {
  const [program, ...args] = commandOf(env, platform);
  // No shell: an address is no command.
  const child = spawn(program, [...args, url], { env: { ...env }, stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}

function commandOf(env: Environment, platform: NodeJS.Platform): readonly [string, ...string[]] {
  const own = env["BROWSER"];
  if (isSet(own)) return [own];
  if (platform === "darwin") return ["open"];
  return platform === "win32" ? ["rundll32", "url.dll,FileProtocolHandler"] : ["xdg-open"];
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
