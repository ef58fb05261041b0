import { parseDigest } from "@countersign/core";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { githubSource } from "./github-source.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

const digest = parseDigest(`sha256:${"ab".repeat(32)}`);
const limits: string[] = [];
let server: Server;
beforeAll(async () => {
  server = createServer((_, response) => {
    const seconds = limits.shift();
    if (seconds === undefined)
      response.writeHead(200, { "content-type": "application/json" }).end('{"attestations":[]}');
    else response.writeHead(429, { "retry-after": seconds }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

test("a wait for one of GitHub's limits is told before it begins, a short one is not", async () => {
  const events: string[] = [];
  const terminal: Terminal = {
    ...openTerminal(),
    env: { GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    err: (text) => void events.push(text),
  };
  const pause = (ms: number): Promise<void> => Promise.resolve(void events.push(`waits ${ms}`));
  const { findElsewhere } = githubSource("github:octo/app", {}, terminal, pause);
  limits.push("42", "1");
  expect(await findElsewhere(digest)).toMatchObject({ evidence: [], problems: [] });
  expect(events).toEqual([
    "countersign: waiting 42 s: a limit of GitHub's was exceeded\n",
    "waits 42000",
    "waits 1000",
  ]);
});
