import { expect, test } from "vitest";
import { parseHead } from "./response-head.ts";

const head = (...lines: readonly string[]): string => lines.join("\r\n");

test("a plain answer is read: names in lower case, values without blanks around them, several of one name together", () => {
  const text = head(
    "HTTP/1.1 200 OK",
    "Content-Length: 12 ",
    "X-A:\t a\t",
    "x-a: b",
    "Connection: Keep-Alive",
    "x-é:",
    "",
  );
  expect(parseHead(text)).toBeUndefined();
  expect(
    parseHead(head("HTTP/1.1 200 OK", "Content-Length: 12 ", "X-A:\t a b\t", "x-a: é", "Connection: Keep-Alive")),
  ).toEqual({
    status: 200,
    headers: { "content-length": "12", "x-a": "a b, é", connection: "Keep-Alive" },
    length: 12,
    isLast: false,
  });
});

test.each(["HTTP/1.1 404 Not Found", "HTTP/1.1 500 ", "HTTP/1.1 307"])("status line %j", (line) => {
  expect(parseHead(head(line, "content-length: 0", "connection: close"))).toMatchObject({ length: 0, isLast: true });
});

test("chunks", () => {
  expect(parseHead(head("HTTP/1.1 200 OK", "Transfer-Encoding: Chunked"))).toMatchObject({ length: "chunked" });
});

test("a header with the name of a member that all objects have is one like any other", () => {
  const { headers } = parseHead(head("HTTP/1.1 200 OK", "content-length: 0", "__proto__: x", "constructor: y")) ?? {};
  expect(Object.entries(headers ?? {})).toContainEqual(["__proto__", "x"]);
  expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
});

test.each<[string, readonly string[]]>([
  ["an older version", ["HTTP/1.0 200 OK", "content-length: 1"]],
  ["no status line", ["content-length: 1"]],
  ["a status before the final one", ["HTTP/1.1 103 Early Hints", "content-length: 1"]],
  ["a status without a body", ["HTTP/1.1 204 No Content", "content-length: 1"]],
  ["a status that is the same as before", ["HTTP/1.1 304 Not Modified", "content-length: 1"]],
  ["a status of four digits", ["HTTP/1.1 2000 OK", "content-length: 1"]],
  ["no length", ["HTTP/1.1 200 OK"]],
  ["two lengths", ["HTTP/1.1 200 OK", "content-length: 1", "Content-Length: 1"]],
  ["a list of lengths", ["HTTP/1.1 200 OK", "content-length: 1, 1"]],
  ["a length that is no number", ["HTTP/1.1 200 OK", "content-length: +1"]],
  ["a length beyond all bounds", ["HTTP/1.1 200 OK", `content-length: ${"9".repeat(16)}`]],
  ["another encoding", ["HTTP/1.1 200 OK", "transfer-encoding: gzip, chunked"]],
  ["chunked twice", ["HTTP/1.1 200 OK", "transfer-encoding: chunked", "transfer-encoding: chunked"]],
  ["trailers", ["HTTP/1.1 200 OK", "transfer-encoding: chunked", "trailer: x-a"]],
  ["chunks and a length", ["HTTP/1.1 200 OK", "transfer-encoding: chunked", "content-length: 1"]],
  ["another protocol", ["HTTP/1.1 200 OK", "content-length: 1", "upgrade: h2c"]],
  ["another kind of connection", ["HTTP/1.1 200 OK", "content-length: 1", "connection: keep-alive, x"]],
  ["a folded line", ["HTTP/1.1 200 OK", "content-length: 1", "x-a: b", " c"]],
  ["a line without a colon", ["HTTP/1.1 200 OK", "content-length: 1", "x-a"]],
  ["an empty name", ["HTTP/1.1 200 OK", "content-length: 1", ": x"]],
  ["a blank before the colon", ["HTTP/1.1 200 OK", "content-length : 1"]],
  ["a lone line feed", ["HTTP/1.1 200 OK", "content-length: 1\nx: y"]],
  ["a lone carriage return", ["HTTP/1.1 200 OK", "content-length: 1", "x: y\rz: 1"]],
  ["a NUL", ["HTTP/1.1 200 OK", "content-length: 1", "x: \0"]],
])("%s is not of the one form", (_, lines) => {
  expect(parseHead(head(...lines))).toBeUndefined();
});

test("blanks without end take no longer than any other text", () => {
  const blank = " ".repeat(32_000);
  const started = process.threadCpuUsage();
  expect(
    parseHead(head("HTTP/1.1 200 OK", "content-length: 0", `x:${blank}\u0001${blank}`, `y${blank}:z`)),
  ).toBeUndefined();
  expect(parseHead(head(`HTTP/1.1 200 ${blank}\u0001`, "content-length: 0"))).toBeUndefined();
  expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(1000);
});
