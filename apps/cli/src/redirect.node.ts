import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { quote } from "@countersign/core";
import { loginError } from "@countersign/sigstore";

/** How long a person has to sign in, in milliseconds. */
export const signInTimeoutMs: number = 5 * 60 * 1000;

/** Any free port: what RFC 8252 §7.3 has issuers accept. */
const usualAddress = "http://127.0.0.1:0/callback";

/** Where a browser brings the answer to one sign-in. */
export interface Redirect {
  readonly uri: string;
  /** What `check` makes of the first answer that comes; throws what it throws, or SIGSTORE_LOGIN_EXPIRED. */
  readonly answer: (check: (query: URLSearchParams) => string) => Promise<string>;
  readonly close: () => void;
}

/** Where the browser is to come back, and how long that may take. */
export interface RedirectOptions {
  /** As the issuer has it registered (`isRedirectAddress`); default any free port of 127.0.0.1. Port 0 is any free one. */
  readonly address?: string;
  /** Default `signInTimeoutMs`. */
  readonly timeoutMs?: number;
}

/** Whether a browser on this machine can come back there: plain http with a port, at a loopback address or the name of one. */
export function isRedirectAddress(text: string): boolean {
  return /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):\d{1,5}(?:\/[^\s?#]*)?$/.test(text) && URL.canParse(text);
}

/**
 * Listens at a loopback address, which `isRedirectAddress` takes, for one answer (RFC 8252 §7.3). Only this address itself may be asked
 * for: a name that somebody's DNS points here is turned away. A wrong answer ends the sign-in; nothing is taken afterwards.
 * Throws SIGSTORE_LOGIN_ADDRESS.
 */
export async function openRedirect(options: RedirectOptions = {}): Promise<Redirect> {
  const { address = usualAddress, timeoutMs = signInTimeoutMs } = options;
  const [, start = "", asked = "", path = ""] = /^(http:\/\/.*):(\d+)(\/.*)?$/.exec(address) ?? [];
  const { servers, port } = await listenAt(new URL(address).hostname, Number(asked), address);
  // Browsers leave the port out where it is the usual one.
  const at = { host: new URL(`${start}:${port}`).host, path: path || "/" };
  let timer: NodeJS.Timeout | undefined;
  const close = (): void => {
    clearTimeout(timer);
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
  return {
    uri: Number(asked) === 0 ? `${start}:${port}${path}` : address,
    close,
    answer: (check) =>
      new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(loginError("SIGSTORE_LOGIN_EXPIRED")), timeoutMs);
        let isOver = false;
        const take = (request: IncomingMessage, response: ServerResponse): void => {
          const query = queryOf(request, at);
          if (query === undefined || isOver) return say(response, 404, "Not found.");
          isOver = true;
          clearTimeout(timer);
          settle(query, check, { response, resolve, reject });
        };
        for (const server of servers) server.on("request", take);
      }),
  };
}

/** A browser may go to either address that the name `localhost` stands for: nobody else shall listen at the other one. */
async function listenAt(
  hostname: string,
  port: number,
  address: string,
): Promise<{ readonly servers: readonly Server[]; readonly port: number }> {
  const [first, second] = { localhost: ["127.0.0.1", "::1"], "[::1]": ["::1"] }[hostname] ?? ["127.0.0.1"];
  const failed = (error: NodeJS.ErrnoException): Error =>
    loginError("SIGSTORE_LOGIN_ADDRESS", { checked: quote(address), got: error.code ?? "no address" }, error);
  const server = await listen(port, first ?? "").catch((error: NodeJS.ErrnoException) => Promise.reject(failed(error)));
  const found = (server.address() as AddressInfo).port;
  if (second === undefined) return { servers: [server], port: found };
  const other = await listen(found, second).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT") return undefined;
    server.close();
    throw failed(error);
  });
  return { servers: other === undefined ? [server] : [server, other], port: found };
}

function listen(port: number, host: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen({ port, host, exclusive: true }, () => resolve(server));
  });
}

interface Settling {
  readonly response: ServerResponse;
  readonly resolve: (code: string) => void;
  readonly reject: (error: unknown) => void;
}

function settle(
  query: URLSearchParams,
  check: (query: URLSearchParams) => string,
  { response, resolve, reject }: Settling,
): void {
  try {
    const code = check(query);
    say(response, 200, "Done. You may close this window and go back to the terminal.", () => resolve(code));
  } catch (error) {
    say(response, 400, "Not signed in. The terminal says why.", () => reject(error));
  }
}

/** The query of a request that a browser makes for our address, undefined for any other request. */
function queryOf(
  { method, headers, url = "" }: IncomingMessage,
  { host, path }: { readonly host: string; readonly path: string },
): URLSearchParams | undefined {
  if (method !== "GET" || headers.host !== host || !url.startsWith(`${path}?`)) return undefined;
  return new URLSearchParams(url.slice(path.length + 1));
}

/** The code is in the address: it is neither kept nor handed on, and nothing of the request is repeated. */
function say(response: ServerResponse, status: number, text: string, done: () => void = () => {}): void {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'",
    connection: "close",
  });
  response.once("close", done);
  response.end(`<!doctype html><meta charset="utf-8"><title>countersign</title><p>${text}</p>`);
}
