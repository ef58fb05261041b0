/** A process that serves a folder on loopback, all of it in memory: `node server.ts FOLDER`; prints its address. */
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const folder = process.argv[2] ?? ".";
const files = new Map(
  readdirSync(join(folder, "metadata")).map((name) => [
    `/metadata/${encodeURIComponent(name)}`,
    readFileSync(join(folder, "metadata", name)),
  ]),
);
const server = createServer((request, response) => {
  const bytes = files.get(request.url ?? "");
  if (bytes === undefined) response.writeHead(404).end();
  else response.writeHead(200, { "content-length": bytes.length }).end(bytes);
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
