import type { ServerResponse } from "node:http";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { startFaultServer, type ServerFault } from "@countersign/testkit";
import { maxSkipMs } from "./http-limit.ts";
import type { FetcherTrial } from "./http-fetch-trial.contract.ts";

/** What holds of metadata, and of bodies that are not read to their end. */
export function describeMetadata({
  server,
  second,
  metadata,
  pauses,
  impatient,
  fetcherOf,
  wanted,
}: FetcherTrial): void {
  describe("T7: metadata", () => {
    test.each<[string, ServerFault, string, number]>([
      ["trickles", { kind: "trickle", bytes: 1, everyMs: 20 }, "TUF_FETCH_SLOW", 3],
      ["stops", { kind: "stop", afterBytes: 100 }, "TUF_FETCH_SLOW", 3],
      ["never begins", { kind: "hang" }, "TUF_FETCH_SLOW", 3],
      ["is cut", { kind: "cut", afterBytes: 100 }, "TUF_FETCH_CUT", 3],
      ["is longer than may be", { kind: "longer", bytes: 20_000 }, "TUF_FETCH_TOO_LARGE", 1],
      ["never ends", { kind: "endless" }, "TUF_FETCH_TOO_LARGE", 1],
      ["decompresses to more than may be", { kind: "bomb", bytes: 50_000_000 }, "TUF_FETCH_TOO_LARGE", 1],
      ["is elsewhere", { kind: "redirect", location: "http://elsewhere.invalid/x" }, "TUF_FETCH_REDIRECT", 1],
      ["is on no address", { kind: "redirect", location: "http://" }, "TUF_FETCH_REDIRECT", 1],
      ["redirects for ever", { kind: "redirect", location: "/metadata/timestamp.json" }, "TUF_FETCH_REDIRECT", 6],
      ["is refused", { kind: "status", status: 401 }, "TUF_FETCH_REFUSED", 1],
      ["is a part", { kind: "status", status: 206 }, "TUF_FETCH_REFUSED", 1],
      ["did not change, but nobody asked", { kind: "status", status: 304 }, "TUF_FETCH_REFUSED", 1],
      ["is not served now", { kind: "status", status: 503 }, "TUF_FETCH_UNAVAILABLE", 3],
    ])("that %s is an error", async (_, fault, code, requests) => {
      server.fault("*", fault);
      const fetcher = fetcherOf(code === "TUF_FETCH_SLOW" ? { limits: impatient } : {});
      await expect(fetcher.metadata("timestamp.json", wanted)).rejects.toMatchObject({ code });
      expect(server.requests).toHaveLength(requests);
    });

    test("of an announced length over the limit is not read", async () => {
      await expect(fetcherOf().metadata("timestamp.json", { maxBytes: 100 })).rejects.toMatchObject({
        code: "TUF_FETCH_TOO_LARGE",
        kind: "untrusted",
      });
    });

    test("of exactly the longest length is read", async () => {
      expect(await fetcherOf().metadata("timestamp.json", { maxBytes: metadata.length })).toEqual(metadata);
    });

    test.each<[string, ServerFault]>([
      ["a connection that is cut", { kind: "cut", afterBytes: 100 }],
      ["a server that is busy", { kind: "status", status: 503 }],
      ["a hang", { kind: "hang" }],
    ])("comes at the next try after %s", async (_, fault) => {
      server.fault("*", fault, 2);
      const fetcher = fetcherOf(fault.kind === "hang" ? { limits: impatient } : {});
      expect(await fetcher.metadata("timestamp.json", wanted)).toEqual(metadata);
      expect(pauses).toEqual([500, 1000]);
    });

    test("waits as long as the server asks, within reason", async () => {
      server.fault("*", { kind: "status", status: 429, headers: { "retry-after": "7" } }, 1);
      server.fault("*", { kind: "status", status: 503, headers: { "retry-after": "86400" } }, 1);
      expect(await fetcherOf().metadata("timestamp.json", wanted)).toEqual(metadata);
      expect(pauses).toEqual([7000, 20_000]);
    });

    test("compressed although nobody asked is read all the same, up to the limit", async () => {
      server.fault("*", { kind: "compressed" });
      expect(await fetcherOf().metadata("timestamp.json", wanted)).toEqual(metadata);
      expect(server.requests[0]?.headers["accept-encoding"]).toBe("identity");
      await expect(fetcherOf().metadata("timestamp.json", { maxBytes: 1999 })).rejects.toMatchObject({
        code: "TUF_FETCH_TOO_LARGE",
      });
    });
  });

  describe("T9: no newer root", () => {
    test.each([403, 404, 410])("is what status %d says, and no other mirror is asked", async (status) => {
      server.fault("*", { kind: "status", status });
      expect(await fetcherOf({}, [server.url, second.url]).metadata("2.root.json", wanted)).toBeUndefined();
      expect(second.requests).toHaveLength(0);
    });

    test("is not what a server in trouble says", async () => {
      server.fault("*", { kind: "status", status: 500 });
      const refused = fetcherOf().metadata("2.root.json", wanted);
      await expect(refused).rejects.toMatchObject({ code: "TUF_FETCH_UNAVAILABLE", kind: "unavailable" });
    });
  });

  describe("a body that nobody wants", () => {
    const ports: (number | undefined)[] = [];
    let body: (response: ServerResponse) => void = (response) => void response.end();
    const noting = startFaultServer({
      answer: ({ socket, url }, response) => {
        ports.push(socket.remotePort);
        if (url?.endsWith("2.root.json") !== true) return false;
        body(response.writeHead(404));
        return true;
      },
    });
    beforeEach(() => void ports.splice(0));
    afterAll(async () => (await noting).close());

    async function askTwice(): Promise<void> {
      const { url, files } = await noting;
      files.set("/metadata/timestamp.json", metadata);
      const fetcher = fetcherOf({}, [url]);
      expect(await fetcher.metadata("2.root.json", wanted)).toBeUndefined();
      expect(await fetcher.metadata("timestamp.json", wanted)).toEqual(metadata);
    }

    test.each<[string, (response: ServerResponse) => void]>([
      ["never ends", (response) => void response.write("x")],
      ["is long", (response) => void response.end("x".repeat(1_000_000))],
    ])("costs the connection, and no more than a moment, if it %s", async (_, send) => {
      body = send;
      const startedMs = performance.now();
      await askTwice();
      expect(new Set(ports).size).toBe(2);
      expect(performance.now() - startedMs).toBeLessThan(maxSkipMs + 30_000);
    });
  });
}
