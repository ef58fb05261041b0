import { parseJson, quote, readObject, TrustError, type ObjectReader } from "@countersign/core";
import { loginError } from "./login-errors.ts";
import type { HttpRequest } from "./http.ts";
import { jsonBody, send, type Caller } from "./request.ts";

/** How long a CI may take to give a token, in milliseconds. */
export const ambientTimeoutMs = 20_000;
/** The largest answer with a token in it, in bytes. */
export const maxAmbientBytes: number = 256 * 1024;

/** Environments that give tokens to whatever runs in them. */
export type AmbientName = "github" | "gitlab" | "circleci" | "buildkite" | "google" | "spiffe" | "file";

/** What the machine can do besides HTTP; each is the caller's. */
export interface AmbientMachine extends Caller {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Runs a program and gives what it printed. */
  readonly run: (program: string, args: readonly string[]) => Promise<string>;
  /** The text of a small file, or undefined if there is none. */
  readonly readFile: (path: string) => string | undefined;
  /** Asks a SPIFFE workload API (its endpoint, such as `unix:/run/spire/agent.sock`) for a JWT-SVID. */
  readonly fetchSvid: (endpoint: string, audience: string) => Promise<string>;
  /** Where Google signs for service accounts; default `https://iamcredentials.googleapis.com`. */
  readonly googleCredentialsUrl?: string;
}

/** Where cosign, too, looks for a token that a sidecar wrote. */
export const tokenFile = "/var/run/sigstore/cosign/oidc-token";

/**
 * Which environment this is, by its variables and a few files alone; undefined if none is known. It may still refuse:
 * GitHub without `id-token: write` counts as none, since nothing can be asked there. Opens no socket, starts nothing.
 */
