import { gzipSync } from "node:zlib";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Something that a server does wrong on purpose. */
export type ServerFault =
  | { readonly kind: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Never answers. */
  | { readonly kind: "hang" }
  /** Announces all, sends so many bytes and then nothing more. */
  | { readonly kind: "stop"; readonly afterBytes: number }
  /** Announces all, sends so many bytes and breaks the connection. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Sends all of it, a few bytes at a time. */
  | { readonly kind: "trickle"; readonly bytes: number; readonly everyMs: number }
  /** The body and so many zeros, with no length announced. */
  | { readonly kind: "longer"; readonly bytes: number }
  /** The body and then zeros for ever. */
  | { readonly kind: "endless" }
  /** Zeros that are small on the wire and so many bytes once decompressed. */
  | { readonly kind: "bomb"; readonly bytes: number }
  /** The right body, compressed although nobody asked. */
  | { readonly kind: "compressed" }
  | { readonly kind: "redirect"; readonly location: string; readonly status?: number }
  /** All of it, whatever part was asked for. */
  | { readonly kind: "no-ranges" }
  /** Another part than was asked for. */
  | { readonly kind: "wrong-range" }
  /** Other bytes of the same length. */
  | { readonly kind: "other-bytes" };

/** An answer that would have been right. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Sends the answer, or what the fault makes of it. `pass` is told of the time that it takes on purpose, see `FaultServerOptions`. */
export async function sendFaulty(
  response: ServerResponse,
  reply: Reply,
  fault: ServerFault | undefined,
  pass: (ms: number) => void = () => {},
): Promise<void> {
  const { status, headers, body } = reply;
  const announced = { ...headers, "content-length": `${body.length}` };
  switch (fault?.kind) {
    case undefined:
    case "no-ranges":
    case "wrong-range":
      return end(response, reply, body);
    case "status":
    case "redirect":
      return end(response, emptyReply(fault), new Uint8Array(0));
    case "hang":
      return hold(response, pass);
    case "stop":
    case "cut":
      response.writeHead(status, announced);
      await write(response, body.subarray(0, fault.afterBytes));
      return fault.kind === "stop" ? hold(response, pass) : void response.destroy();
    case "trickle":
      response.writeHead(status, announced);
      return trickle(response, body, { ...fault, pass });
    case "longer":
      response.writeHead(status, headers);
      return void response.end(Buffer.concat([body, new Uint8Array(fault.bytes)]));
    case "endless":
      response.writeHead(status, headers);
      await write(response, body);
      while (!response.destroyed) await write(response, new Uint8Array(65_536));
      return;
    case "bomb":
    case "compressed":
    case "other-bytes":
      return end(response, ...changed(reply, fault));
  }
}

function emptyReply(fault: Extract<ServerFault, { readonly kind: "status" | "redirect" }>): Omit<Reply, "body"> {
  if (fault.kind === "status") return { status: fault.status, headers: fault.headers ?? {} };
  return { status: fault.status ?? 302, headers: { location: fault.location } };
}

/** Another answer in one piece. */
function changed(
  reply: Reply,
  fault: Extract<ServerFault, { readonly kind: "bomb" | "compressed" | "other-bytes" }>,
): [Omit<Reply, "body">, Uint8Array] {
  const { status, headers, body } = reply;
  if (fault.kind === "other-bytes") return [reply, body.map((byte) => byte ^ 1)];
  const encoded = { "content-encoding": "gzip" };
  if (fault.kind === "compressed") return [{ status, headers: { ...headers, ...encoded } }, gzipSync(body)];
  return [{ status: 200, headers: encoded }, gzipSync(new Uint8Array(fault.bytes))];
}

function end(response: ServerResponse, { status, headers }: Omit<Reply, "body">, body: Uint8Array): void {
  response.writeHead(status, { ...headers, "content-length": `${body.length}` });
  response.end(body);
}

async function trickle(
  response: ServerResponse,
  body: Uint8Array,
  { bytes, everyMs, pass }: { readonly bytes: number; readonly everyMs: number; readonly pass: (ms: number) => void },
): Promise<void> {
  for (let at = 0; at < body.length && !response.destroyed; at += bytes) {
    await write(response, body.subarray(at, at + bytes));
    await sleep(everyMs, undefined, { ref: false });
    pass(everyMs);
  }
  response.end();
}

/** Sends nothing more until the other side gives up. Between two steps of its time all that was sent can be read. */
async function hold(response: ServerResponse, pass: (ms: number) => void): Promise<void> {
  while (!response.destroyed) {
    await sleep(5, undefined, { ref: false });
    pass(20);
  }
}

function write(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    response.once("close", resolve);
    response.write(bytes, () => {
      response.off("close", resolve);
      resolve();
    });
  });
}
