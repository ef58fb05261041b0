import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { equalBytes, utf8 } from "@countersign/core";
import type { ServerFault } from "@countersign/testkit";
import type { HttpFetcherOptions } from "./http-fetch.ts";
import type { Fetcher } from "./fetch.ts";
import type { FetcherTrial } from "./http-fetch-trial.contract.ts";

/** What holds of targets, and of a fetcher with any of them. */
export function describeTargets({
  server,
  second,
  metadata,
  target,
  pauses,
  limits,
  impatient,
  pass,
  fetcherOf,
  wanted,
  wantedTarget,
  bytesOf,
  getTarget,
}: FetcherTrial): void {
  describe("T7: a target", () => {
    test.each<[string, ServerFault]>([
      ["is cut", { kind: "cut", afterBytes: 100_000 }],
      ["stops", { kind: "stop", afterBytes: 100_000 }],
    ])("that %s is continued where it ended", async (_, fault) => {
      server.fault("*", fault, 1);
      const fetcher = fetcherOf(fault.kind === "stop" ? { limits: impatient } : {});
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
        for (let step = 0; length === 0 && step < 16; step++) {
          pass(impatient.rateWindowMs / 4);
          await wait(1);
        }
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
