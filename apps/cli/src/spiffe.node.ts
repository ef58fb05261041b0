import { connect, type ClientHttp2Session } from "node:http2";
import { connect as connectSocket } from "node:net";
import { signingError } from "./signing-errors.ts";

/** How long the workload API may take, in milliseconds. */
export const svidTimeoutMs = 20_000;
const maxBytes = 1024 * 1024;

/**
 * Asks a SPIFFE workload API for a JWT-SVID (SPIFFE_Workload_API.md, FetchJWTSVID): gRPC over HTTP/2 without TLS on the
 * socket that `SPIFFE_ENDPOINT_SOCKET` names (`unix:/path`, `unix:///path` or `tcp://127.0.0.1:port`). Of several
 * identities the first one counts. Throws CLI_SPIFFE_FAILED; the token gets into no message.
 */
export async function fetchSvid(endpoint: string, audience: string): Promise<string> {
  const session = openSession(endpoint);
  try {
    return svidOf(await call(session, audience));
  } finally {
    session.destroy();
  }
}

function openSession(endpoint: string): ClientHttp2Session {
  const path = /^unix:(?:\/\/)?(\/.*)$/.exec(endpoint)?.[1];
  const tcp = /^tcp:\/\/(127(?:\.\d{1,3}){3}|\[::1\]):(\d{1,5})$/.exec(endpoint);
  if (path !== undefined) return connect("http://localhost", { createConnection: () => connectSocket(path) });
  if (tcp !== null) return connect(`http://${tcp[1]}:${tcp[2]}`);
  throw signingError("CLI_SPIFFE_FAILED", { checked: "SPIFFE_ENDPOINT_SOCKET", expected: "unix:/path/of/socket" });
}

/** The message that the service answers with. */
function call(session: ClientHttp2Session, audience: string): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const fail = (got: string): void => reject(signingError("CLI_SPIFFE_FAILED", { got }));
  session.once("error", (error: NodeJS.ErrnoException) => fail(error.code ?? "no connection"));
  const stream = session.request({
    ":method": "POST",
    ":path": "/SpiffeWorkloadAPI/FetchJWTSVID",
    "content-type": "application/grpc",
    te: "trailers",
    // The API refuses what does not say this: a browser that was talked into calling it cannot.
    "workload.spiffe.io": "true",
  });
  const parts: Buffer[] = [];
  let size = 0;
  stream.setTimeout(svidTimeoutMs, () => fail("no answer in time"));
  // The connection's own error, which says more, comes right after the one of what was sent over it.
  stream.once("error", (error: NodeJS.ErrnoException) => setImmediate(fail, error.code ?? "a broken answer"));
  stream.on("data", (part: Buffer) => {
    size += part.length;
    if (size > maxBytes) fail(`more than ${maxBytes} bytes`);
    else parts.push(part);
  });
  const checkStatus = (headers: Record<string, unknown>): void => {
    const status = headers["grpc-status"] ?? "0";
    if (status !== "0") fail(`gRPC status ${/^\d{1,3}$/.test(status as string) ? (status as string) : "unknown"}`);
  };
  stream.on("response", checkStatus);
  stream.on("trailers", checkStatus);
  stream.once("end", () => resolve(Buffer.concat(parts)));
  stream.end(framed(lengthDelimited(1, Buffer.from(audience, "utf8"))));
  return promise;
}

/** gRPC's frame: not compressed, and the length. */
function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function lengthDelimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

/** JWTSVIDResponse { repeated JWTSVID svids = 1 }, JWTSVID { spiffe_id = 1; svid = 2; hint = 3 }. */
function svidOf(frame: Uint8Array): string {
  const bytes = Buffer.from(frame);
  if (bytes.length < 5 || bytes[0] !== 0 || bytes.readUInt32BE(1) !== bytes.length - 5) throw unreadable();
  const svid = fieldOf(bytes.subarray(5), 1);
  const token = svid && fieldOf(svid, 2);
  if (token === undefined || token.length === 0) throw unreadable();
  return token.toString("utf8");
}

/** The first field of this number in a message whose fields are all length-delimited. */
function fieldOf(message: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at < message.length;) {
    const tag = readVarint(message, at);
    const length = readVarint(message, tag.next);
    const end = length.next + length.value;
    if ((tag.value & 7) !== 2 || end > message.length) throw unreadable();
    if (tag.value >>> 3 === wanted) return message.subarray(length.next, end);
    at = end;
  }
  return undefined;
}

function readVarint(message: Buffer, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let index = 0; index < 4; index++) {
    const byte = message[at + index];
    if (byte === undefined) throw unreadable();
    value |= (byte & 127) << (7 * index);
    if (byte < 128) return { value, next: at + index + 1 };
  }
  throw unreadable();
}

function unreadable(): Error {
  return signingError("CLI_SPIFFE_FAILED", { got: "an answer that cannot be read" });
}
