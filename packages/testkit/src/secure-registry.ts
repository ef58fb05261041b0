import { execFileSync } from "node:child_process";
import { createHash, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDockerRegistry } from "./docker-registry.ts";
import type { RunningRegistry } from "./registry-program.ts";

/** Debian's docker-registry as companies run it: TLS of a private authority, client certificates, and logins by token. */
export interface SecureRegistry extends RunningRegistry {
  /** PEM files. */
  readonly files: { readonly ca: string; readonly clientCertificate: string; readonly clientKey: string };
  readonly login: { readonly username: string; readonly password: string; readonly identityToken: string };
  /** How a caller proved itself to the login service, in order: `basic`, `refresh` or `nobody`. */
  readonly logins: string[];
}

/** Starts one, and its login service beside it (distribution's token authentication: ES256 with x5c). */
export async function startSecureRegistry(): Promise<SecureRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "countersign-secure-"));
  const at = (name: string): string => join(folder, name);
  issue(folder, "ca", []);
  const byCa = ["-CA", at("ca.pem"), "-CAkey", at("ca.key")];
  issue(folder, "server", [...byCa, "-addext", "subjectAltName=IP:127.0.0.1"]);
  issue(folder, "client", [...byCa, "-addext", "extendedKeyUsage=clientAuth"]);
  const login = { username: "ada", password: "s3cret-pass", identityToken: "refresh-s3cret" };
  const service = await startLoginService(folder, login);
  const registry = await startDockerRegistry({
    http: [`tls: {certificate: ${at("server.pem")}, key: ${at("server.key")}, clientcas: [${at("ca.pem")}]}`],
    top: [`auth: {token: {realm: "${service.url}", service: reg, issuer: iss, rootcertbundle: ${at("ca.pem")}}}`],
  });
  return {
    host: registry.host,
    files: { ca: at("ca.pem"), clientCertificate: at("client.pem"), clientKey: at("client.key") },
    login,
    logins: service.logins,
    async close() {
      await registry.close();
      await service.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `NAME.key` and `NAME.pem`, self-signed unless `more` names an authority. */
function issue(folder: string, name: string, more: readonly string[]): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  const subject = ["-subj", `/CN=${name}`, "-days", "2", "-out", `${name}.pem`];
  execFileSync("openssl", ["req", "-x509", ...key, ...subject, ...more], { cwd: folder, stdio: "ignore" });
}

interface LoginService {
  readonly url: string;
  readonly logins: string[];
  close(): Promise<void>;
}

/** Everybody gets a token; one who is not known gets no rights in it. */
async function startLoginService(folder: string, login: SecureRegistry["login"]): Promise<LoginService> {
  const [cert, key] = ["server.pem", "server.key"].map((name) => readFileSync(join(folder, name), "utf8"));
  const logins: string[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    void readFields(request).then((fields) => {
      const by = callerOf(request, fields, login);
      logins.push(by);
      const access = by === "nobody" ? [] : fields.getAll("scope").flatMap((text) => text.split(" ").map(accessOf));
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ access_token: makeToken(access, { cert: cert ?? "", key: key ?? "" }) }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    logins,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readFields(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  if (request.method === "POST") return new URLSearchParams(Buffer.concat(chunks).toString());
  return new URL(request.url ?? "", "https://x.invalid").searchParams;
}

function callerOf(request: IncomingMessage, fields: URLSearchParams, login: SecureRegistry["login"]): string {
  const basic = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
  if (request.headers.authorization === basic) return "basic";
  return fields.get("refresh_token") === login.identityToken ? "refresh" : "nobody";
}

function accessOf(scope: string): object {
  const [type = "", name = "", actions = ""] = scope.split(":");
  return { type, name, actions: actions.split(",") };
}

function makeToken(access: readonly object[], { cert, key }: { readonly cert: string; readonly key: string }): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: "JWT", alg: "ES256", x5c: [new X509Certificate(cert).raw.toString("base64")] };
  const jti = createHash("sha256")
    .update(`${now}${JSON.stringify(access)}`)
    .digest("hex");
  const claims = { iss: "iss", sub: "ada", aud: "reg", nbf: now - 60, iat: now, exp: now + 300, jti, access };
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}
