import { dirname, isAbsolute, join } from "node:path";
import { quote, readObject, type Detail, type Json, type ObjectReader, type TrustError } from "@countersign/core";
import { cliError } from "./errors.ts";

/** One kubeconfig as it was read; `path` is where paths in it start from. */
export interface KubeFile {
  readonly path: string;
  readonly value: Json;
}

/** What stands in a kubeconfig itself, or in a file that it names. */
export type KubeSource = { readonly bytes: Uint8Array } | { readonly path: string };

/** The cluster of the current context and how to show who asks; nothing is read or run yet. */
export interface KubeContext {
  readonly server: string;
  /** The name in the server's certificate, if not the address's. */
  readonly serverName?: string;
  /** Who issued it; the system's authorities otherwise. */
  readonly authority?: KubeSource;
  readonly certificate?: KubeSource;
  readonly privateKey?: KubeSource;
  readonly token?: KubeSource;
  readonly program?: KubeProgram;
}

/** A program that prints credentials (client-go credential plugins). */
export interface KubeProgram {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether it is told of the cluster. */
  readonly wantsCluster: boolean;
}

/** The most clusters, users or contexts, each, and arguments of a program. */
const maxNamed = 1000;

/**
 * The current context of kubeconfigs that are merged as kubectl does it: what is said first counts. Throws CLI_KUBECONFIG, also
 * for what is not supported here (passwords, impersonation, proxies, `auth-provider`) and for TLS without verification:
 * whoever answers would hand out the key.
 */
export function selectContext(files: readonly KubeFile[]): KubeContext {
  const named = { contexts: "context", clusters: "cluster", users: "user" } as const;
  const current = files
    .map(({ value }) => read(value, "kubeconfig").optionalString("current-context") ?? "")
    .find(Boolean);
  if (current === undefined) throw unusable({ checked: "current-context", got: "none" });
  const find = (list: keyof typeof named, name: string): Found => {
    const found = files.flatMap((file) => findNamed(file, { list, member: named[list], name }))[0];
    if (found === undefined) throw unusable({ checked: list, expected: quote(name), got: "none of that name" });
    return found;
  };
  const context = find("contexts", current).reader;
  const cluster = find("clusters", context.string("cluster"));
  const user = context.optionalString("user");
  return { ...clusterOf(cluster), ...(user === undefined || user === "" ? {} : userOf(find("users", user))) };
}

interface Found {
  readonly reader: ObjectReader;
  /** Where relative paths start from. */
  readonly directory: string;
}

function findNamed(
  { path, value }: KubeFile,
  { list, member, name }: { readonly list: string; readonly member: string; readonly name: string },
): readonly Found[] {
  const entries = read(value, "kubeconfig").optionalArray(list, maxNamed) ?? [];
  return entries
    .map((entry) => read(entry, list))
    .filter((entry) => entry.string("name") === name)
    .map((entry) => ({ reader: entry.object(member), directory: dirname(path) }));
}

function clusterOf(found: Found): KubeContext {
  const { reader } = found;
  if (reader.optionalBoolean("insecure-skip-tls-verify") === true)
    throw unusable({ checked: "insecure-skip-tls-verify", expected: "certificate-authority in its place" });
  refuse(reader, ["proxy-url"]);
  const serverName = reader.optionalString("tls-server-name");
  const authority = sourceOf(found, "certificate-authority");
  return {
    server: reader.string("server"),
    ...(serverName !== undefined && { serverName }),
    ...(authority && { authority }),
  };
}

function userOf(found: Found): Partial<KubeContext> {
  const { reader, directory } = found;
  refuse(reader, ["username", "password", "auth-provider", "as", "as-uid", "as-groups", "as-user-extra"]);
  const certificate = sourceOf(found, "client-certificate");
  const privateKey = sourceOf(found, "client-key");
  if ((certificate === undefined) !== (privateKey === undefined))
    throw unusable({ checked: "client-certificate, client-key", expected: "both or neither" });
  const file = reader.optionalString("tokenFile");
  const text = reader.optionalString("token");
  const token = file
    ? { path: resolve(directory, file) }
    : text
      ? { bytes: new TextEncoder().encode(text) }
      : undefined;
  const program = reader.optionalObject("exec");
  return {
    ...(certificate && privateKey && { certificate, privateKey }),
    ...(token && { token }),
    ...(program && { program: programOf(program, directory) }),
  };
}

const execVersions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] as const;

function programOf(reader: ObjectReader, directory: string): KubeProgram {
  const apiVersion = reader.oneOf("apiVersion", execVersions);
  if (reader.optionalString("interactiveMode") === "Always")
    throw unusable({ checked: "exec.interactiveMode", expected: "a program that asks nobody", got: "Always" });
  const command = reader.string("command");
  const variables = (reader.optionalArray("env", maxNamed) ?? []).map((each) => read(each, "exec.env"));
  return {
    apiVersion,
    // As client-go: a path is one from the kubeconfig, a bare name is looked up in PATH.
    command: /[/\\]/.test(command) ? resolve(directory, command) : command,
    args: (reader.optionalArray("args", maxNamed) ?? []).map((each) => textOf(each, "exec.args")),
    env: Object.fromEntries(variables.map((each) => [each.string("name"), each.string("value")])),
    wantsCluster: reader.optionalBoolean("provideClusterInfo") ?? false,
  };
}

/** What stands there itself comes before what a file holds. */
function sourceOf({ reader, directory }: Found, name: string): KubeSource | undefined {
  const bytes = reader.optionalString(`${name}-data`) ? reader.bytes(`${name}-data`) : undefined;
  const path = reader.optionalString(name);
  if (bytes !== undefined) return { bytes };
  return path ? { path: resolve(directory, path) } : undefined;
}

function refuse(reader: ObjectReader, names: readonly string[]): void {
  const name = names.find((each) => reader.has(each) && reader.json(each) !== "");
  if (name !== undefined) throw unusable({ checked: name, got: "not supported here" });
}

function resolve(directory: string, path: string): string {
  return isAbsolute(path) ? path : join(directory, path);
}

function textOf(value: Json, at: string): string {
  if (typeof value === "string") return value;
  throw unusable({ checked: at, expected: "texts" });
}

function read(value: Json, at: string): ObjectReader {
  return readObject(value, at, unusable);
}

/** Makes CLI_KUBECONFIG. */
export function unusable(detail: Detail): TrustError {
  return cliError("CLI_KUBECONFIG", detail);
}
