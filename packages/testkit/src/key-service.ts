import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a key service can do wrong, on command. */
export type KeyServiceFault =
  | "other-key"
  | "other-digest"
  | "other-name"
  | "rubbish-signature"
  | "no-json"
  | "no-members"
  | "hang"
  | "huge"
  | "refuse"
  | "echo-secrets"
  | "busy-once"
  | "busy";

/** What a service answers with: a status and JSON, or text. */
export interface KeyServiceAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** One request as it came in. */
export interface KeyServiceRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A key service on the loopback interface, which plays one protocol and holds requests to its documentation. */
export interface KeyService {
  readonly url: string;
  /** Host and port. */
  readonly host: string;
  /** All requests so far. */
  readonly requests: KeyServiceRequest[];
  /** What is wrong from now on; undefined: nothing. */
  fault: KeyServiceFault | undefined;
  close(): Promise<void>;
}

/** Answers one request; `fault` is what to do wrong, as far as the protocol is concerned. */
export type Protocol = (
  request: KeyServiceRequest,
  fault: KeyServiceFault | undefined,
) => KeyServiceAnswer | Promise<KeyServiceAnswer>;

/** Starts a service that plays a protocol. */
export async function startKeyService(protocol: Protocol): Promise<KeyService> {
  const requests: KeyServiceRequest[] = [];
  const state: { fault: KeyServiceFault | undefined } = { fault: undefined };
  const server = createServer((incoming, response) => {
    void answer(incoming, response, { protocol, requests, state });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    requests,
    get fault() {
      return state.fault;
    },
    set fault(fault) {
      state.fault = fault;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Running {
  readonly protocol: Protocol;
  readonly requests: KeyServiceRequest[];
  readonly state: { fault: KeyServiceFault | undefined };
}

async function answer(incoming: IncomingMessage, response: ServerResponse, running: Running): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
  const { method = "", url: path = "" } = incoming;
  const request: KeyServiceRequest = { method, path, headers, body: Buffer.concat(chunks) };
  running.requests.push(request);
  const { fault } = running.state;
  if (fault === "hang") return;
  if (fault === "busy-once") running.state.fault = undefined;
  const { status, body } = brokenAnswer(request, fault) ?? (await played(request, running));
  response.writeHead(status, { "content-type": "application/json" });
  response.end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
}

/** What the protocol cannot make sense of is a bad request too. */
async function played(request: KeyServiceRequest, { protocol, state }: Running): Promise<KeyServiceAnswer> {
  try {
    return await protocol(request, state.fault);
  } catch (error) {
    return badRequest(String(error));
  }
}

function brokenAnswer(request: KeyServiceRequest, fault: KeyServiceFault | undefined): KeyServiceAnswer | undefined {
  if (fault === "busy" || fault === "busy-once") return { status: 503, body: { error: "try later" } };
  if (fault === "no-json") return { status: 200, body: "<html>welcome</html>" };
  if (fault === "no-members") return { status: 200, body: {} };
  if (fault === "huge") return { status: 200, body: Buffer.alloc(1024 * 1024, "[") };
  if (fault === "refuse") return { status: 403, body: { error: "permission denied" } };
  if (fault === "echo-secrets")
    return { status: 400, body: { got: request.headers, body: request.body.toString("utf8") } };
  return undefined;
}

/** Refuses a request that is not as documented; shows in a test as status 400 with the reason. */
export function badRequest(why: string): KeyServiceAnswer {
  return { status: 400, body: { errors: [`bad request: ${why}`] } };
}

/** A JSON object with exactly these members, each of the type named; or what is wrong with it. */
export function readExactly(
  body: Buffer,
  shape: Readonly<Record<string, "string" | "number" | "boolean" | "object">>,
): Record<string, unknown> | string {
  const value = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  const unknown = Object.keys(value).find((name) => shape[name] === undefined);
  const wrong = Object.entries(shape).find(([name, type]) => typeof value[name] !== type);
  if (unknown !== undefined) return `unknown member ${unknown}`;
  return wrong === undefined ? value : `member ${wrong[0]} is no ${wrong[1]}`;
}
