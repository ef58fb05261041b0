import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Fault } from "@countersign/local-sigstore";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runBuilt } from "./scenario.ts";
import { setStage, textOf, type Stage } from "./stage.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

describe.skipIf(!hasOpenssl)("a timestamp authority that asks for a certificate", () => {
  let stage: Stage;
  let server: Server;
  let config = "";
  /** Whom the authority has seen, by the names of their certificates. */
  const seen: string[] = [];
  beforeAll(async () => {
    stage = await setStage();
    issue("ca", []);
    issue("stranger", []);
    const byCa = ["-CA", stage.path("ca.pem"), "-CAkey", stage.path("ca.key")];
    issue("server", [...byCa, "-addext", "subjectAltName=DNS:tsa.test"]);
    issue("client", [...byCa, "-addext", "extendedKeyUsage=clientAuth"]);
    server = await startAuthority();
    const { port } = server.address() as AddressInfo;
    const signing = JSON.parse(textOf(stage.path("sigstore/signing_config.json"))) as { tsaUrls: object[] };
    const tsaUrls = signing.tsaUrls.map((each) => ({ ...each, url: `https://127.0.0.1:${port}/api/v1/timestamp` }));
    config = stage.write("tls.json", JSON.stringify({ ...signing, tsaUrls }));
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await stage.close();
  });

  /** `NAME.key` and `NAME.pem`, self-signed unless `more` names an authority. */
  function issue(name: string, more: readonly string[]): void {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
    const subject = ["-subj", `/CN=${name}`, "-days", "2", "-out", `${name}.pem`];
    execFileSync("openssl", ["req", "-x509", ...key, ...subject, ...more], { cwd: stage.folder, stdio: "ignore" });
  }

  /** Hands on what comes to the local Sigstore's authority. */
  async function startAuthority(): Promise<Server> {
    const read = (name: string): Buffer => readFileSync(stage.path(name));
    const tls = { cert: read("server.pem"), key: read("server.key"), ca: read("ca.pem"), requestCert: true };
    const https = createServer({ ...tls, rejectUnauthorized: true }, (request, response) => {
      const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject;
      seen.push(String(CN));
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const headers = { "content-type": request.headers["content-type"] ?? "" };
        void fetch(`${stage.sigstore.url}${request.url}`, {
          method: "POST",
          headers,
          body: Buffer.concat(chunks),
          redirect: "manual",
        })
          .then(async (answer) => response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer())))
          .catch(() => response.destroy());
      });
    });
    await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
    return https;
  }

  const shown = (name = "client", key = name): string[] => [
    "--timestamp-client-cert",
    stage.path(`${name}.pem`),
    "--timestamp-client-key",
    stage.path(`${key}.key`),
  ];
  const trusted = (): string[] => [
    "--timestamp-client-cacert",
    stage.path("ca.pem"),
    "--timestamp-server-name",
    "tsa.test",
  ];
  const sign = (file: string, ...how: readonly string[]) => {
    const given = ["--identity-token", stage.path("token.jwt"), "--signing-config", config, ...stage.trust];
    return stage.run(["sign", file, ...given, ...how]);
  };

  test("is shown it, and nobody else is", async () => {
    const file = stage.write("stamped", "x");
    expect(await sign(file, ...shown(), ...trusted())).toMatchObject({ code: 0 });
    expect(seen).toEqual(["client"]);
    expect(await stage.run(["verify", file, ...stage.trust, ...stage.expected])).toMatchObject({ code: 0 });
    const key = stage.makeKey("mtls");
    const keyed = [
      "sign",
      file,
      "--key",
      key.secret,
      "--signing-config",
      config,
      ...stage.trust,
      "-o",
      stage.path("keyed.json"),
    ];
    expect(await stage.run([...keyed, ...shown(), ...trusted()])).toMatchObject({ code: 0 });
    expect(seen).toEqual(["client", "client"]);
  });

  test.each<[string, () => string[], string, number]>([
    ["no certificate", () => trusted(), "PIPELINE_HTTP_FAILED", 3],
    ["a stranger's", () => [...shown("stranger"), ...trusted()], "PIPELINE_HTTP_FAILED", 3],
    ["no trust in the authority's own", () => [...shown(), ...trusted().slice(2)], "PIPELINE_HTTP_CERTIFICATE", 3],
    ["another name", () => [...shown(), ...trusted().slice(0, 2)], "PIPELINE_HTTP_CERTIFICATE", 3],
    ["a certificate without its key", () => [...shown().slice(0, 2), ...trusted()], "CLI_OPTION_CONFLICT", 2],
    ["a key that is not its own", () => [...shown("client", "stranger"), ...trusted()], "CLI_OPTION_VALUE", 2],
    ["no certificate in the file", () => ["--timestamp-client-cacert", config], "CLI_OPTION_VALUE", 2],
    ["no file", () => ["--timestamp-client-cacert", stage.path("nowhere")], "CLI_FILE_MISSING", 2],
  ])("refused: %s, and nothing is written", async (_, how, code, exit) => {
    const file = stage.write("unstamped", "x");
    const before = stage.sigstore.rekor.tree.size();
    const outcome = await sign(file, ...how());
    expect([outcome.code, /\[(\w+)\]/.exec(outcome.stderr)?.[1]]).toEqual([exit, code]);
    expect(outcome.stderr).not.toContain("PRIVATE");
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
    expect(stage.sigstore.rekor.tree.size()).toBe(before);
  });

  test.each<[string, Fault, string, number]>([
    ["nothing", { kind: "status", status: 204 }, "SIGSTORE_HTTP_REFUSED", 2],
    [
      "the way to somebody else",
      { kind: "status", status: 302, headers: { location: "/" } },
      "PIPELINE_HTTP_REDIRECT",
      3,
    ],
  ])("whose answer is %s", async (_, fault, code, exit) => {
    stage.sigstore.faults.set("tsa", fault);
    const outcome = await sign(stage.write("unstamped", "x"), ...shown(), ...trusted());
    stage.sigstore.faults.clear();
    expect([outcome.code, /\[(\w+)\]/.exec(outcome.stderr)?.[1]]).toEqual([exit, code]);
  });

  test("its own authority may be named as other programs are told: SSL_CERT_FILE", async () => {
    const file = stage.write("system", "x");
    const token = ["--identity-token", stage.path("token.jwt"), "--signing-config", config, ...stage.trust];
    const argv = ["sign", file, ...token, ...shown(), ...trusted().slice(2)];
    expect(await runBuilt(argv, { env: { SSL_CERT_FILE: stage.path("ca.pem") } })).toMatchObject({ code: 0 });
    expect(await runBuilt(argv, { env: { SSL_CERT_FILE: stage.path("nowhere") } })).toMatchObject({ code: 3 });
  });

  test("not for an authority without TLS", async () => {
    const file = stage.write("plain", "x");
    const argv = ["sign", file, "--identity-token", stage.path("token.jwt"), ...stage.signing, ...shown()];
    expect(await stage.run(argv)).toMatchObject({ code: 2 });
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });
});
