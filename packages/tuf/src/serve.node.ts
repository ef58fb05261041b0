import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { tufError } from "./errors.ts";

/** A repository that is being served. */
export interface RepositoryServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the files below a folder on 127.0.0.1, for trying a repository out: GET and HEAD, one range of bytes, entity tags. Names
 * that begin with a dot are not served, nor anything outside of the folder, also not by a link. Port 0 takes a free one. Rejects with TUF_SERVE_PORT.
 */
export async function serveRepository(folder: string, port: number): Promise<RepositoryServer> {
  const root = resolve(folder);
  const server = createServer((request, response) => {
    serve(root, request, response).catch(() => response.destroy());
  });
  await listen(server, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      fail(tufError("TUF_SERVE_PORT", { got: error.code ?? "an error" }, error)),
    );
    server.listen(port, "127.0.0.1", () => done());
  });
}

async function serve(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD")
    return void response.writeHead(405, { allow: "GET, HEAD" }).end();
  const found = await find(root, request.url ?? "/");
  if (found === undefined) return void response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
  const { path, size, tag } = found;
  const headers = { "accept-ranges": "bytes", etag: tag, "content-type": typeOf(path), "cache-control": "no-cache" };
  if (request.headers["if-none-match"] === tag) return void response.writeHead(304, headers).end();
  const range = rangeOf(request, size, tag);
  if (range === "unsatisfiable")
    return void response.writeHead(416, { ...headers, "content-range": `bytes */${size}` }).end();
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const part = range === undefined ? {} : { "content-range": `bytes ${start}-${end}/${size}` };
  response.writeHead(range === undefined ? 200 : 206, { ...headers, ...part, "content-length": end - start + 1 });
  if (request.method === "HEAD" || size === 0) return void response.end();
  await pipeline(createReadStream(path, { start, end }), response);
}

interface Found {
  readonly path: string;
  readonly size: number;
  readonly tag: string;
}

/** First the name as it stands, since escaped role names are file names; then what it means. */
async function find(root: string, url: string): Promise<Found | undefined> {
  const [raw = ""] = url.split("?");
  for (const name of new Set([raw, decoded(raw)])) {
    const path = resolve(join(root, name));
    const isInside =
      path.startsWith(root + sep) && !name.includes("\0") && !name.split("/").some((part) => part.startsWith("."));
    const state =
      isInside && (await isBelow(root, path)) ? await stat(path, { bigint: true }).catch(() => undefined) : undefined;
    if (state?.isFile() === true)
      return { path, size: Number(state.size), tag: `"${state.ino}-${state.size}-${state.mtimeNs}"` };
  }
  return undefined;
}

/** The folder itself may be a link, and changes with each publication where snapshots are not consistent. */
async function isBelow(root: string, path: string): Promise<boolean> {
  const [folder, real] = await Promise.all([root, path].map((each) => realpath(each).catch(() => undefined)));
  return folder !== undefined && real?.startsWith(folder + sep) === true;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function typeOf(path: string): string {
  return path.endsWith(".json") ? "application/json" : "application/octet-stream";
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** One range (RFC 9110 §14.1.2); what is not understood is passed over, as the RFC says. */
function rangeOf({ headers }: IncomingMessage, size: number, tag: string): Range | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? "") ?? [];
  if ((first === "" && last === "") || (headers["if-range"] !== undefined && headers["if-range"] !== tag))
    return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < start) return undefined;
  return start > end ? "unsatisfiable" : { start, end };
}
