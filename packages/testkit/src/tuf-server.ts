import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TufRepository } from "./tuf-repository.ts";

/** A repository on loopback: `/metadata/` and `/targets/`. */
export interface TufServer {
  readonly metadataUrl: string;
  readonly targetsUrl: string;
  /** Paths that were asked for, escaped as they came. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Serves what is published at the moment; all else is not found, with the status given. */
export async function serveTuf(repository: TufRepository, absent: 403 | 404 | 410 = 404): Promise<TufServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    requests.push(path);
    const [, folder = "", ...rest] = path.split("/");
    const files = folder === "metadata" ? repository.metadata : repository.targets;
    const bytes = files.get(rest.map(decodeURIComponent).join("/"));
    if (bytes === undefined) response.writeHead(absent).end();
    else response.writeHead(200, { "content-length": bytes.length }).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { metadataUrl: `${base}/metadata/`, targetsUrl: `${base}/targets/`, requests, close };
}
