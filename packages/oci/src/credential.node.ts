import { join } from "node:path";
import {
  parseBase64,
  parseJson,
  parseUtf8,
  quote,
  readObject,
  TrustError,
  type Detail,
  type JsonObject,
} from "@countersign/core";
import { ociError } from "./errors.ts";
import { isBearerToken, type Credential, type Credentials } from "./auth.ts";

/** Where logins are kept. */
export interface CredentialOptions {
  /** Files in order, the first that names the registry counts; those that do not exist are passed over. */
  readonly files: readonly string[];
  /** For credential helpers: `PATH` and whatever else they want. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long a helper may take, in milliseconds; `helperTimeoutMs` unless given. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The largest file of logins that is read, in bytes. */
export const maxConfigBytes: number = 1024 * 1024;
/** The most that a credential helper may print, in bytes. */
export const maxHelperBytes: number = 64 * 1024;
/** How long a credential helper may take unless told otherwise, in milliseconds. */
export const helperTimeoutMs: number = 20_000;

/**
 * The files that docker, podman and skopeo keep logins in, in the order in which they are asked: `$DOCKER_CONFIG/config.json`
 * or `~/.docker/config.json`, `$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`, `~/.config/containers/auth.json`.
 */
export function credentialFiles(env: CredentialOptions["env"], home: string): readonly string[] {
  const docker = env["DOCKER_CONFIG"] ?? "";
  const runtime = env["XDG_RUNTIME_DIR"] ?? "";
  const config = env["XDG_CONFIG_HOME"] ?? "";
  return [
    join(docker === "" ? join(home, ".docker") : docker, "config.json"),
    env["REGISTRY_AUTH_FILE"] ?? "",
    runtime === "" ? "" : join(runtime, "containers", "auth.json"),
    join(config === "" ? join(home, ".config") : config, "containers", "auth.json"),
  ].filter((path) => path !== "");
}

/**
 * Finds logins as Docker does: by full repository, then host; through `credHelpers`, `auths`, then `credsStore`.
 * Throws OCI_CREDENTIALS_MALFORMED, OCI_CREDENTIAL_HELPER. No message holds any part of a login.
 */
export function openCredentials(options: CredentialOptions): Credentials {
  const configs = options.files.map((path) => once(() => readConfig(path)));
  return async (registry, repository) => {
    for (const read of configs) {
      const config = await read();
      const found = config && (await findIn(config, { registry, repository }, options));
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

interface Config {
  readonly path: string;
  readonly auths: ReadonlyMap<string, JsonObject>;
  readonly helpers: ReadonlyMap<string, string>;
  readonly store: string | undefined;
}

interface Wanted {
  readonly registry: string;
  readonly repository: string;
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}

async function readConfig(path: string): Promise<Config | undefined> {
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  const reader = readObject(
    orMalformed(path, () => parseJson(bytes, { maxBytes: maxConfigBytes })),
    "file",
    malformedIn(path),
  );
  const auths = new Map<string, JsonObject>();
  for (const [key, value] of members(reader.optionalJson("auths")))
    if (typeof value === "object" && value !== null && !Array.isArray(value)) auths.set(key, value as JsonObject);
  // Older clients wrote addresses, such as https://registry.example.com/v1/, and meant the host.
  for (const [key, value] of auths) {
    const host = /^https?:\/\/([^/]+)(?:\/.*)?$/.exec(key)?.[1];
    if (host !== undefined && !auths.has(host)) auths.set(host, value);
  }
  const helpers = new Map<string, string>();
  for (const [key, value] of members(reader.optionalJson("credHelpers")))
    if (typeof value === "string") helpers.set(key, value);
  return { path, auths, helpers, store: reader.optionalString("credsStore") };
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    // Only who is asked for a login needs it, and a dozen modules come with it.
    const { readFile } = await import("node:fs/promises");
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw ociError("OCI_CREDENTIALS_MALFORMED", { checked: quote(path), got: quote(code ?? "unreadable") });
  }
}

function members(value: unknown): readonly [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

async function findIn(config: Config, wanted: Wanted, options: CredentialOptions): Promise<Credential | undefined> {
  const keys = keysOf(wanted);
  for (const key of keys) {
    const helper = config.helpers.get(key);
    if (helper !== undefined) return await askHelper(helper, key, options);
    const entry = config.auths.get(key);
    const found = entry && readEntry(entry, config.path);
    if (found !== undefined) return found;
  }
  if (config.store === undefined) return undefined;
  for (const key of keys.slice(-2)) {
    const found = await askHelper(config.store, key, options);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The repository and each folder above it, the host, and the host as an address; the Hub has a name of its own. */
function keysOf({ registry, repository }: Wanted): readonly string[] {
  const parts = repository.split("/");
  const paths = parts.map((_, index) => `${registry}/${parts.slice(0, parts.length - index).join("/")}`);
  const hosts =
    registry === "docker.io"
      ? ["docker.io", "index.docker.io", "https://index.docker.io/v1/"]
      : [registry, `https://${registry}`];
  return [...paths, ...hosts];
}

function readEntry(entry: JsonObject, path: string): Credential | undefined {
  const reader = readObject(entry, "auths", malformedIn(path));
  const identity = reader.optionalString("identitytoken") ?? "";
  if (identity !== "") return { kind: "identity-token", token: identity };
  const registry = reader.optionalString("registrytoken") ?? "";
  if (registry !== "" && !isBearerToken(registry)) throw malformedIn(path)({ checked: "registrytoken" });
  if (registry !== "") return { kind: "registry-token", token: registry };
  const auth = reader.optionalString("auth") ?? "";
  if (auth !== "") return splitAuth(auth, path);
  const username = reader.optionalString("username") ?? "";
  return username === ""
    ? undefined
    : { kind: "password", username, password: reader.optionalString("password") ?? "" };
}

function splitAuth(auth: string, path: string): Credential {
  const text = orMalformed(path, () => parseUtf8(parseBase64(auth)));
  const colon = text.indexOf(":");
  if (colon < 1) throw malformedIn(path)({ checked: "auth", expected: "a user name and password" });
  // Docker pads what it keeps with NUL.
  return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

/** `docker-credential-NAME get`, the address on its standard input (docker-credential-helpers). */
async function askHelper(name: string, key: string, options: CredentialOptions): Promise<Credential | undefined> {
  const refuse = (detail: Detail): TrustError =>
    ociError("OCI_CREDENTIAL_HELPER", { checked: quote(`docker-credential-${name}`), ...detail });
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw refuse({ expected: "a plain name" });
  const { code, output } = await runHelper(`docker-credential-${name}`, key, options, refuse);
  // Helpers say on standard output that they know nothing.
  if (code !== 0 && /credentials not found|no credentials|not found in native keychain/i.test(output)) return undefined;
  if (code !== 0) throw refuse({ expected: "exit code 0", got: `${code ?? "a signal"}` });
  try {
    const reader = readObject(parseJson(output, { maxBytes: maxHelperBytes }), "answer", refuse);
    const username = reader.string("Username");
    const secret = reader.string("Secret");
    if (username === "<token>") return { kind: "identity-token", token: secret };
    return username === "" && secret === "" ? undefined : { kind: "password", username, password: secret };
  } catch (error) {
    // What was printed may hold the secret.
    if (error instanceof TrustError) throw refuse({ expected: "JSON with Username and Secret" });
    throw error;
  }
}

async function runHelper(
  program: string,
  key: string,
  { env, signal, timeoutMs = helperTimeoutMs }: CredentialOptions,
  refuse: (detail: Detail) => TrustError,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const { spawn } = await import("node:child_process");
  return await new Promise((resolve, reject) => {
    const child = spawn(program, ["get"], {
      env: env as NodeJS.ProcessEnv,
      stdio: ["pipe", "pipe", "ignore"],
      killSignal: "SIGKILL",
      ...(signal && { signal }),
    });
    // What a helper has started may outlive it and hold its output open: nobody waits for that.
    const stop = (detail: Detail): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      child.stdout.destroy();
      reject(refuse(detail));
    };
    const timer = setTimeout(() => stop({ expected: `an answer within ${timeoutMs} ms` }), timeoutMs);
    const chunks: Uint8Array[] = [];
    let size = 0;
    child.stdout.on("data", (chunk: Uint8Array) => {
      size += chunk.length;
      if (size <= maxHelperBytes) chunks.push(chunk);
      else stop({ expected: `at most ${maxHelperBytes} bytes` });
    });
    child.stdin.on("error", () => {});
    child.on("error", (error: NodeJS.ErrnoException) => stop({ got: quote(error.code ?? "no start") }));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output: new TextDecoder().decode(Buffer.concat(chunks)) });
    });
    child.stdin.end(key);
  });
}

function malformedIn(path: string): (detail: Detail) => TrustError {
  return ({ checked, expected }) =>
    ociError("OCI_CREDENTIALS_MALFORMED", {
      checked: `${quote(path)}, ${checked ?? "file"}`,
      ...(expected !== undefined && { expected }),
    });
}

/** Drops the cause: it may quote a login. */
function orMalformed<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw malformedIn(path)({ expected: "Docker's config.json" });
  }
}
