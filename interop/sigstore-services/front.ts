import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/**
 * What stands before rekor-tiles wherever it runs: one address for both halves, of which the server has only the one that
 * writes. Reading is serving its folder.
 */
export async function openFront(
  server: string,
  folder: string,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const front = createServer((incoming, outgoing) => {
    answer(incoming, outgoing, { server, folder }).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      front.close(() => resolve());
      front.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`, close };
}

interface Behind {
  readonly server: string;
  readonly folder: string;
}

async function answer(incoming: IncomingMessage, outgoing: ServerResponse, { server, folder }: Behind): Promise<void> {
  const { method = "", url = "", headers } = incoming;
  const [, path] = /^\/api\/v2\/(checkpoint|tile\/[\w/.]+)$/.exec(url) ?? [];
  if (method === "GET" && path !== undefined) {
    const file = join(folder, path);
    return void (existsSync(file) ? outgoing.end(readFileSync(file)) : outgoing.writeHead(404).end());
  }
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const type = headers["content-type"] ?? "application/json";
  const body = method === "POST" ? { body: Buffer.concat(chunks) } : {};
  const response = await fetch(`${server}${url}`, { method, headers: { "content-type": type }, ...body });
  outgoing.writeHead(response.status, { "content-type": response.headers.get("content-type") ?? "" });
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}
