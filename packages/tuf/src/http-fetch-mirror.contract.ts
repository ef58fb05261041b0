import { describe, expect, test } from "vitest";
import { parseUtf8, utf8 } from "@countersign/core";
import type { ServerFault } from "@countersign/testkit";
import { tufError } from "./errors.ts";
import type { HttpFetcherOptions } from "./http-fetch.ts";
import type { FetcherTrial } from "./http-fetch-trial.contract.ts";

/** What holds of redirects, and of several mirrors. */
export function describeMirrors({
  server,
  second,
  metadata,
  pauses,
  impatient,
  fetcherOf,
  wanted,
  wantedTarget,
}: FetcherTrial): void {
  describe("redirects", () => {
    const secret = { Authorization: "Bearer secret", "X-Token": "secret" };

    test("on the same origin are followed, with the user's headers", async () => {
      server.files.set("/other.json", metadata);
      server.fault("/metadata/timestamp.json", { kind: "redirect", location: "../other.json" });
      expect(await fetcherOf({ headers: secret }).metadata("timestamp.json", wanted)).toEqual(metadata);
      expect(server.requests[1]?.headers).toMatchObject({ authorization: "Bearer secret", "x-token": "secret" });
    });

    /** A network in which every https host is a path on the test server. */
    const tunnel: HttpFetcherOptions["fetch"] = (url, init) =>
      fetch(url.replace(/^https:\/\/([^/]*)/, `${server.url}/$1`), init);

    test("from https to https are followed, without the user's headers, and these do not come back", async () => {
      server.files.set("/a.example/end.json", metadata);
      server.fault("/a.example/metadata/timestamp.json", { kind: "redirect", location: "https://b.example/x" });
      server.fault("/b.example/x", { kind: "redirect", location: "https://a.example/end.json" });
      const fetcher = fetcherOf({ fetch: tunnel, headers: secret }, ["https://a.example"]);
      expect(await fetcher.metadata("timestamp.json", wanted)).toEqual(metadata);
      expect(server.requests.map(({ path }) => path)).toEqual([
        "/a.example/metadata/timestamp.json",
        "/b.example/x",
        "/a.example/end.json",
      ]);
      expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
        "Bearer secret",
        undefined,
        undefined,
      ]);
      expect(server.requests.map(({ headers }) => headers["x-token"])).toEqual(["secret", undefined, undefined]);
    });

    test.each([
      ["https://a.example", "http://a.example/x"],
      ["https://a.example", "ftp://a.example/x"],
      ["https://a.example", "https://user:pass@b.example/x"],
      ["https://a.example", "file:///etc/passwd"],
      ["http://a.example", "https://b.example/x"],
    ])("from %s to %s are refused", async (from, location) => {
      const answer = async (): Promise<Response> => new Response(null, { status: 302, headers: { location } });
      const refused = fetcherOf({ fetch: answer }, [from]).metadata("timestamp.json", wanted);
      await expect(refused).rejects.toMatchObject({ code: "TUF_FETCH_REDIRECT", kind: "untrusted" });
    });

    test("from http to https of the same host are followed", async () => {
      server.files.set("/a.example/x", metadata);
      const answer: HttpFetcherOptions["fetch"] = async (url, init) =>
        url.startsWith("http:")
          ? new Response(null, { status: 301, headers: { location: "https://a.example/x" } })
          : tunnel(url, init);
      expect(await fetcherOf({ fetch: answer }, ["http://a.example"]).metadata("timestamp.json", wanted)).toEqual(
        metadata,
      );
    });
  });

  describe("mirrors", () => {
    const both = [server.url, second.url];

    test.each<[string, ServerFault]>([
      ["is down", { kind: "status", status: 500 }],
      ["hangs", { kind: "hang" }],
      ["refuses", { kind: "status", status: 401 }],
      ["lies about the length", { kind: "endless" }],
      ["redirects elsewhere", { kind: "redirect", location: "http://elsewhere.invalid/" }],
      ["has no such file", { kind: "status", status: 404 }],
    ])("the next one is asked at once if the first %s", async (_, fault) => {
      server.fault("*", fault);
      const fetcher = fetcherOf(fault.kind === "hang" ? { limits: impatient } : {}, both);
      expect(await fetcher.metadata("timestamp.json", wanted)).toEqual(metadata);
      expect(pauses).toEqual([]);
    });

    test("one that failed is asked last from then on, until it answers", async () => {
      server.fault("*", { kind: "status", status: 500 }, 1);
      const fetcher = fetcherOf({}, both);
      for (let times = 0; times < 3; times++) await fetcher.metadata("timestamp.json", wanted);
      expect([server.requests.length, second.requests.length]).toEqual([1, 3]);
      second.fault("*", { kind: "status", status: 500 });
      await fetcher.metadata("timestamp.json", wanted);
      expect([server.requests.length, second.requests.length]).toEqual([2, 4]);
    });

    test("bytes that will not do are asked of the next one; the first refusal is told if no other will", async () => {
      server.files.set("/metadata/timestamp.json", utf8("forged"));
      const accept = (bytes: Uint8Array): void => {
        if (bytes.length !== metadata.length) throw tufError("TUF_TARGET_HASH", parseUtf8(bytes));
      };
      const ask = (): Promise<Uint8Array | undefined> =>
        fetcherOf({}, both).metadata("timestamp.json", { ...wanted, accept });
      expect(await ask()).toEqual(metadata);
      second.files.set("/metadata/timestamp.json", utf8("other"));
      await expect(ask()).rejects.toMatchObject({
        code: "TUF_TARGET_HASH",
        message: expect.stringContaining("forged"),
      });
    });

    test("an untrusted answer is told before an unavailable one", async () => {
      server.fault("*", { kind: "status", status: 500 });
      second.fault("*", { kind: "endless" });
      const refused = fetcherOf({}, both).metadata("timestamp.json", wanted);
      await expect(refused).rejects.toMatchObject({ code: "TUF_FETCH_TOO_LARGE" });
    });

    test("none that has it is undefined; one that cannot tell is an error", async () => {
      for (const one of [server, second]) one.files.clear();
      expect(await fetcherOf({}, both).metadata("timestamp.json", wanted)).toBeUndefined();
      server.fault("*", { kind: "status", status: 500 });
      const refused = fetcherOf({}, both).metadata("timestamp.json", wanted);
      await expect(refused).rejects.toMatchObject({ code: "TUF_FETCH_UNAVAILABLE" });
    });

    test("of a target are counted, so that one that lied can be left out", async () => {
      const fetcher = fetcherOf({}, both);
      expect((await fetcher.target("file.bin", { ...wantedTarget, fromMirror: 1 }))?.mirror).toBe(1);
      expect(server.requests).toHaveLength(0);
      expect(await fetcher.target("file.bin", { ...wantedTarget, fromMirror: 2 })).toBeUndefined();
    });
  });
}
