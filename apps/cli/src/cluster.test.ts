import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import type { TLSSocket } from "node:tls";
import { kubernetesProtocol, type KubernetesSecret } from "@countersign/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCluster } from "./cluster.node.ts";
import { selectContext } from "./kubeconfig.ts";
import { setStage, type Stage } from "./stage.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const code = (name: string): unknown => expect.objectContaining({ code: name });

type Loose = Readonly<Record<string, unknown>>;
const named = (name: string, member: string, value: Loose): Loose => ({ name, [member]: value });
const config = (cluster: Loose, user: Loose = {}, more: Loose = {}): Loose => ({
  apiVersion: "v1",
  kind: "Config",
  "current-context": "main",
  contexts: [named("main", "context", { cluster: "c", user: "u" })],
  clusters: [named("c", "cluster", { server: "https://k8s.example", ...cluster })],
  users: [named("u", "user", user)],
  ...more,
});
const select = (...values: readonly Loose[]) =>
  selectContext(values.map((value, index) => ({ path: join("/etc", `${index}`, "config"), value: value as never })));

describe("the current context", () => {
  test("of several files what is said first counts, and paths start from their file", () => {
    const first = { "current-context": "", clusters: [named("c", "cluster", { server: "https://first.example" })] };
    const second = config({}, { "client-certificate": "me.pem", "client-key-data": "aGk=", tokenFile: "token" });
    expect(select(first, second)).toMatchObject({
      server: "https://first.example",
      certificate: { path: join("/etc/1", "me.pem") },
      privateKey: { bytes: new TextEncoder().encode("hi") },
      token: { path: join("/etc/1", "token") },
    });
  });

  test.each<[string, Loose]>([
    ["no context", { "current-context": "" }],
    ["a context that is not there", config({}, {}, { "current-context": "other" })],
    ["a cluster that is not there", config({}, {}, { clusters: [] })],
    ["TLS without verification", config({ "insecure-skip-tls-verify": true })],
    ["a proxy", config({ "proxy-url": "http://proxy.example" })],
    ["a password", config({}, { username: "ada", password: "x" })],
    ["another person's name", config({}, { as: "admin" })],
    ["an old provider", config({}, { "auth-provider": { name: "gcp" } })],
    ["half a certificate", config({}, { "client-certificate": "x.pem" })],
    ["a program that asks", config({}, { exec: program({ interactiveMode: "Always" }) })],
    ["a program of another version", config({}, { exec: program({ apiVersion: "v0" }) })],
    ["clusters that are no list", config({}, {}, { clusters: {} })],
  ])("refuses %s", (_, value) => {
    expect(() => select(value)).toThrowError(code("CLI_KUBECONFIG") as Error);
  });
});

const execVersion = "client.authentication.k8s.io/v1";
function program(more: Loose): Loose {
  return { apiVersion: execVersion, command: "x", interactiveMode: "IfAvailable", ...more };
}

