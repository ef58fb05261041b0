import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { base64, parseJson, parseUtf8, quote, readObject, TrustError, type Json } from "@countersign/core";
import type { Cluster } from "@countersign/sigstore/node";
import { http as plainHttp } from "./http.ts";
import { readSmallFile } from "./input.node.ts";
import {
  selectContext,
  unusable,
  type KubeContext,
  type KubeFile,
  type KubeProgram,
  type KubeSource,
} from "./kubeconfig.ts";
import { secretVariables } from "./password.ts";
import type { Terminal } from "./terminal.ts";
import { isTlsMaterial, makeTlsHttp, type TlsMaterial } from "./tls-http.node.ts";

/** How long a program may take to print credentials, in milliseconds. */
export const credentialTimeoutMs = 60_000;
const maxCredentialBytes = 1024 * 1024;
/** Where Kubernetes puts a pod's own credentials. */
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The cluster that kubectl would ask: of `KUBECONFIG` (files as in PATH), else `~/.kube/config`, else the one whose pod this is.
 * A program that the kubeconfig names for credentials is run, without anybody to ask and without our passwords. Nothing is sent.
 * Throws CLI_KUBECONFIG and CLI_FILE_*; no message repeats a credential.
 */
export async function openCluster(
  { env }: Pick<Terminal, "env">,
  podFolder: string = serviceAccount,
): Promise<Cluster> {
  const files = await readKubeFiles(env);
  const context = files.length > 0 ? selectContext(files) : podContext(env, podFolder);
  const shown = await credentialsOf(context, env);
  const { token } = shown;
  const material = materialOf(context, shown);
  return {
    server: context.server,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    secrets: token === undefined ? [] : [token],
    http: context.server.startsWith("https:") ? makeTlsHttp(material) : plainHttp,
  };
}

type Environment = Terminal["env"];

async function readKubeFiles(env: Environment): Promise<readonly KubeFile[]> {
  const { KUBECONFIG: given = "" } = env;
  const home = env["HOME"] ?? env["USERPROFILE"];
  const usual = home === undefined ? [] : [join(home, ".kube", "config")];
  const paths = given === "" ? usual : given.split(delimiter).filter((path) => path !== "");
  const present = paths.filter((path) => existsSync(path));
  // Named and not there is a mistake, not a pod.
  if (given !== "" && present.length === 0) throw unusable({ checked: "KUBECONFIG", got: "no such file" });
  if (present.length === 0) return [];
  const { parseYaml } = await import("./yaml.ts");
  return present.map((path) => ({ path, value: valueOf(path, parseYaml) }));
}

function valueOf(path: string, parseYaml: typeof import("./yaml.ts").parseYaml): Json {
  const [document, ...more] = parseYaml(parseUtf8(readSmallFile(path, "kubeconfig")), path);
  if (document === undefined || more.length > 0) throw unusable({ checked: quote(path), expected: "one document" });
  return document.value;
}

/** The service account of the pod that this runs in. */
function podContext(env: Environment, folder: string): KubeContext {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "" } = env;
  if (host === "" || port === "")
    throw unusable({ expected: "KUBECONFIG, ~/.kube/config, or a pod's service account", got: "none of them" });
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    authority: { path: join(folder, "ca.crt") },
    token: { path: join(folder, "token") },
  };
}

/** What is shown to the server. */
interface Credentials {
  readonly token?: string;
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
}

async function credentialsOf(context: KubeContext, env: Environment): Promise<Credentials> {
  const { certificate, privateKey, token, program } = context;
  const own: Credentials = {
    ...(certificate && privateKey && { cert: bytesOf(certificate), key: bytesOf(privateKey) }),
    ...(token && { token: tokenOf(new TextDecoder().decode(bytesOf(token)).trim()) }),
  };
  return program === undefined || own.token !== undefined
    ? own
    : { ...own, ...(await runProgram(program, context, env)) };
}

function materialOf({ authority, serverName }: KubeContext, { cert, key }: Credentials): TlsMaterial {
  const material = {
    ...(authority && { ca: bytesOf(authority) }),
    ...(cert && key && { cert, key }),
    ...(serverName !== undefined && { serverName }),
  };
  if (isTlsMaterial(material)) return material;
  throw unusable({
    checked: "certificate-authority, client-certificate, client-key",
    expected: "certificates in PEM, and the private key of the first, not encrypted",
  });
}

function bytesOf(source: KubeSource): Uint8Array {
  return "bytes" in source ? source.bytes : readSmallFile(source.path, "kubeconfig's file");
}

function tokenOf(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw unusable({ checked: "token", expected: "one line of printable characters" });
}

/** client-go credential plugins: an ExecCredential goes in by a variable, and comes out on standard output. */
async function runProgram(program: KubeProgram, context: KubeContext, env: Environment): Promise<Credentials> {
  const { apiVersion, command, args } = program;
  const { server, serverName, authority } = context;
  const cluster = {
    server,
    ...(serverName !== undefined && { "tls-server-name": serverName }),
    ...(authority && { "certificate-authority-data": base64(bytesOf(authority)) }),
  };
  const spec = { interactive: false, ...(program.wantsCluster && { cluster }) };
  const given = Object.entries(env).filter(([name]) => !secretVariables.includes(name));
  const info = JSON.stringify({ apiVersion, kind: "ExecCredential", spec });
  const printed = await outputOf(command, args, {
    ...Object.fromEntries(given),
    ...program.env,
    KUBERNETES_EXEC_INFO: info,
  });
  return readCredential(printed, program);
}

function outputOf(command: string, args: readonly string[], env: Environment): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const limits = { timeout: credentialTimeoutMs, maxBuffer: maxCredentialBytes, encoding: "buffer" } as const;
  const child = execFile(command, args, { ...limits, env: { ...env }, windowsHide: true }, (error, stdout) => {
    if (error === null) return resolve(stdout);
    const got =
      typeof error.code === "number" ? `exit code ${error.code}` : (error.code ?? error.signal ?? "no answer");
    return reject(unusable({ checked: `exec ${quote(command)}`, expected: "credentials", got: String(got) }));
  });
  child.stdin?.end();
  return promise;
}

function readCredential(printed: Uint8Array, { apiVersion, command }: KubeProgram): Credentials {
  const wrong = (expected: string): TrustError => unusable({ checked: `what ${quote(command)} printed`, expected });
  try {
    const reader = readObject(parseJson(printed), "ExecCredential", () => wrong("an ExecCredential"));
    if (reader.string("kind") !== "ExecCredential" || reader.string("apiVersion") !== apiVersion)
      throw wrong(apiVersion);
    const status = reader.object("status");
    const token = status.optionalString("token");
    const [cert, key] = ["clientCertificateData", "clientKeyData"].map((name) => status.optionalString(name));
    if (!token && (!cert || !key)) throw wrong("a token, or a certificate with its key");
    const encoder = new TextEncoder();
    return {
      ...(token && { token: tokenOf(token) }),
      ...(cert && key && { cert: encoder.encode(cert), key: encoder.encode(key) }),
    };
  } catch (error) {
    // The parser's own words would quote what was printed.
    if (error instanceof TrustError && error.code === "CLI_KUBECONFIG") throw error;
    throw wrong("an ExecCredential in JSON");
  }
}
