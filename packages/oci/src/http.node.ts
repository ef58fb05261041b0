import type * as http from "node:http";
import type * as https from "node:https";
import { quote, TrustError } from "@countersign/core";
import { ociError } from "./errors.ts";
import { makePlainGet } from "./plain-get.node.ts";
import { defaultTimeoutMs } from "./registry.ts";
import { maxHeaderBytes } from "./response-head.ts";
import type { OciHttp, OciRequest, OciResponse } from "./http.ts";

/** A client's own certificate chain and key, PEM. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** What is asked of TLS and proxies, for all registries of a run. */
export interface HttpOptions {
  /** PEM of further certificate authorities; those of the platform stay trusted. */
  readonly ca?: readonly string[];
  /** For registries that want one, by host and port as the address writes them. Nobody else is shown it. */
  readonly clients?: ReadonlyMap<string, ClientCertificate>;
  /** `HTTPS_PROXY` and the like, by name; none unless given. Node 22.21, 24.5 and later. */
  readonly proxyEnv?: Readonly<Record<string, string | undefined>>;
  /** Said to every registry. */
  readonly userAgent?: string;
}

/**
 * Calls registries by node:http and node:https, and over plain http by `makePlainGet` first, with connections kept open; idle ones do
 * not keep the process alive. Throws OCI_REGISTRY_UNREACHABLE, OCI_REGISTRY_SILENT, OCI_BODY_CUT.
 */
export function makeOciHttp(options: HttpOptions = {}): OciHttp {
  const { userAgent = "countersign", proxyEnv } = options;
  const plainGet = proxyEnv === undefined ? makePlainGet() : undefined;
  const wayTo = openWays(options);
  return async (asked) => {
    const request = { ...asked, headers: { "user-agent": userAgent, ...asked.headers } };
    const url = new URL(request.url);
    return (await plainGet?.(url, request)) ?? (await exchange(await wayTo(url), url, request));
  };
}

function exchange({ open, agent }: Way, url: URL, request: OciRequest): Promise<OciResponse> {
  return new Promise((resolve, reject) => {
    const outgoing = open({
      ...addressIn(url),
      method: request.method,
      headers: { ...request.headers, ...lengthOf(request) },
      agent,
      maxHeaderSize: maxHeaderBytes,
      timeout: request.timeoutMs,
      ...(request.signal && { signal: request.signal }),
    });
    outgoing.once("timeout", () => outgoing.destroy(silent(request)));
    outgoing.on("error", (error) => reject(failureOf(error, request)));
    outgoing.once("response", (incoming) => resolve(responseOf(incoming, request)));
    sendBody(outgoing, request);
  });
}

/** What of a URL a request needs; Node would copy all of it. */
function addressIn({ protocol, hostname, port, pathname, search }: URL): http.RequestOptions {
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return { protocol, hostname: host, path: `${pathname}${search}`, ...(port !== "" && { port }) };
}

/** How requests to one origin are made. */
interface Way {
  readonly open: (settings: http.RequestOptions) => http.ClientRequest;
  readonly agent: http.Agent;
}

/** Each is loaded only for those who need it: TLS takes half as long as all the rest of a small run. */
function openWays(options: HttpOptions): (url: URL) => Promise<Way> {
  const { proxyEnv } = options;
  const shared: https.AgentOptions = {
    keepAlive: true,
    maxSockets: 16,
    // As requests have it, or each would wind up the clock of its connection anew.
    timeout: defaultTimeoutMs,
    ...(proxyEnv !== undefined && { proxyEnv: { ...proxyEnv } }),
  };
  let plain: Promise<Way> | undefined;
  let secure: Promise<(url: URL) => Way> | undefined;
  return async (url) => {
    if (url.protocol === "https:") return (await (secure ??= openSecure(options, shared)))(url);
    return await (plain ??= openPlain(shared));
  };
}

async function openPlain(shared: http.AgentOptions): Promise<Way> {
  const { Agent, request: open } = await import("node:http");
  return { open, agent: new Agent(shared) };
}

async function openSecure({ ca, clients }: HttpOptions, shared: https.AgentOptions): Promise<(url: URL) => Way> {
  const { Agent, request: open } = await import("node:https");
  const trust = ca === undefined ? {} : { ca: [...(await platformAuthorities()), ...ca] };
  const common: Way = { open, agent: new Agent({ ...shared, ...trust }) };
  const own = new Map<string, Way>();
  for (const [host, { certificate, key }] of clients ?? [])
    own.set(host, { open, agent: new Agent({ ...shared, ...trust, cert: certificate, key }) });
  return (url) => own.get(url.host) ?? common;
}

