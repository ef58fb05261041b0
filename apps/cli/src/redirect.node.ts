import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { loginError } from "@countersign/sigstore";

/** How long a person has to sign in, in milliseconds. */
export const signInTimeoutMs: number = 5 * 60 * 1000;

const path = "/callback";

/** Where a browser brings the answer to one sign-in. */
export interface Redirect {
  readonly uri: string;
  /** What `check` makes of the first answer that comes; throws what it throws, or SIGSTORE_LOGIN_EXPIRED. */
  readonly answer: (check: (query: URLSearchParams) => string) => Promise<string>;
  readonly close: () => void;
}

/**
 * Listens on a free port of 127.0.0.1 for one answer (RFC 8252 §7.3). Only this address itself may be asked for: a name
 * that somebody's DNS points here is turned away. A wrong answer ends the sign-in; nothing is taken afterwards.
 */
export async function openRedirect(timeoutMs: number = signInTimeoutMs): Promise<Redirect> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  let timer: NodeJS.Timeout | undefined;
  const close = (): void => {
    clearTimeout(timer);
    server.close();
    server.closeAllConnections();
  };
  return {
    uri: `http://${host}${path}`,
    close,
    answer: (check) =>
      new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(loginError("SIGSTORE_LOGIN_EXPIRED")), timeoutMs);
        let isOver = false;
        server.on("request", (request, response) => {
          const query = queryOf(request, host);
          if (query === undefined || isOver) return say(response, 404, "Not found.");
          isOver = true;
          clearTimeout(timer);
          settle(query, check, { response, resolve, reject });
        });
      }),
  };
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
function queryOf({ method, headers, url = "" }: IncomingMessage, host: string): URLSearchParams | undefined {
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
