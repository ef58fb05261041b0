import { readFileSync } from "node:fs";
import { cliError } from "./errors.ts";
import { fileError } from "./input.node.ts";
import type { Terminal } from "./terminal.ts";

type Env = Terminal["env"];

/** The variables that name a proxy, in the spellings that count. */
export const proxyVariables: readonly string[] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/** The variable that names a file of authorities for TLS, as OpenSSL and Go know it. Node knows `NODE_EXTRA_CA_CERTS` by itself. */
export const authoritiesVariable = "SSL_CERT_FILE";

/**
 * Sends what this process asks by node:http and node:https through the proxy that the environment names, where this Node can (22.21,
 * 24.5 and later), and lets TLS trust the authorities that it names as well. Throws CLI_ENVIRONMENT_VALUE and what
 * `useAuthorities` throws.
 */
export function useNetwork(terminal: Terminal): void {
  useAuthorities(terminal.env);
  if (proxied) return;
  const proxyEnv = proxyEnvOf(terminal.env);
  if (proxyEnv === undefined) return;
  const [http, https] = [process.getBuiltinModule("node:http"), process.getBuiltinModule("node:https")];
  http.globalAgent = new http.Agent({ keepAlive: true, proxyEnv });
  https.globalAgent = new https.Agent({ keepAlive: true, proxyEnv });
  proxied = true;
}

/** Whether this process was told of a proxy: that is for all of it. */
let proxied = false;

/** Whether `useNetwork` has found a proxy: node:http and node:https ask it, the platform's fetch does not. */
export function isProxied(): boolean {
  return proxied;
}

/** What a proxy is never asked for, as with Go: the proxy's own machine would answer. */
const loopback = "localhost,127.0.0.1,::1,[::1]";

/**
 * The environment with each proxy as a URL, as Node asks for; undefined if it names none. As for curl and Go, `HOST:PORT` is
 * taken for http; SOCKS is not known to Node, which would pass such a proxy by. Throws CLI_ENVIRONMENT_VALUE, without the value, which may hold a password.
 */
export function proxyEnvOf(env: Env): Env | undefined {
  const named = proxyVariables.filter((name) => (env[name] ?? "") !== "");
  if (named.length === 0) return undefined;
  const proxies = Object.fromEntries(named.map((name) => [name, proxyOf(name, env[name] ?? "")]));
  return { ...env, ...proxies, no_proxy: `${env["no_proxy"] ?? env["NO_PROXY"] ?? ""},${loopback}` };
}

function proxyOf(name: string, value: string): string {
  const url = value.includes("://") ? value : `http://${value}`;
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) return url;
  throw cliError("CLI_ENVIRONMENT_VALUE", { checked: `$${name}`, expected: "http://HOST:PORT" });
}

/** The file whose authorities were added, if one was: that is for all of this process. */
let added: string | undefined;

/**
 * Lets TLS trust the authorities in the file of `SSL_CERT_FILE` beside Node's own, where this Node can (22.19, 24.5 and later).
 * A file that is not there counts for nothing, as for OpenSSL and Go. Throws CLI_FILE_UNREADABLE, CLI_FILE_DIRECTORY, CLI_ENVIRONMENT_VALUE.
 */
export function useAuthorities(env: Env): void {
  const path = env[authoritiesVariable] ?? "";
  if (path === "" || path === added || path === env["NODE_EXTRA_CA_CERTS"]) return;
  const text = readAuthorities(path);
  if (text === undefined) return;
  const { getCACertificates, setDefaultCACertificates } = process.getBuiltinModule("node:tls") as Partial<Authorities>;
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    setDefaultCACertificates?.([...(getCACertificates?.("default") ?? []), ...certificates]);
  } catch (error) {
    throw cliError(
      "CLI_ENVIRONMENT_VALUE",
      { checked: `$${authoritiesVariable}`, expected: "a file of certificates in PEM" },
      error,
    );
  }
  added = path;
}

interface Authorities {
  getCACertificates(type: "default"): readonly string[];
  setDefaultCACertificates(certificates: readonly string[]): void;
}

function readAuthorities(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path, `authorities of $${authoritiesVariable}`);
  }
}