/** What Node trusts when nothing is said; naming one more would otherwise replace them all. */
async function platformAuthorities(): Promise<readonly string[]> {
  const tls = await import("node:tls");
  const { getCACertificates } = tls as { readonly getCACertificates?: () => readonly string[] };
  return getCACertificates?.() ?? tls.rootCertificates;
}

function lengthOf({ body }: OciRequest): Readonly<Record<string, string>> {
  return body instanceof Uint8Array ? { "content-length": `${body.length}` } : {};
}

function sendBody(outgoing: http.ClientRequest, { body }: OciRequest): void {
  if (typeof body !== "function") outgoing.end(body);
  else sendPieces(outgoing, body()).catch((error: unknown) => outgoing.destroy(asError(error)));
}

async function sendPieces(outgoing: http.ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(chunk)) await drained(outgoing);
  }
  outgoing.end();
}

function drained(outgoing: http.ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    outgoing.once("drain", resolve);
    outgoing.once("close", resolve);
  });
}

function responseOf(incoming: http.IncomingMessage, request: OciRequest): OciResponse {
  const { "set-cookie": cookies, ...headers } = incoming.headers;
  if (cookies !== undefined) headers["set-cookie"] = cookies.join(", ");
  // All others are texts: Node joins them.
  return {
    status: incoming.statusCode ?? 0,
    headers: headers as OciResponse["headers"],
    body: bodyOf(incoming, request),
  };
}

/** The largest body that is gathered as it comes instead of being read piece by piece, in bytes; where the length is told. */
const maxGatheredBytes = 64 * 1024;

async function* bodyOf(incoming: http.IncomingMessage, request: OciRequest): AsyncGenerator<Uint8Array> {
  // Most answers are small and came with their headers.
  if (incoming.complete) {
    const whole = incoming.read() as Uint8Array | null;
    if (whole !== null) yield whole;
    return;
  }
  const end = endOf(incoming, request);
  try {
    // An iterator over a stream takes longer than all else about an answer.
    if (Number(incoming.headers["content-length"] ?? Infinity) <= maxGatheredBytes) yield* await gather(incoming);
    else for await (const chunk of incoming) yield chunk as Uint8Array;
  } catch (error) {
    const failure = failureOf(error, request);
    throw failure.code === "OCI_REGISTRY_UNREACHABLE"
      ? ociError("OCI_BODY_CUT", { checked: placeOf(request) })
      : failure;
  } finally {
    clearTimeout(end);
  }
}

/** All pieces. Node ends the body at the told length, or with an error before it. */
function gather(incoming: http.IncomingMessage): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    incoming.on("data", (piece: Uint8Array) => void pieces.push(piece));
    incoming.once("end", () => resolve(pieces));
    incoming.once("error", reject);
    // It closes after every body, and an error with its stack takes as long as half a request.
    incoming.once("close", () => {
      if (!incoming.readableEnded) reject(incoming.errored ?? new Error("closed"));
    });
  });
}

/** Who sends a byte now and then is never silent, and never done. */
function endOf(incoming: http.IncomingMessage, request: OciRequest): NodeJS.Timeout | undefined {
  const { wholeMs } = request;
  if (wholeMs === undefined) return undefined;
  return setTimeout(() => {
    const expected = `all of the answer within ${wholeMs} ms`;
    incoming.destroy(ociError("OCI_REGISTRY_SILENT", { checked: placeOf(request), expected }));
  }, wholeMs);
}

function silent(request: OciRequest): TrustError {
  return ociError("OCI_REGISTRY_SILENT", {
    checked: placeOf(request),
    expected: `a word within ${request.timeoutMs} ms`,
  });
}

/** The cause may repeat headers, and a header may hold a token: only its code is told. */
function failureOf(error: unknown, request: OciRequest): TrustError {
  if (error instanceof TrustError) return error;
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  const got = typeof code === "string" ? quote(code) : "no connection";
  return ociError("OCI_REGISTRY_UNREACHABLE", { checked: placeOf(request), got });
}

function placeOf({ url }: OciRequest): string {
  return new URL(url).origin;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("the body could not be read");
}
