import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TrustError } from "@countersign/core";
import { localSigstoreError } from "./errors.ts";
import { wireFaultKinds } from "./faults.ts";
import type { Faults, ServiceName } from "./faults.ts";

/** Largest request body that any service reads, in bytes. */
export const maxRequestBytes: number = 4 * 1024 * 1024;

/** A request after its body was read. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

/** An answer before any fault is laid over it. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One path of one service. The path is matched whole; its groups are handed over. */
export interface Route {
  readonly service: ServiceName | "control";
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: RegExp;
  readonly answer: (request: Request, groups: readonly string[]) => Reply | Promise<Reply>;
}

/** A server that listens. */
export interface LoopbackServer {
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Listens on 127.0.0.1; routes may be found only after the port is known. Throws LOCAL_SIGSTORE_PORT_UNUSABLE. */
export async function startServer(o: {
  readonly port: number;
  readonly faults: Faults;
  readonly routes: () => readonly Route[];
}): Promise<LoopbackServer> {
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing, { routes: o.routes(), faults: o.faults }).catch(() => outgoing.destroy());
  });
  await listen(server, o.port);
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, close: () => close(server) };
}

/** A JSON answer. */
export function json(value: unknown, status: number = 200): Reply {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

/** A plain text answer. */
export function text(body: string, type: string = "text/plain; charset=utf-8"): Reply {
  return { status: 200, type, body };
}

const statusOfCode: ReadonlyMap<string, number> = new Map([
  ["LOCAL_SIGSTORE_TOKEN_REFUSED", 401],
  ["LOCAL_SIGSTORE_NOT_FOUND", 404],
  ["LOCAL_SIGSTORE_REQUEST_TOO_LARGE", 413],
]);

interface Serving {
  readonly routes: readonly Route[];
  readonly faults: Faults;
}

async function serve(incoming: IncomingMessage, outgoing: ServerResponse, o: Serving): Promise<void> {
  const url = new URL(incoming.url ?? "/", "http://127.0.0.1");
  const method = incoming.method ?? "GET";
  const found = findRoute(o.routes, method, url.pathname);
  const reply = await attempt(async () => {
    const body = await readBody(incoming);
    if (found === undefined) throw localSigstoreError("LOCAL_SIGSTORE_NOT_FOUND");
    const request = { method, path: url.pathname, query: url.searchParams, headers: incoming.headers, body };
    return await found.route.answer(request, found.groups);
  });
  await send(outgoing, reply, { service: found?.route.service ?? "control", faults: o.faults });
}

function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; groups: string[] } | undefined {
  for (const route of routes) {
    const match = route.method === method ? new RegExp(`^(?:${route.path.source})$`).exec(path) : null;
    if (match !== null) return { route, groups: match.slice(1).map((group) => group ?? "") };
  }
  return undefined;
}

async function attempt(answer: () => Promise<Reply>): Promise<Reply> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof TrustError)) return json({ code: 13, message: "internal error" }, 500);
    return json({ code: 3, message: error.message, error: error.code }, statusOfCode.get(error.code) ?? 400);
  }
}

async function send(
  outgoing: ServerResponse,
  reply: Reply,
  o: { readonly service: Route["service"]; readonly faults: Faults },
): Promise<void> {
  const fault = o.service === "control" ? undefined : o.faults.take(o.service, wireFaultKinds);
  const body = Buffer.from(reply.body as Uint8Array);
  switch (fault?.kind) {
    case undefined:
      return write(outgoing, reply, body);
    case "status":
      return write(outgoing, { ...reply, ...fault, type: "text/plain" }, Buffer.from(fault.body ?? "fault"));
    case "slow":
      await sleep(fault.delayMs, undefined, { ref: false });
      return write(outgoing, reply, body);
    case "hang":
      return undefined;
    case "disconnect":
      outgoing.destroy();
      return undefined;
    case "truncated":
      return breakOff(outgoing, reply, body);
    case "cut-body":
      return write(outgoing, reply, body.subarray(0, Math.floor(body.length / 2)));
    case "oversized":
      return write(outgoing, reply, Buffer.concat([body, Buffer.alloc(Math.max(0, fault.bytes - body.length), " ")]));
    case "garbage":
      return write(outgoing, { ...reply, status: 200, type: "text/html" }, Buffer.from("<!doctype html><p>It works!"));
    case "redirect":
      return write(outgoing, { ...reply, status: 302, headers: { location: fault.location } }, Buffer.alloc(0));
  }
}

function write(outgoing: ServerResponse, reply: Omit<Reply, "body">, body: Buffer): void {
  outgoing.writeHead(reply.status, { "content-type": reply.type, "content-length": body.length, ...reply.headers });
  outgoing.end(body);
}

function breakOff(outgoing: ServerResponse, reply: Reply, body: Buffer): void {
  outgoing.writeHead(reply.status, { "content-type": reply.type, "content-length": body.length });
  outgoing.write(body.subarray(0, Math.floor(body.length / 2)), () => outgoing.destroy());
}

async function readBody(incoming: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    size += part.length;
    // The rest is read and dropped, so that the client sees the answer and not a broken connection.
    if (size <= maxRequestBytes) parts.push(part);
  }
  if (size > maxRequestBytes) throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_TOO_LARGE", { got: `${size} bytes` });
  return new Uint8Array(Buffer.concat(parts));
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(localSigstoreError("LOCAL_SIGSTORE_PORT_UNUSABLE", String(port), cause)));
    server.listen(port, "127.0.0.1", () => resolve());
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
