import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sendFaulty, type Reply, type ServerFault } from "./fault-body.ts";

/** A request as it came. */
export interface FaultRequest {
  readonly method: string;
  /** Escaped as it was sent, with its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** A web server on loopback that knows ranges and entity tags, and misbehaves on command. */
export interface FaultServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** What it serves, by path: `/metadata/1.root.json`. */
  readonly files: Map<string, Uint8Array>;
  /** What was asked so far, oldest first. */
  readonly requests: FaultRequest[];
  /** The next `times` requests for that path (for any path: `*`) go wrong; all of them unless given. Faults are used up in order. */
  readonly fault: (path: string, fault: ServerFault, times?: number) => void;
  /** Forgets faults that are left. */
  readonly clear: () => void;
  readonly close: () => Promise<void>;
}

/** What a server does besides serving files. */
export interface FaultServerOptions {
  /** Answers first, if it wants to: true means that it did. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Entity tags are sent unless this is false. */
  readonly tags?: false;
  /**
   * Told how much time passes, in milliseconds, while an answer hangs, stops or trickles, and never else: for a clock by which a
   * busy machine makes nobody late.
   */
  readonly pass?: (ms: number) => void;
}

interface Planned {
  readonly path: string;
  readonly fault: ServerFault;
  left: number;
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startFaultServer(options: FaultServerOptions = {}): Promise<FaultServer> {
  const files = new Map<string, Uint8Array>();
  const requests: FaultRequest[] = [];
  const planned: Planned[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    requests.push({ method: request.method ?? "GET", path, headers: request.headers });
    const fault = takeFault(planned, path);
    if (fault === undefined && options.answer?.(request, response) === true) return;
    const reply = replyTo(files.get(path.replace(/\?.*$/, "")), request.headers, options, fault);
    sendFaulty(response, reply, fault, options.pass).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    requests,
    fault: (path, fault, times = Number.POSITIVE_INFINITY) => void planned.push({ path, fault, left: times }),
    clear: () => void planned.splice(0),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function takeFault(planned: readonly Planned[], path: string): ServerFault | undefined {
  const found = planned.find((one) => one.left > 0 && (one.path === "*" || one.path === path));
  if (found === undefined) return undefined;
  found.left--;
  return found.fault;
}

function replyTo(
  file: Uint8Array | undefined,
  headers: IncomingHttpHeaders,
  { tags }: FaultServerOptions,
  fault: ServerFault | undefined,
): Reply {
  if (file === undefined) return { status: 404, headers: {}, body: new Uint8Array(0) };
  const tag = `"${createHash("sha256").update(file).digest("hex").slice(0, 16)}"`;
  const always = { "accept-ranges": "bytes", ...(tags !== false && { etag: tag }) };
  if (headers["if-none-match"] === tag) return { status: 304, headers: always, body: new Uint8Array(0) };
  const asked = /^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1];
  const isSame = headers["if-range"] === undefined || headers["if-range"] === tag;
  if (asked === undefined || !isSame || fault?.kind === "no-ranges")
    return { status: 200, headers: always, body: file };
  const start = Number(asked) + (fault?.kind === "wrong-range" ? 1 : 0);
  if (start >= file.length)
    return { status: 416, headers: { "content-range": `bytes */${file.length}` }, body: new Uint8Array(0) };
  const range = `bytes ${start}-${file.length - 1}/${file.length}`;
  return { status: 206, headers: { ...always, "content-range": range }, body: file.subarray(start) };
}
