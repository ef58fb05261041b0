import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { TrustError } from "@countersign/core";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { makeFolder } from "./scenario.ts";
import { fetchSvid } from "./spiffe.node.ts";

const token = "eyJhbGciOiJFUzI1NiJ9.c2VjcmV0LXBheWxvYWQ.c2lnbmF0dXJl";
const { path: folder, remove } = makeFolder();
const socket = join(folder, "agent.sock");

/** A workload API on a socket, that holds requests to the specification. */
let server: Http2Server;
let answer: (stream: ServerHttp2Stream) => void = grant;
beforeAll(async () => {
  server = createServer();
  server.on("stream", (stream, headers) => {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("error", () => {});
    stream.on("end", () => {
      const isRight =
        headers[":path"] === "/SpiffeWorkloadAPI/FetchJWTSVID" &&
        headers["workload.spiffe.io"] === "true" &&
        headers["content-type"] === "application/grpc" &&
        Buffer.concat(parts).equals(Buffer.concat([Buffer.from([0, 0, 0, 0, 10, 0x0a, 8]), Buffer.from("sigstore")]));
      if (isRight) answer(stream);
      else stream.respond({ ":status": 200, "grpc-status": "3" }, { endStream: true });
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
});
afterEach(() => {
  answer = grant;
});
afterAll(() => {
  server.close();
  remove();
});

const field = (number: number, content: string | Uint8Array): Buffer => {
  const bytes = typeof content === "string" ? Buffer.from(content) : Buffer.from(content);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
};

function send(stream: ServerHttp2Stream, message: Buffer, status = "0"): void {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
  stream.end(Buffer.concat([head, message]));
}

function grant(stream: ServerHttp2Stream): void {
  const svid = (text: string): Buffer =>
    field(1, Buffer.concat([field(1, "spiffe://example.org/signer"), field(2, text)]));
  send(stream, Buffer.concat([svid(token), svid("another")]));
}

async function refusalOf(endpoint: string): Promise<string> {
  const error = await fetchSvid(endpoint, "sigstore").catch((thrown: unknown) => thrown);
  if (!(error instanceof TrustError)) throw new Error(`got ${String(error)}`);
  expect(error.message).not.toContain("c2VjcmV0");
  return error.code;
}

test.each([`unix:${socket}`, `unix://${socket}`])("a token by %s", async (endpoint) => {
  expect(await fetchSvid(endpoint, "sigstore")).toBe(token);
});

test("over TCP on this machine", async () => {
  const tcp = createServer();
  tcp.on("stream", (stream) => grant(stream));
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const { port } = tcp.address() as AddressInfo;
  expect(await fetchSvid(`tcp://127.0.0.1:${port}`, "sigstore")).toBe(token);
  tcp.close();
});

test.each<[string, (stream: ServerHttp2Stream) => void]>([
  ["refused at once", (stream) => stream.respond({ ":status": 200, "grpc-status": "7" }, { endStream: true })],
  ["refused at the end", (stream) => send(stream, Buffer.alloc(0), "7")],
  ["no identity", (stream) => send(stream, Buffer.alloc(0))],
  ["a message that is cut", (stream) => send(stream, field(1, field(2, token)).subarray(0, 20))],
  ["a length beyond the end", (stream) => send(stream, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f]))],
  ["no gRPC", (stream) => stream.end("<!doctype html>")],
  ["broken off", (stream) => stream.destroy()],
])("%s: CLI_SPIFFE_FAILED", async (_, reply) => {
  answer = reply;
  expect(await refusalOf(`unix:${socket}`)).toBe("CLI_SPIFFE_FAILED");
});

test("whatever comes back, it is a token or CLI_SPIFFE_FAILED", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 30 }), async (noise, at) => {
      const whole = field(1, field(2, token));
      const bent = Buffer.concat([whole.subarray(0, at), noise, whole.subarray(at + noise.length)]);
      answer = (stream) => send(stream, bent);
      const outcome = await fetchSvid(`unix:${socket}`, "sigstore").catch((thrown: unknown) => thrown);
      expect(typeof outcome === "string" || (outcome as TrustError).code === "CLI_SPIFFE_FAILED").toBe(true);
    }),
    { numRuns: 60 },
  );
});

test.each(["", "unix:relative", "tcp://10.0.0.1:80", "https://agent.example", `unix:${socket}.none`])(
  "%j is no socket to ask",
  async (endpoint) => expect(await refusalOf(endpoint)).toBe("CLI_SPIFFE_FAILED"),
);
