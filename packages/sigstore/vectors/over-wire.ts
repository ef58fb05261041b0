import type { Http } from "../src/http.ts";

/** The plainest client there is, for tests: what a caller brings. */
export const overWire: Http = async ({ method, url, headers, body, timeoutMs }) => {
  const init = { method, headers: { ...headers }, redirect: "error", signal: AbortSignal.timeout(timeoutMs) } as const;
  const response = await fetch(url, body === undefined ? init : { ...init, body: new Uint8Array(body) });
  const answer = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: Object.fromEntries(response.headers), body: answer };
};
