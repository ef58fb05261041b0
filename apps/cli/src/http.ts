import { setTimeout as wait } from "node:timers/promises";
import { makeHttp } from "@countersign/pipeline";
import type { Http } from "@countersign/sigstore";
import { isProxied } from "./network.node.ts";

/** Services over the platform's own fetch, or through a proxy: the one place of the command that may open a connection to them. */
export const http: Http = makeHttp(async (url, init) => {
  if (!isProxied()) return fetch(url, init);
  const { fetchByNode } = await import("./fetch.node.ts");
  return fetchByNode(url, init);
});

/** Resolves after so many milliseconds, or rejects when the signal says so. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return wait(ms, undefined, signal === undefined ? {} : { signal });
}
