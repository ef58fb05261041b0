import { afterAll, beforeEach, expect, test } from "vitest";
import { startFaultServer } from "@countersign/testkit";
import { describeFetcher } from "./http-fetch.contract.ts";
import { makeHttpFetcher } from "./http-fetch.ts";
import { httpFetch } from "./http.node.ts";
import { sleep } from "./store.node.ts";

// All that holds of a fetcher over the platform's fetch holds of one over ours.
await describeFetcher(httpFetch);

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
      sleep,
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