describe("who asks", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await setStage();
  });
  afterAll(() => stage.close());

  const open = (value: Loose, env: Record<string, string> = {}): ReturnType<typeof openCluster> =>
    openCluster({ env: { ...env, KUBECONFIG: stage.write("config", JSON.stringify(value)) } });
  /** A program that prints this, and keeps what it was told. */
  const prints = (text: string): Loose => {
    const script = `require("fs").writeFileSync(process.argv[1], JSON.stringify(process.env)); process.stdout.write(${JSON.stringify(text)})`;
    return program({
      command: process.execPath,
      args: ["-e", script, stage.path("told.json")],
      provideClusterInfo: true,
    });
  };
  const credential = (status: Loose, apiVersion = execVersion): string =>
    JSON.stringify({ kind: "ExecCredential", apiVersion, status });

  test("a token, from the file or from a program that gets none of our passwords", async () => {
    expect(await open(config({}, { token: "tok-1" }))).toMatchObject({ headers: { authorization: "Bearer tok-1" } });
    const exec = { exec: prints(credential({ token: "tok-2" })) };
    const cluster = await open(config({}, exec), { COUNTERSIGN_PASSWORD: "secret", OTHER: "1" });
    expect(cluster).toMatchObject({ headers: { authorization: "Bearer tok-2" }, secrets: ["tok-2"] });
    const told = JSON.parse(readFileSync(stage.path("told.json"), "utf8")) as Record<string, string>;
    expect(told).toMatchObject({ OTHER: "1" });
    expect(told["COUNTERSIGN_PASSWORD"]).toBeUndefined();
    expect(JSON.parse(told["KUBERNETES_EXEC_INFO"] ?? "")).toMatchObject({
      apiVersion: execVersion,
      spec: { interactive: false, cluster: { server: "https://k8s.example" } },
    });
  });

  test.each<[string, string]>([
    ["no JSON", "s3cret-token"],
    ["another version", credential({ token: "s3cret-token" }, "client.authentication.k8s.io/v1beta1")],
    ["nothing to show", credential({ expirationTimestamp: "2030-01-01T00:00:00Z" })],
    ["a token of two lines", credential({ token: "s3cret-token\nx" })],
    ["a broken certificate", credential({ clientCertificateData: "s3cret-token", clientKeyData: "s3cret-token" })],
  ])("a program that prints %s", async (_, text) => {
    const error: unknown = await open(config({}, { exec: prints(text) })).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "CLI_KUBECONFIG" });
    expect(String((error as Error).message)).not.toContain("s3cret");
  });

  test("a program that is not there, or fails", async () => {
    for (const exec of [
      program({ command: "./nowhere" }),
      program({ command: process.execPath, args: ["-e", "process.exit(3)"] }),
    ])
      await expect(open(config({}, { exec }))).rejects.toMatchObject({ code: "CLI_KUBECONFIG" });
  });

  test("a pod's service account where there is no kubeconfig", async () => {
    const pod = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
    const folder = stage.path("pod");
    mkdirSync(folder);
    writeFileSync(join(folder, "token"), "pod-token\n");
    await expect(openCluster({ env: pod }, folder)).rejects.toMatchObject({ code: "CLI_FILE_MISSING" });
    await expect(openCluster({ env: {} }, folder)).rejects.toMatchObject({ code: "CLI_KUBECONFIG" });
    const KUBECONFIG = [stage.path("not-there"), stage.path("nor-this")].join(delimiter);
    await expect(openCluster({ env: { ...pod, KUBECONFIG } }, folder)).rejects.toMatchObject({
      code: "CLI_KUBECONFIG",
    });
  });

  describe.skipIf(!hasOpenssl)("over TLS", () => {
    let server: Server;
    const secrets = new Map<string, KubernetesSecret>();
    const password = { COUNTERSIGN_PASSWORD: "correct horse" };
    const where = (user: Loose, authority = "ca.pem"): Record<string, string> => {
      const { port } = server.address() as AddressInfo;
      const cluster = { server: `https://127.0.0.1:${port}`, "certificate-authority": authority };
      return { ...password, KUBECONFIG: stage.write("kube.yaml", JSON.stringify(config(cluster, user))) };
    };
    const me = { "client-certificate": "client.pem", "client-key": "client.key" };
    beforeAll(async () => {
      issue("ca", []);
      issue("stranger", []);
      const byCa = ["-CA", stage.path("ca.pem"), "-CAkey", stage.path("ca.key")];
      issue("server", [...byCa, "-addext", "subjectAltName=IP:127.0.0.1"]);
      issue("client", [...byCa, "-addext", "extendedKeyUsage=clientAuth"]);
      server = await startServer();
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    /** `NAME.key` and `NAME.pem`, self-signed unless `more` names an authority. */
    function issue(name: string, more: readonly string[]): void {
      const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
      const subject = ["-subj", `/CN=${name}`, "-days", "2", "-out", `${name}.pem`];
      execFileSync("openssl", ["req", "-x509", ...key, ...subject, ...more], { cwd: stage.folder, stdio: "ignore" });
    }

    /** Whoever shows a certificate of its authority may do all. */
    async function startServer(): Promise<Server> {
      const read = (name: string): Buffer => readFileSync(stage.path(name));
      const play = kubernetesProtocol({ secrets });
      const tls = { cert: read("server.pem"), key: read("server.key"), ca: read("ca.pem"), requestCert: true };
      const https = createServer({ ...tls, rejectUnauthorized: false }, (request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          const isKnown = (request.socket as TLSSocket).authorized;
          const headers = request.headers as Record<string, string>;
          const asked = { method: request.method ?? "", path: request.url ?? "", headers, body: Buffer.concat(chunks) };
          void Promise.resolve(
            isKnown ? play(asked, undefined) : { status: 401, body: { reason: "Unauthorized" } },
          ).then(({ status, body }) => response.writeHead(status).end(JSON.stringify(body)));
        });
      });
      await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
      return https;
    }

    test("key generate makes the Secret, sign signs with it, verify asks for its public half", async () => {
      const env = where(me);
      const made = await stage.run(["key", "generate", "k8s://build/release", "-o", stage.path("out")], { env });
      expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("k8s://build/release") as string });
      expect(secrets.get("build/release")?.immutable).toBe(true);
      const file = stage.write("app", "hello");
      const key = ["--key", "k8s://build/release"];
      const alone = where(me);
      delete alone["COUNTERSIGN_PASSWORD"];
      expect(await stage.run(["sign", file, ...key, ...stage.signing], { env: alone })).toMatchObject({ code: 0 });
      expect(await stage.run(["verify", file, ...key, ...stage.trust], { env: alone })).toMatchObject({ code: 0 });
      const own = ["--key", stage.path("out.pub")];
      expect(await stage.run(["verify", file, ...own, ...stage.trust])).toMatchObject({ code: 0 });
      expect(await stage.run(["verify", file, ...key, "--offline", ...stage.trust], { env })).toMatchObject({
        code: 2,
      });
      for (const more of [["--danger-unencrypted"], ["-o", stage.path("out")], ["-o", stage.path("again")]])
        expect(await stage.run(["key", "generate", "k8s://build/release", ...more], { env })).toMatchObject({
          code: 2,
        });
      expect(await stage.run(["key", "generate", "awskms:///x"], { env })).toMatchObject({ code: 2 });
    });

    test.each([
      ["nobody's certificate", {}, "ca.pem", "SIGSTORE_KEY_SERVICE_REFUSED"],
      [
        "a stranger's",
        { "client-certificate": "stranger.pem", "client-key": "stranger.key" },
        "ca.pem",
        "SIGSTORE_KEY_SERVICE_REFUSED",
      ],
      ["a server of another authority", me, "stranger.pem", "PIPELINE_HTTP_CERTIFICATE"],
      ["an authority that is none", me, "client.key", "CLI_KUBECONFIG"],
    ] as const)("%s: nothing is given", async (_, user, authority, expected) => {
      const outcome = await stage.run(["key", "public", "k8s://build/release"], { env: where(user, authority) });
      expect(outcome).toMatchObject({ stdout: "", stderr: expect.stringContaining(`[${expected}]`) as string });
    });
  });
});
