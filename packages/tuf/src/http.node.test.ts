import { createHash } from "node:crypto";
import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { startFaultServer } from "@countersign/testkit";
import { describeFetcher } from "./http-fetch.contract.ts";
import { makeHttpFetcher } from "./http-fetch.ts";
import { httpFetch, httpFetchBy } from "./http.node.ts";
import { sleep } from "./store.node.ts";
import type { Fetcher } from "./fetch.ts";
import type { HttpWorld } from "./http-request.ts";

// All that holds of a fetcher over the platform's fetch holds of one over ours. Targets come past Node's parser, as long ones always do.
const fetchDirectly: typeof httpFetch = (url, init) => httpFetchBy(1, url, init);
await describeFetcher((url, init) => (url.includes("/targets/") ? fetchDirectly : httpFetch)(url, init));

const ports: (number | undefined)[] = [];
const server = await startFaultServer({
  answer: ({ socket }) => {
    ports.push(socket.remotePort);
    return false;
  },
});
beforeEach(() => void ports.splice(0));
afterAll(async () => server.close());

test.each(["", "x".repeat(2000)])(
  "one connection serves one request after the other, whatever the answers",
  async (text) => {
    server.files.set("/metadata/timestamp.json", new TextEncoder().encode(text));
    const fetcher = makeHttpFetcher({
      fetch: httpFetch,
      // No connection is given up because the machine is busy.
      sleep: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        }),
      tickMs: () => performance.now(),
      mirrors: [{ metadataUrl: `${server.url}/metadata` }],
    });
    const options = { maxBytes: 10_000 };
    expect(await fetcher.metadata("2.root.json", options)).toBeUndefined();
    expect(await fetcher.metadata("timestamp.json", options)).toHaveLength(text.length);
    // This time with an entity tag, so that there is no body.
    expect(await fetcher.metadata("timestamp.json", options)).toHaveLength(text.length);
    expect(await fetcher.metadata("2.root.json", options)).toBeUndefined();
    expect(ports).toHaveLength(4);
    expect(new Set(ports).size).toBe(1);
  },
);

describe("a body past the parser", () => {
  const bytes = Uint8Array.from({ length: 5_000_000 }, (_, at) => (at * 7) >> 3);
  const fetcherBy = (fetch: HttpWorld["fetch"]): Fetcher =>
    makeHttpFetcher({
      fetch,
      sleep,
      tickMs: () => performance.now(),
      mirrors: [{ metadataUrl: `${server.url}/metadata` }],
    });

  test.each(["at once", "slowly"])(
    "is whole, read %s; its connection ends with it, and the next one is another",
    async (how) => {
      server.files.set("/targets/long.bin", bytes);
      const fetcher = fetcherBy(fetchDirectly);
      for (let round = 0; round < 2; round++) {
        const hash = createHash("sha256");
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        for await (const piece of (await fetcher.target("long.bin", { maxBytes: bytes.length }))?.body ?? []) {
          if (how === "slowly") await sleep(20);
          hash.update(piece);
        }
        expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
      }
      expect(new Set(ports).size).toBe(2);
    },
  );

  test("a short one goes through it, and leaves the connection", async () => {
    server.files.set("/targets/short.bin", bytes.subarray(0, 100_000));
    const fetcher = fetcherBy(httpFetch);
    for (let round = 0; round < 2; round++) {
      let length = 0;
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      for await (const piece of (await fetcher.target("short.bin", { maxBytes: 100_000 }))?.body ?? [])
        length += piece.length;
      expect(length).toBe(100_000);
    }
    expect(ports).toHaveLength(2);
    expect(new Set(ports).size).toBe(1);
  });

  test.each([
    ["more than its length says", "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n", 310_000, 300_000],
    ["in parts", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n493e0\r\n", 300_000, 300_000],
  ])("of a server that sends %s", async (_, head, sent, got) => {
    const raw = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.write(head);
        // By and by, so that the reader waits when most of it comes.
        const some = 30_000;
        const send = (left: number): void => {
          if (left <= 0) return void socket.end("\r\n0\r\n\r\n");
          socket.write(Buffer.alloc(Math.min(some, left), "x"));
          setTimeout(send, 2, left - some);
        };
        send(sent);
      });
    });
    await new Promise<void>((resolve) => void raw.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = raw.address() as AddressInfo;
      const metadataUrl = `http://127.0.0.1:${port}/metadata`;
      const world = { fetch: fetchDirectly, sleep, tickMs: () => performance.now() };
      const fetcher = makeHttpFetcher({ ...world, mirrors: [{ metadataUrl }] });
      let text = "";
      for await (const piece of (await fetcher.target("x.bin", { maxBytes: 300_000 }))?.body ?? [])
        text += Buffer.from(piece).toString("latin1");
      expect(text).toBe("x".repeat(got));
    } finally {
      raw.close();
    }
  });
});
