import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpRequest } from "@countersign/sigstore";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitCodeOfError, makeHttp } from "./index.ts";

let server: Server;
let base = "";
beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://x");
    if (pathname === "/slow") return;
    if (pathname === "/trickle") return void setInterval(() => response.write("x"), 20).unref();
    if (pathname === "/cut")
      return void response.writeHead(200, { "content-length": "99" }).write("x", () => request.socket.destroy());
    if (pathname === "/elsewhere") return void response.writeHead(302, { location: "/" }).end();
    if (pathname === "/echo")
      return void request.pipe(response.writeHead(201, { "X-Seen": String(request.headers["authorization"]) }));
    response.writeHead(pathname === "/500" ? 500 : 200).end("x".repeat(1000));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const http = makeHttp((url, init) => fetch(url, init));
const get = (path: string, more: Partial<HttpRequest> = {}) =>
  http({ method: "GET", url: base + path, headers: {}, timeoutMs: 60_000, maxBytes: 1000, ...more });

describe("an answer", () => {
  test("comes back with status, lower-case headers and body, whatever the status", async () => {
    const body = new TextEncoder().encode("asked");
    const response = await http({
      method: "POST",
      url: `${base}/echo`,
      headers: { authorization: "Bearer t" },
      body,
      timeoutMs: 60_000,
      maxBytes: 5,
    });
    expect([response.status, response.headers["x-seen"], new TextDecoder().decode(response.body)]).toEqual([
      201,
      "Bearer t",
      "asked",
    ]);
    expect((await get("/500")).status).toBe(500);
    expect((await get("/")).body.length).toBe(1000);
  });
});

describe("what goes wrong has a code of its own", () => {
  test.each<[string, string, Partial<HttpRequest>, string, number]>([
    ["a byte more than the limit", "/", { maxBytes: 999 }, "PIPELINE_HTTP_TOO_LARGE", 1],
    ["no answer in time", "/slow", { timeoutMs: 50 }, "PIPELINE_HTTP_TIMEOUT", 3],
    ["a body that trickles", "/trickle", { timeoutMs: 100 }, "PIPELINE_HTTP_TIMEOUT", 3],
    ["a body that is cut", "/cut", {}, "PIPELINE_HTTP_FAILED", 3],
    ["a redirect, which could carry a token elsewhere", "/elsewhere", {}, "PIPELINE_HTTP_REDIRECT", 3],
    ["nobody there", "", { url: "http://127.0.0.1:9/" }, "PIPELINE_HTTP_FAILED", 3],
    ["no address", "", { url: "no address" }, "PIPELINE_HTTP_FAILED", 3],
    ["the caller stops", "/slow", { signal: AbortSignal.timeout(20) }, "PIPELINE_HTTP_FAILED", 3],
  ])("%s", async (_, path, more, code, exit) => {
    const error = await get(path, more).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "TrustError", code });
    expect(exitCodeOfError(error)).toBe(exit);
  });

  test("no message repeats a header or a query", async () => {
    const secret = "very-secret-token";
    const failed = await get("", {
      url: `http://127.0.0.1:9/?token=${secret}`,
      headers: { authorization: secret },
    }).catch((error: Error) => error);
    expect(JSON.stringify([failed, (failed as Error).message, (failed as Error).cause])).not.toContain(secret);
  });
});

test.each([
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "PIPELINE_HTTP_CERTIFICATE"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "PIPELINE_HTTP_CERTIFICATE"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "PIPELINE_HTTP_CERTIFICATE"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "PIPELINE_HTTP_CERTIFICATE"],
  ["CERT_HAS_EXPIRED", "PIPELINE_HTTP_CERTIFICATE"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "PIPELINE_HTTP_CERTIFICATE"],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "PIPELINE_HTTP_FAILED"],
  ["ECONNREFUSED", "PIPELINE_HTTP_FAILED"],
])("%s: whose certificate is in question", async (code, expected) => {
  const failing = makeHttp(() => Promise.reject(new TypeError("fetch failed", { cause: { code } })));
  const asked = failing({ method: "GET", url: "https://fulcio.example/", headers: {}, timeoutMs: 60_000, maxBytes: 1 });
  await expect(asked).rejects.toMatchObject({ code: expected, message: expect.stringContaining(code) as string });
});
