import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { TrustError } from "@countersign/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { overWire } from "../vectors/over-wire.ts";
import { fetchAmbient, findAmbient, tokenFile, type AmbientMachine, type AmbientName } from "./ambient.ts";

const token = "eyJhbGciOiJFUzI1NiJ9.c2VjcmV0LXBheWxvYWQ.c2lnbmF0dXJl";
const bearer = "a-bearer-secret-of-the-runner";

/** A loopback server that holds requests to the documentation of the services it stands in for. */
let server: Server;
let origin: string;
const asked: string[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const reply = replyTo(request);
    response.writeHead(reply === undefined ? 403 : 200).end(reply ?? `refused ${request.headers.authorization ?? ""}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

function replyTo({ url = "", method, headers }: IncomingMessage): string | undefined {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  const isGoogle = headers["metadata-flavor"] === "Google";
  const defaults = "/computeMetadata/v1/instance/service-accounts/default";
  if (
    pathname === "/github" &&
    headers.authorization === `bearer ${bearer}` &&
    searchParams.get("audience") === "sigstore"
  )
    return JSON.stringify({ value: searchParams.get("api-version") === "2.0" ? token : "" });
  if (pathname === "/broken") return `{"value":"${token}`;
  if (pathname === `${defaults}/identity` && isGoogle && searchParams.get("audience") === "sigstore")
    return `${token}\n`;
  if (pathname === `${defaults}/token` && isGoogle) return JSON.stringify({ access_token: "google-access" });
  if (pathname === "/v3/jobs/job-1/oidc/tokens" && method === "POST" && headers.authorization === `Token ${bearer}`)
    return JSON.stringify({ token });
  const impersonated = "/v1/projects/-/serviceAccounts/signer%40p.iam.gserviceaccount.com:generateIdToken";
  if (pathname === impersonated && method === "POST" && headers.authorization === "Bearer google-access")
    return JSON.stringify({ token });
  return undefined;
}

function machine(env: Record<string, string>, more: Partial<AmbientMachine> = {}): AmbientMachine {
  return {
    http: overWire,
    sleep: () => Promise.resolve(),
    env,
    run: () => Promise.reject(new Error("no such program")),
    readFile: () => undefined,
    fetchSvid: () => Promise.reject(new Error("no such socket")),
    googleCredentialsUrl: origin,
    ...more,
  };
}

const github = (path = "/github?api-version=2.0"): Record<string, string> => ({
  GITHUB_ACTIONS: "true",
  ACTIONS_ID_TOKEN_REQUEST_URL: `${origin}${path}`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer,
});

async function refusalOf(name: AmbientName, of: AmbientMachine): Promise<TrustError> {
  const error = await fetchAmbient(name, "sigstore", of).then(
    (made) => new Error(`got ${made}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TrustError)) throw error;
  for (const secret of [token, bearer]) {
    const said = `${error.message} ${JSON.stringify(error.detail)} ${String(error.cause)}`;
    for (let at = 0; at + 8 <= secret.length; at++) expect(said).not.toContain(secret.slice(at, at + 8));
  }
  return error;
}

describe("which environment this is", () => {
  test.each<[AmbientName | undefined, Record<string, string>]>([
    ["github", { ACTIONS_ID_TOKEN_REQUEST_URL: "x", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "y" }],
    [undefined, { ACTIONS_ID_TOKEN_REQUEST_URL: "x" }],
    [undefined, { GITHUB_ACTIONS: "true", GOOGLE_SERVICE_ACCOUNT_NAME: "x" }],
    [undefined, { GITLAB_CI: "true", SPIFFE_ENDPOINT_SOCKET: "x" }],
    ["circleci", { CIRCLECI: "true", CIRCLE_OIDC_TOKEN_V2: "x" }],
    [undefined, { CIRCLECI: "true" }],
    ["buildkite", { BUILDKITE: "true", BUILDKITE_AGENT_ACCESS_TOKEN: "x" }],
    ["spiffe", { SPIFFE_ENDPOINT_SOCKET: "unix:/x" }],
    ["google", { GCE_METADATA_HOST: "x" }],
    ["google", { GOOGLE_SERVICE_ACCOUNT_NAME: "x" }],
    [undefined, {}],
  ])("%s by %j", (name, env) => expect(findAmbient(machine(env))).toBe(name));

  test("by files", () => {
    const withFile =
      (path: string, text: string): AmbientMachine["readFile"] =>
      (asked) =>
        asked === path ? text : undefined;
    expect(findAmbient({ env: {}, readFile: withFile(tokenFile, token) })).toBe("file");
    const product = "/sys/class/dmi/id/product_name";
    expect(findAmbient({ env: {}, readFile: withFile(product, "Google Compute Engine\n") })).toBe("google");
    expect(findAmbient({ env: {}, readFile: withFile(product, "Standard PC") })).toBeUndefined();
  });
});

describe("a token for the audience", () => {
  test("GitHub: the query that the runner gave stays", async () => {
    expect(await fetchAmbient("github", "sigstore", machine(github()))).toBe(token);
    expect(asked.at(-1)).toBe("GET /github?api-version=2.0&audience=sigstore");
  });

  test("GitLab", async () => {
    expect(await fetchAmbient("gitlab", "sigstore", machine({ SIGSTORE_ID_TOKEN: token }))).toBe(token);
  });

  test("CircleCI: from its own command, else the one of the organisation", async () => {
    const ran: unknown[] = [];
    const run: AmbientMachine["run"] = (...args) => {
      ran.push(args);
      return Promise.resolve(`${token}\n`);
    };
    expect(await fetchAmbient("circleci", "sigstore", machine({}, { run }))).toBe(token);
    expect(ran).toEqual([["circleci", ["run", "oidc", "get", "--claims", '{"aud":"sigstore"}']]]);
    expect(await fetchAmbient("circleci", "sigstore", machine({ CIRCLE_OIDC_TOKEN_V2: "other" }))).toBe("other");
  });

  test("Buildkite", async () => {
    const run: AmbientMachine["run"] = (program, args) => Promise.resolve(`${[program, ...args].join(" ")}\n`);
    expect(await fetchAmbient("buildkite", "sigstore", machine({}, { run }))).toBe(
      "buildkite-agent oidc request-token --audience sigstore",
    );
  });

  test("Buildkite, in a container without its agent's command", async () => {
    const bodies: string[] = [];
    const http: AmbientMachine["http"] = (request) => {
      bodies.push(new TextDecoder().decode(request.body));
      return overWire(request);
    };
    const env = { BUILDKITE_AGENT_ACCESS_TOKEN: bearer, BUILDKITE_JOB_ID: "job-1", BUILDKITE_AGENT_ENDPOINT: `${origin}/v3/` }; // prettier-ignore
    expect(await fetchAmbient("buildkite", "sigstore", machine(env, { http }))).toBe(token);
    expect(bodies).toEqual(['{"audience":"sigstore"}']);
    const other = machine({ ...env, BUILDKITE_JOB_ID: "job-2" });
    expect((await refusalOf("buildkite", other)).code).toBe("SIGSTORE_HTTP_REFUSED");
    for (const wrong of [{ BUILDKITE_JOB_ID: "../x" }, { BUILDKITE_AGENT_ENDPOINT: "http://agent.example/v3" }])
      expect((await refusalOf("buildkite", machine({ ...env, ...wrong }))).code).toBe("SIGSTORE_AMBIENT_FAILED");
  });

  test("Google: the machine's account, or one that it may speak for", async () => {
    const env = { GCE_METADATA_HOST: origin.replace("http://", "") };
    expect(await fetchAmbient("google", "sigstore", machine(env))).toBe(token);
    const account = { ...env, GOOGLE_SERVICE_ACCOUNT_NAME: "signer@p.iam.gserviceaccount.com" };
    expect(await fetchAmbient("google", "sigstore", machine(account))).toBe(token);
  });

  test("SPIFFE and a file", async () => {
    const fetchSvid: AmbientMachine["fetchSvid"] = (endpoint, audience) => Promise.resolve(`${endpoint} ${audience}`);
    const env = { SPIFFE_ENDPOINT_SOCKET: "unix:/run/agent.sock" };
    expect(await fetchAmbient("spiffe", "sigstore", machine(env, { fetchSvid }))).toBe("unix:/run/agent.sock sigstore");
    expect(await fetchAmbient("file", "sigstore", machine({}, { readFile: () => ` ${token}\n` }))).toBe(token);
  });
});

describe("no token, and nothing secret in the message", () => {
  test("GitHub refuses", async () => {
    const env = { ...github(), ACTIONS_ID_TOKEN_REQUEST_TOKEN: `${bearer}x` };
    expect((await refusalOf("github", machine(env))).code).toBe("SIGSTORE_HTTP_REFUSED");
  });

  test("an answer that is cut, or has no token", async () => {
    expect((await refusalOf("github", machine(github("/broken")))).code).toBe("SIGSTORE_AMBIENT_FAILED");
    expect(
      (await refusalOf("google", machine({ GCE_METADATA_HOST: origin.slice(7), GOOGLE_SERVICE_ACCOUNT_NAME: "other" })))
        .code,
    ).toBe("SIGSTORE_HTTP_REFUSED");
  });

  test.each(["http://runner.example/token", "ftp://127.0.0.1/", "no address", "http://127.0.0.1.evil.example/"])(
    "the runner's secret does not go to %s",
    async (url) => {
      const env = { ...github(), ACTIONS_ID_TOKEN_REQUEST_URL: url };
      const http: AmbientMachine["http"] = () => Promise.reject(new Error("asked"));
      expect((await refusalOf("github", machine(env, { http }))).code).toBe("SIGSTORE_AMBIENT_FAILED");
    },
  );

  test("a program that is not there, or fails with what it printed", async () => {
    const run: AmbientMachine["run"] = () => Promise.reject(new Error(`failed: ${token}`));
    expect((await refusalOf("buildkite", machine({}, { run }))).code).toBe("SIGSTORE_AMBIENT_FAILED");
    expect((await refusalOf("spiffe", machine({}))).code).toBe("SIGSTORE_AMBIENT_FAILED");
  });
});
