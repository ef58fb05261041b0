import type { Terminal } from "./terminal.ts";

/** The variables that name a proxy, in the spellings that count. */
export const proxyVariables: readonly string[] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/** Sends what this process fetches through the proxy that the environment names, where this Node can (24.5 and later). */
export function useProxy(terminal: Terminal): void {
  if (!proxyVariables.some((name) => (terminal.env[name] ?? "") !== "")) return;
  const http: object = process.getBuiltinModule("node:http");
  const { setGlobalProxyFromEnv } = http as { readonly setGlobalProxyFromEnv?: () => unknown };
  setGlobalProxyFromEnv?.();
}
