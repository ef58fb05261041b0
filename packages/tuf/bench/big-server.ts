/** A process that serves one file of any length, without a disk: `node big-server.ts BYTES`; prints its address. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const length = Number(process.argv[2]);
const piece = Buffer.alloc(
  1024 * 1024,
  (() => {
    const pattern = Buffer.alloc(65_536);
    for (let at = 0; at < pattern.length; at++) pattern[at] = (at * 31) >> 2;
    return pattern;
  })(),
);

function send(response: ServerResponse, left: number): void {
  while (left > 0) {
    const some = piece.subarray(0, Math.min(left, piece.length));
    left -= some.length;
    if (!response.write(some)) {
      response.once("drain", () => send(response, left));
      return;
    }
  }
  response.end();
}

const server = createServer((_, response) => {
  response.writeHead(200, { "content-length": `${length}` });
  send(response, length);
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
