import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { makeOciHttp } from "./http.node.ts";
import { makePlainGet, maxPlainBytes, type PlainGet } from "./plain-get.node.ts";
import type { OciRequest, OciResponse } from "./http.ts";

interface Place {
  readonly url: URL;
  /** What was asked, as it came. */
  readonly asked: string[];
  readonly sockets: Socket[];
  readonly closed: Promise<unknown>[];
}

const servers: Server[] = [];
const open: Socket[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const socket of open.splice(0)) socket.destroy();
});

/** Says of each question what `answer` does with its number and the connection. */
async function listen(answer: (socket: Socket, count: number) => void): Promise<Place> {
  const asked: string[] = [];
  const sockets: Socket[] = [];
  const closed: Promise<unknown>[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    closed.push(new Promise((resolve) => socket.once("close", resolve)));
    open.push(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      asked.push(data.toString("latin1"));
      answer(socket, asked.length);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/a?b=c`),
    asked,
    sockets,
    closed,
  };
}

const ask = (get: PlainGet, url: URL, more: Partial<OciRequest> = {}): Promise<OciResponse | undefined> =>
  get(url, { method: "GET", url: url.href, headers: { accept: "x/y" }, timeoutMs: 60_000, wholeMs: 60_000, ...more });

async function bodyOf(response: OciResponse | undefined): Promise<string | undefined> {
  if (response === undefined) return undefined;
  let text = "";
  for await (const piece of response.body) text += Buffer.from(piece).toString();
  return text;
}

const plain = (body: string, more = ""): string =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
const silent: unknown = expect.objectContaining({ code: "OCI_REGISTRY_SILENT" });

test("one question after another on one connection, as HTTP/1.1 writes them", async () => {
  const place = await listen((socket, count) => socket.write(plain(`answer ${count}`, "x-a: b\r\n")));
  const get = makePlainGet();
  const first = await ask(get, place.url);
  expect(first).toMatchObject({ status: 200, headers: { "content-length": "8", "x-a": "b" } });
  expect(await bodyOf(first)).toBe("answer 1");
  expect(await bodyOf(await ask(get, place.url))).toBe("answer 2");
  expect(place.sockets).toHaveLength(1);
  expect(place.asked[0]).toBe(
    `GET /v2/a?b=c HTTP/1.1\r\nhost: ${place.url.host}\r\naccept: x/y\r\nconnection: keep-alive\r\n\r\n`,
  );
});

test("an answer in pieces, cut anywhere, is the same", async () => {
  const text = plain("the body", "x-a: b\r\n");
  const place = await listen((socket, count) => {
    socket.setNoDelay(true);
    socket.write(text.slice(0, count));
    setTimeout(() => socket.write(text.slice(count)), 2);
  });
  const get = makePlainGet();
  for (let count = 1; count < text.length; count++)
    expect(await bodyOf(await ask(get, place.url)), `cut at ${count}`).toBe("the body");
  expect(place.sockets).toHaveLength(1);
});

test("so is one in chunks, after which the connection is used again", async () => {
  const text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nthe \r\n4\r\nbody\r\n0\r\n\r\n";
  const place = await listen((socket) => {
    socket.write(text.slice(0, 60));
    setTimeout(() => socket.write(text.slice(60)), 5);
  });
  const get = makePlainGet();
  expect(await bodyOf(await ask(get, place.url))).toBe("the body");
  expect(await bodyOf(await ask(get, place.url))).toBe("the body");
  expect(place.sockets).toHaveLength(1);
});

test("questions at once have a connection each; one that is said to be the last is not used again", async () => {
  const place = await listen((socket) => void setTimeout(() => socket.write(plain("", "connection: close\r\n")), 20));
  const get = makePlainGet();
  const both = await Promise.all([ask(get, place.url), ask(get, place.url)]);
  expect(await Promise.all(both.map(bodyOf))).toEqual(["", ""]);
  expect(await bodyOf(await ask(get, place.url))).toBe("");
  expect(place.sockets).toHaveLength(3);
});

test.each<[string, string]>([
  ["chunks of another form", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0;a=b\r\n\r\n"],
  ["an end that is the connection's", "HTTP/1.1 200 OK\r\n\r\nbody"],
  ["more than its length", `${plain("body")}HTTP/1.1 200 OK\r\n\r\n`],
  ["a status before the final one", `HTTP/1.1 100 Continue\r\n\r\n${plain("body")}`],
  ["a head without end", "x".repeat(33 * 1024)],
  ["a long head", plain("body", `x: ${"x".repeat(33 * 1024)}\r\n`)],
  ["a long body", `HTTP/1.1 200 OK\r\ncontent-length: ${maxPlainBytes + 1}\r\n\r\n`],
  ["another protocol", "SSH-2.0-x\r\n\r\n"],
])("an answer with %s is left to others, and so is all else of its origin", async (_, text) => {
  const place = await listen((socket) => socket.write(text));
  const get = makePlainGet();
  expect(await ask(get, place.url)).toBeUndefined();
  expect(await ask(get, place.url)).toBeUndefined();
  expect(place.asked).toHaveLength(1);
});

test("node:http asks a registry with other habits, once more and then alone", async () => {
  const text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8;a=b\r\nthe body\r\n0\r\n\r\n";
  const place = await listen((socket) => socket.write(text));
  const http = makeOciHttp();
  const request: OciRequest = { method: "GET", url: place.url.href, headers: {}, timeoutMs: 60_000, wholeMs: 60_000 };
  for (let count = 2; count <= 3; count++) {
    expect(await bodyOf(await http(request))).toBe("the body");
    expect(place.asked).toHaveLength(count);
  }
});

test.each<[string, (socket: Socket) => void]>([
  ["ends at once", (socket) => socket.destroy()],
  ["ends in the head", (socket) => socket.end("HTTP/1.1 200 OK\r\nco")],
  ["ends in the body", (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbody")],
])("a connection that %s is left to others", async (_, answer) => {
  const place = await listen(answer);
  const get = makePlainGet();
  expect(await ask(get, place.url)).toBeUndefined();
  expect(await ask(get, place.url)).toBeUndefined();
  expect(place.asked).toHaveLength(1);
});

test("nobody there is left to others", async () => {
  const place = await listen(() => {});
  await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
  expect(await ask(makePlainGet(), place.url)).toBeUndefined();
});

test("a connection that was closed while nobody used it says nothing of its origin", async () => {
  const place = await listen((socket, count) => {
    if (count === 2) socket.destroy();
    else socket.write(plain("body"));
  });
  const get = makePlainGet();
  expect(await bodyOf(await ask(get, place.url))).toBe("body");
  expect(await ask(get, place.url)).toBeUndefined();
  expect(await bodyOf(await ask(get, place.url))).toBe("body");
  place.sockets[1]?.end();
  await place.closed[1];
  expect(await bodyOf(await ask(get, place.url))).toBe("body");
  expect(place.sockets).toHaveLength(3);
});

test("words that nobody asked for end the connection, and the trust in its origin's form", async () => {
  const place = await listen((socket) => socket.write(plain("body")));
  const get = makePlainGet();
  expect(await bodyOf(await ask(get, place.url))).toBe("body");
  // Only now, so that they do not come together with the answer.
  place.sockets[0]?.write(plain("another"));
  await place.closed[0];
  expect(await ask(get, place.url)).toBeUndefined();
});

test("silence, and an answer that trickles for ever, end in time", async () => {
  const quiet = await listen(() => {});
  await expect(ask(makePlainGet(), quiet.url, { timeoutMs: 50 })).rejects.toEqual(silent);
  const trickle = await listen((socket) => {
    const timer = setInterval(() => socket.write("x"), 5);
    socket.once("close", () => clearInterval(timer));
  });
  await expect(ask(makePlainGet(), trickle.url, { wholeMs: 50 })).rejects.toEqual(silent);
});

test.each<[string, Partial<OciRequest>, string?]>([
  ["another method", { method: "HEAD" }],
  ["a body", { body: new Uint8Array(1) }],
  ["a signal", { signal: new AbortController().signal }],
  ["a header that ends its line", { headers: { "x-a": "b\r\nx-c: d" } }],
  ["a header's name that ends its line", { headers: { "x-a: b\r\nx-c": "d" } }],
  ["TLS", {}, "https:"],
])("a question with %s is left to others", async (_, more, protocol = "http:") => {
  const place = await listen((socket) => socket.write(plain("body")));
  const url = new URL(place.url.href.replace("http:", protocol));
  expect(await ask(makePlainGet(), url, more)).toBeUndefined();
  expect(place.sockets).toHaveLength(0);
});

test("a question whose answer is a stream is left to others", async () => {
  const place = await listen((socket) => socket.write(plain("body")));
  const stream: OciRequest = { method: "GET", url: place.url.href, headers: {}, timeoutMs: 60_000 };
  expect(await makePlainGet()(place.url, stream)).toBeUndefined();
  expect(place.sockets).toHaveLength(0);
});
