import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { concatBytes, equalBytes, parseUtf8, utf8 } from "@countersign/core";
import { startFaultServer, type ServerFault } from "@countersign/testkit";
import { tufError } from "./errors.ts";
import { makeHttpFetcher, type HttpFetcherOptions } from "./http-fetch.ts";
import type { Fetcher, FetchedTarget } from "./fetch.ts";
import { maxSkipMs, type FetchLimits } from "./http-limit.ts";

/** What holds of a fetcher, whichever `fetch` it is made over: the same tests, against the same servers. */
export async function describeFetcher(fetch: HttpFetcherOptions["fetch"]): Promise<void> {
  const server = await startFaultServer();
  const second = await startFaultServer();
  const elsewhere = await startFaultServer();
  const servers = [server, second, elsewhere];
  afterAll(async () => {
    await Promise.all(servers.map((one) => one.close()));
  });

  const metadata = utf8(JSON.stringify({ signed: "x".repeat(2000) }));
  const target = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);

  beforeEach(() => {
    for (const one of servers) {
      one.clear();
      one.requests.splice(0);
      one.files.clear();
      one.files.set("/metadata/timestamp.json", metadata);
      one.files.set("/targets/file.bin", target);
    }
  });

  /** Every sleep that a fetcher asked for to wait before another try; those that guard a request are real. */
  const pauses: number[] = [];
  beforeEach(() => void pauses.splice(0));

  const limits: FetchLimits = {
    firstByteMs: 9000,
    minBytesPerSecond: 20_000,
    rateWindowMs: 8000,
    maxTries: 3,
    maxParallel: 8,
  };
  /** For a server that never sends what is waited for: how long does not matter. */
  const impatient: FetchLimits = { ...limits, firstByteMs: 90, rateWindowMs: 80 };
  /** For a server that begins, which on a busy machine takes its time, and then does not go on. */
  const hasty: FetchLimits = { ...impatient, firstByteMs: limits.firstByteMs };
  const guards = [limits, impatient].flatMap(({ firstByteMs, rateWindowMs }) => [firstByteMs, rateWindowMs / 4]);
  guards.push(maxSkipMs, 1100);

  function fetcherOf(options: Partial<HttpFetcherOptions> = {}, urls: readonly string[] = [server.url]): Fetcher {
    return makeHttpFetcher({
      fetch: (url, init) => fetch(url, init),
      sleep: async (ms, signal) => {
        if (!guards.includes(ms)) return void pauses.push(ms);
        await wait(ms, undefined, signal && { signal });
      },
      tickMs: () => performance.now(),
      mirrors: urls.map((url) => ({ metadataUrl: `${url}/metadata` })),
      limits,
      ...options,
    });
  }

  const wanted = { maxBytes: 10_000 };
  const wantedTarget = { maxBytes: target.length };

  async function bytesOf(found: FetchedTarget | undefined): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of found?.body ?? []) chunks.push(new Uint8Array(chunk));
    return concatBytes(...chunks);
  }

  async function getTarget(fetcher: Fetcher, options = {}): Promise<Uint8Array> {
    return bytesOf(await fetcher.target("file.bin", { ...wantedTarget, ...options }));
  }

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
      const slow = fault.kind === "hang" ? impatient : hasty;
      const fetcher = fetcherOf(code === "TUF_FETCH_SLOW" ? { limits: slow } : {});
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

  describe("T7: a target", () => {
    test.each<[string, ServerFault]>([
      ["is cut", { kind: "cut", afterBytes: 100_000 }],
      ["stops", { kind: "stop", afterBytes: 100_000 }],
    ])("that %s is continued where it ended", async (_, fault) => {
      server.fault("*", fault, 1);
      const fetcher = fetcherOf(fault.kind === "stop" ? { limits: hasty } : {});
      expect(equalBytes(await getTarget(fetcher), target)).toBe(true);
      const [, rest] = server.requests;
      expect(rest?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
      expect(rest?.headers["if-range"]).toMatch(/^"[0-9a-f]{16}"$/);
      expect(pauses).toEqual([500]);
    });

    test("that is cut again and again is continued as long as something comes", async () => {
      for (let times = 0; times < 5; times++) server.fault("*", { kind: "cut", afterBytes: 50_000 }, 1);
      expect(equalBytes(await getTarget(fetcherOf()), target)).toBe(true);
      expect(server.requests).toHaveLength(6);
    });

    test("of which nothing more comes is an error", async () => {
      server.fault("*", { kind: "cut", afterBytes: 1000 }, 1);
      server.fault("*", { kind: "cut", afterBytes: 0 });
      await expect(getTarget(fetcherOf())).rejects.toMatchObject({ code: "TUF_FETCH_CUT" });
      expect(server.requests.length).toBeLessThan(10);
    });

    test("that is cut is continued at the other mirror if the first is gone", async () => {
      server.fault("*", { kind: "cut", afterBytes: 100_000 }, 1);
      server.fault("*", { kind: "status", status: 500 });
      expect(equalBytes(await getTarget(fetcherOf({}, [server.url, second.url])), target)).toBe(true);
      expect(second.requests[0]?.headers.range).toBeDefined();
    });

    test.each<[string, ServerFault]>([
      ["does not know ranges", { kind: "no-ranges" }],
      ["gives another range", { kind: "wrong-range" }],
      ["compresses a part", { kind: "compressed" }],
    ])("of a server that %s begins anew without handing anything out twice", async (_, fault) => {
      server.fault("*", { kind: "cut", afterBytes: 100_000 }, 1);
      server.fault("*", fault, 1);
      expect(equalBytes(await getTarget(fetcherOf()), target)).toBe(true);
    });

    test("that changed between two requests is not put together from both", async () => {
      server.fault("*", { kind: "cut", afterBytes: 100_000 }, 1);
      const found = await fetcherOf().target("file.bin", wantedTarget);
      server.files.set("/targets/file.bin", target.toReversed());
      await expect(bytesOf(found)).rejects.toMatchObject({ code: "TUF_FETCH_CUT" });
    });

    test("is continued across processes, and begun anew if it is another state of the file", async () => {
      const start = 200_000;
      const rest = await fetcherOf().target("file.bin", { ...wantedTarget, start });
      expect(rest?.start).toBe(start);
      expect(await bytesOf(rest)).toEqual(target.subarray(start));
      const validator = rest?.validator ?? "";
      expect((await fetcherOf().target("file.bin", { ...wantedTarget, start, validator }))?.start).toBe(start);
      expect((await fetcherOf().target("file.bin", { ...wantedTarget, start, validator: '"old"' }))?.start).toBe(0);
      const past = await fetcherOf().target("file.bin", { ...wantedTarget, start: target.length });
      expect(past?.start).toBe(0);
    });

    test.each<[string, ServerFault]>([
      ["is longer", { kind: "longer", bytes: 1 }],
      ["never ends", { kind: "endless" }],
      ["decompresses to more", { kind: "bomb", bytes: 50_000_000 }],
    ])("that %s ends in an error, and nothing past its length is handed out", async (_, fault) => {
      server.fault("*", fault);
      const found = await fetcherOf().target("file.bin", wantedTarget);
      let length = 0;
      const read = async (): Promise<void> => {
        for await (const chunk of found?.body ?? []) length += chunk.length;
      };
      await expect(read()).rejects.toMatchObject({ code: "TUF_FETCH_TOO_LARGE" });
      expect(length).toBeLessThanOrEqual(target.length);
    });

    test("of which nothing is read is let go all the same", async () => {
      server.fault("*", { kind: "stop", afterBytes: 10 });
      let signal: AbortSignal | null | undefined;
      const watched: HttpFetcherOptions["fetch"] = (url, init) => {
        ({ signal } = init);
        return fetch(url, init);
      };
      const found = await fetcherOf({ fetch: watched }).target("file.bin", wantedTarget);
      expect(signal?.aborted).toBe(false);
      await found?.body[Symbol.asyncIterator]().return?.();
      expect(signal?.aborted).toBe(true);
    });

    test("that comes slowly but steadily takes as long as it takes", async () => {
      server.fault("*", { kind: "trickle", bytes: 2000, everyMs: 10 });
      expect(equalBytes(await getTarget(fetcherOf({ limits: { ...limits, firstByteMs: 1100 } })), target)).toBe(true);
      expect(server.requests).toHaveLength(1);
    });

    test("that is read slowly is not taken for a slow one", async () => {
      const found = await fetcherOf({ limits: impatient }).target("file.bin", wantedTarget);
      let length = 0;
      for await (const chunk of found?.body ?? []) {
        if (length === 0) await wait(impatient.rateWindowMs * 4);
        length += chunk.length;
      }
      expect(length).toBe(target.length);
      expect(server.requests).toHaveLength(1);
    });
  });

  describe("a fetcher", () => {
    test("can be stopped, before it begins and while a body comes", async () => {
      const stopped = { signal: AbortSignal.abort() };
      await expect(fetcherOf().metadata("timestamp.json", { ...wanted, ...stopped })).rejects.toMatchObject({
        code: "TUF_FETCH_ABORTED",
        kind: "unavailable",
      });
      server.fault("*", { kind: "stop", afterBytes: 10 });
      const control = new AbortController();
      const stopping: HttpFetcherOptions["fetch"] = async (url, init) => {
        const response = await fetch(url, init);
        setTimeout(() => control.abort(), 20);
        return response;
      };
      const fetcher = fetcherOf({ fetch: stopping });
      const reading = fetcher.metadata("timestamp.json", { ...wanted, signal: control.signal });
      await expect(reading).rejects.toMatchObject({ code: "TUF_FETCH_ABORTED" });
      const target = await fetcherOf()
        .target("file.bin", { ...wantedTarget, signal: control.signal })
        .catch(String);
      expect(target).toContain("stopped");
      expect(server.requests).toHaveLength(1);
    });

    test("asks again for what may not have changed", async () => {
      const fetcher = fetcherOf();
      const first = await fetcher.metadata("timestamp.json", wanted);
      first?.fill(0);
      expect(await fetcher.metadata("timestamp.json", wanted)).toEqual(metadata);
      expect(server.requests[1]?.headers["if-none-match"]).toBeDefined();
      server.files.set("/metadata/timestamp.json", utf8("new"));
      expect(await fetcher.metadata("timestamp.json", wanted)).toEqual(utf8("new"));
    });

    test("escapes names so that they lead nowhere else", async () => {
      const fetcher = fetcherOf();
      for (const name of ["1.a/../b.json", "1.%2e%2e.json", "1.?x#y.json", "1.a b.json"])
        await fetcher.metadata(name, wanted);
      for (const path of ["a b/c?d#e", "ü/%41"]) await fetcher.target(path, wanted);
      expect(server.requests.map(({ path }) => path)).toEqual([
        "/metadata/1.a%2F..%2Fb.json",
        "/metadata/1.%252e%252e.json",
        "/metadata/1.%3Fx%23y.json",
        "/metadata/1.a%20b.json",
        "/targets/a%20b/c%3Fd%23e",
        "/targets/%C3%BC/%2541",
      ]);
    });

    test.each(["../x", "a//b", "/a", "a/./b", "a/..", "", "\ud800"])("refuses the target %j", async (path) => {
      await expect(fetcherOf().target(path, wanted)).rejects.toMatchObject({ code: "TUF_FETCH_PATH" });
      expect(server.requests).toHaveLength(0);
    });

    test.each([
      "ftp://a.example/",
      "a.example",
      "https://u:p@a.example/",
      "https://u:x@u:p@a.example/",
      "https://u:x/u:p@a.example/",
      "https://a.example/?x",
      "https://a.example/#x",
    ])("refuses %s as a mirror, without repeating a password", (metadataUrl) => {
      const make = (): Fetcher => fetcherOf({ mirrors: [{ metadataUrl }] });
      expect(make).toThrow(expect.objectContaining({ code: "TUF_FETCH_URL", kind: "usage" }));
      expect(make).not.toThrow("u:p");
      expect(() => fetcherOf({}, [])).toThrow(expect.objectContaining({ code: "TUF_FETCH_URL" }));
    });

    test("sends the user's headers, which do not replace its own", async () => {
      await fetcherOf({ headers: { "User-Agent": "me", "Accept-Encoding": "gzip" } }).metadata(
        "timestamp.json",
        wanted,
      );
      expect(server.requests[0]?.headers).toMatchObject({ "user-agent": "me", "accept-encoding": "identity" });
    });

    test("tells no header when a connection fails", async () => {
      const answer = async (): Promise<never> => {
        throw new TypeError("fetch failed: Bearer secret", {
          cause: Object.assign(new Error("secret"), { code: "ECONNREFUSED" }),
        });
      };
      const refused = fetcherOf({ fetch: answer }).metadata("timestamp.json", wanted);
      await expect(refused).rejects.toMatchObject({
        code: "TUF_FETCH_UNAVAILABLE",
        message: expect.not.stringContaining("secret"),
      });
      await expect(refused).rejects.toThrow("ECONNREFUSED");
    });

    test("has only so many requests at once", async () => {
      let [now, most] = [0, 0];
      const answer = async (): Promise<Response> => {
        most = Math.max(most, ++now);
        await wait(5);
        now--;
        return new Response(new Uint8Array(metadata));
      };
      const fetcher = fetcherOf({ fetch: answer, limits: { ...limits, maxParallel: 3 } });
      await Promise.all(Array.from({ length: 20 }, (_, at) => fetcher.metadata(`${at}.x.json`, wanted)));
      expect(most).toBe(3);
    });
  });
}