export function findAmbient({ env, readFile }: Pick<AmbientMachine, "env" | "readFile">): AmbientName | undefined {
  if (isSet(env, "ACTIONS_ID_TOKEN_REQUEST_URL") && isSet(env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")) return "github";
  if (env["GITHUB_ACTIONS"] === "true" || env["GITLAB_CI"] === "true") return undefined;
  if (env["CIRCLECI"] === "true" && isSet(env, "CIRCLE_OIDC_TOKEN_V2")) return "circleci";
  if (env["BUILDKITE"] === "true" && isSet(env, "BUILDKITE_AGENT_ACCESS_TOKEN")) return "buildkite";
  if (isSet(env, "SPIFFE_ENDPOINT_SOCKET")) return "spiffe";
  if (readFile(tokenFile) !== undefined) return "file";
  return isGoogle(env, readFile) ? "google" : undefined;
}

/**
 * Gets a token for the audience from an environment. Nothing about it is checked here. Throws SIGSTORE_AMBIENT_FAILED and
 * the errors of `send`; no message repeats a piece of a token.
 */
export async function fetchAmbient(name: AmbientName, audience: string, machine: AmbientMachine): Promise<string> {
  try {
    return (await fetchers[name](machine, audience)).trim();
  } catch (error) {
    if (error instanceof TrustError) throw error;
    throw loginError("SIGSTORE_AMBIENT_FAILED", { checked: name });
  }
}

type Fetcher = (machine: AmbientMachine, audience: string) => Promise<string>;

const fetchers: Readonly<Record<AmbientName, Fetcher>> = {
  github: fetchGithub,
  // The job's own YAML says for whom the token is.
  gitlab: ({ env }) => Promise.resolve(env["SIGSTORE_ID_TOKEN"] ?? ""),
  circleci: fetchCircle,
  buildkite: fetchBuildkite,
  google: fetchGoogle,
  spiffe: ({ env, fetchSvid }, audience) => fetchSvid(env["SPIFFE_ENDPOINT_SOCKET"] ?? "", audience),
  file: ({ readFile }) => Promise.resolve(readFile(tokenFile) ?? ""),
};

/** docs.github.com: security for GitHub Actions, OpenID Connect reference. */
async function fetchGithub(machine: AmbientMachine, audience: string): Promise<string> {
  const { env } = machine;
  const bearer = env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] ?? "";
  const url = safeUrl(env["ACTIONS_ID_TOKEN_REQUEST_URL"] ?? "", "ACTIONS_ID_TOKEN_REQUEST_URL");
  url.searchParams.set("audience", audience);
  const answer = await ask(
    machine,
    { method: "GET", url: url.href, headers: { authorization: `bearer ${bearer}` } },
    bearer,
  );
  return answer.string("value");
}

/**
 * The token in CircleCI's variables is for the organisation; one for another audience is what its own command gives
 * (circleci.com docs: OpenID Connect tokens with custom claims).
 */
async function fetchCircle({ run, env }: AmbientMachine, audience: string): Promise<string> {
  try {
    return await run("circleci", ["run", "oidc", "get", "--claims", JSON.stringify({ aud: audience })]);
  } catch {
    // Its audience will be said to be wrong, which tells more than that a command is not there.
    return env["CIRCLE_OIDC_TOKEN_V2"] ?? "";
  }
}

/** By the agent's command; in a container that has none, by what the command asks (buildkite/agent, api/oidc.go), as cosign does. */
async function fetchBuildkite(machine: AmbientMachine, audience: string): Promise<string> {
  try {
    return await machine.run("buildkite-agent", ["oidc", "request-token", "--audience", audience]);
  } catch {
    return askBuildkite(machine, audience);
  }
}

async function askBuildkite(machine: AmbientMachine, audience: string): Promise<string> {
  const { env } = machine;
  const [job = "", token = ""] = [env["BUILDKITE_JOB_ID"], env["BUILDKITE_AGENT_ACCESS_TOKEN"]];
  if (!/^[\w-]{1,64}$/.test(job))
    throw loginError("SIGSTORE_AMBIENT_FAILED", { checked: "buildkite-agent", got: "no answer, and no BUILDKITE_JOB_ID" }); // prettier-ignore
  const endpoint = env["BUILDKITE_AGENT_ENDPOINT"] || "https://agent.buildkite.com/v3";
  const { href: url } = safeUrl(`${endpoint.replace(/\/+$/, "")}/jobs/${job}/oidc/tokens`, "BUILDKITE_AGENT_ENDPOINT");
  const headers = { authorization: `Token ${token}`, "content-type": "application/json" };
  const answer = await ask(machine, { method: "POST", url, headers, body: jsonBody({ audience }) }, token);
  return answer.string("token");
}

const metadataHost = "metadata.google.internal";

/** The metadata server, and, if a service account is named, the one of it that signs for that account. */
async function fetchGoogle(machine: AmbientMachine, audience: string): Promise<string> {
  const { env } = machine;
  const base = `http://${env["GCE_METADATA_HOST"] ?? metadataHost}/computeMetadata/v1/instance/service-accounts/default`;
  const headers = { "metadata-flavor": "Google" };
  const account = env["GOOGLE_SERVICE_ACCOUNT_NAME"];
  if (account === undefined || account === "") {
    const url = `${base}/identity?audience=${encodeURIComponent(audience)}&format=full`;
    return textOf(machine, { method: "GET", url, headers });
  }
  const access = await ask(machine, { method: "GET", url: `${base}/token`, headers }, "");
  return impersonate(machine, { account, audience, access: access.string("access_token") });
}

async function impersonate(
  machine: AmbientMachine,
  { account, audience, access }: { readonly account: string; readonly audience: string; readonly access: string },
): Promise<string> {
  const service = machine.googleCredentialsUrl ?? "https://iamcredentials.googleapis.com";
  const path = `/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:generateIdToken`;
  const url = safeUrl(`${service}${path}`, "credentials service").href;
  const headers = { authorization: `Bearer ${access}`, "content-type": "application/json" };
  const body = jsonBody({ audience, includeEmail: true });
  const answer = await ask(machine, { method: "POST", url, headers, body }, access);
  return answer.string("token");
}

type Asked = Pick<HttpRequest, "method" | "url" | "headers"> & Partial<HttpRequest>;

async function ask(machine: AmbientMachine, asked: Asked, secret: string): Promise<ObjectReader> {
  const { body } = await send(machine, limited(asked), { secret });
  const unusable = (): TrustError => loginError("SIGSTORE_AMBIENT_FAILED", { got: "an answer that cannot be read" });
  try {
    return readObject(parseJson(body, { maxDepth: 16 }), "answer", unusable);
  } catch (error) {
    // The parser's error would quote what may be a token.
    if (error instanceof TrustError) throw unusable();
    throw error;
  }
}

async function textOf(machine: AmbientMachine, asked: Asked): Promise<string> {
  const { body } = await send(machine, limited(asked));
  return new TextDecoder().decode(body);
}

function limited(asked: Asked): HttpRequest {
  return { timeoutMs: ambientTimeoutMs, maxBytes: maxAmbientBytes, ...asked };
}

/** A bearer secret goes over https, or stays on this machine. */
function safeUrl(text: string, variable: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url?.protocol === "http:" && /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])$/.test(url.hostname);
  if (url !== undefined && (url.protocol === "https:" || isLocal)) return url;
  throw loginError("SIGSTORE_AMBIENT_FAILED", {
    checked: variable,
    expected: "an https URL",
    got: quote(text.slice(0, 80)),
  });
}

function isSet(env: AmbientMachine["env"], name: string): boolean {
  return (env[name] ?? "") !== "";
}

/** Google's machines say so in their firmware; where that cannot be read, a variable does. */
function isGoogle(env: AmbientMachine["env"], readFile: AmbientMachine["readFile"]): boolean {
  if (isSet(env, "GCE_METADATA_HOST") || isSet(env, "GOOGLE_SERVICE_ACCOUNT_NAME")) return true;
  return (readFile("/sys/class/dmi/id/product_name") ?? "").startsWith("Google");
}
