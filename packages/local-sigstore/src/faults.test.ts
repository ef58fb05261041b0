import { afterEach, beforeAll, afterAll, describe, expect, test, vi } from "vitest";
import { makeFaults, startLocalSigstore } from "./index.ts";
import type { Fault, LocalSigstore, ServiceName } from "./index.ts";

let stack: LocalSigstore;
beforeAll(async () => {
  stack = await startLocalSigstore({ witnesses: 0 });
});
afterEach(() => stack.faults.clear());
afterAll(() => stack.close());

const get = (signal?: AbortSignal): Promise<Response> =>
  fetch(`${stack.url}/trusted_root.json`, { redirect: "manual", ...(signal === undefined ? {} : { signal }) });

describe("faults of the wire", () => {
  test("a status, twice, with a body and headers", async () => {
    stack.faults.set("files", {
      kind: "status",
      status: 503,
      body: "later",
      headers: { "retry-after": "1" },
      times: 2,
    });
    const first = await get();
    expect([first.status, await first.text(), first.headers.get("retry-after")]).toEqual([503, "later", "1"]);
    expect((await get()).status).toBe(503);
    expect((await get()).status).toBe(200);
  });

  test("a slow answer", async () => {
    stack.faults.set("files", { kind: "slow", delayMs: 60, times: 1 });
    const start = performance.now();
    expect((await get()).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThanOrEqual(50);
  });

  test("no answer at all", async () => {
    stack.faults.set("files", { kind: "hang", times: 1 });
    const stop = new AbortController();
    const waiting = get(stop.signal).catch(String);
    // The fault is used up: the request came, and would otherwise spoil the next test.
    await vi.waitUntil(() => stack.faults.list().length === 0, { timeout: 60_000, interval: 5 });
    stop.abort();
    expect(await waiting).toMatch(/abort/i);
  });

  test("a connection that breaks, before or in the body", async () => {
    stack.faults.set("files", { kind: "disconnect", times: 1 });
    await expect(get()).rejects.toThrow(/fetch failed/);
    stack.faults.set("files", { kind: "truncated", times: 1 });
    await expect(get().then((response) => response.arrayBuffer())).rejects.toThrow(/terminated/);
  });

  test("half a body, a body that is too large, another body", async () => {
    const whole = stack.trustedRootBytes.length;
    const size = async (fault: Fault): Promise<number> => {
      stack.faults.set("files", { ...fault, times: 1 });
      return (await (await get()).arrayBuffer()).byteLength;
    };
    expect(await size({ kind: "cut-body" })).toBe(Math.floor(whole / 2));
    expect(await size({ kind: "oversized", bytes: 1_000_000 })).toBe(1_000_000);
    stack.faults.set("files", { kind: "garbage", times: 1 });
    expect(await (await get()).text()).toMatch(/^<!doctype/);
  });

  test("a redirect", async () => {
    stack.faults.set("files", { kind: "redirect", location: "http://127.0.0.1:9/", times: 1 });
    const response = await get();
    expect([response.status, response.headers.get("location")]).toEqual([302, "http://127.0.0.1:9/"]);
  });
});

test("faults are set, listed and cleared over HTTP", async () => {
  const post = (body: unknown): Promise<Response> =>
    fetch(`${stack.url}/faults`, { method: "POST", body: JSON.stringify(body) });
  expect(await (await post({ service: "files", kind: "status", status: 500 })).json()).toMatchObject([
    { service: "files" },
  ]);
  expect((await get()).status).toBe(500);
  expect((await get()).status).toBe(500);
  expect(await (await fetch(`${stack.url}/faults`)).json()).toHaveLength(1);
  await fetch(`${stack.url}/faults?service=tsa`, { method: "DELETE" });
  expect(stack.faults.list()).toHaveLength(1);
  await fetch(`${stack.url}/faults`, { method: "DELETE" });
  expect((await get()).status).toBe(200);
  for (const body of [{ service: "nobody", kind: "status" }, { service: "tsa", kind: "wrong-sct" }, {}, []]) {
    const response = await post(body);
    expect([response.status, await response.json()]).toMatchObject([400, { error: "LOCAL_SIGSTORE_FAULT_UNKNOWN" }]);
  }
});

test("a fault is taken only by its service and kind, in order", () => {
  const faults = makeFaults();
  faults.set("tsa", { kind: "wrong-hash", times: 1 });
  faults.set("tsa", { kind: "rejected" });
  expect(faults.take("fulcio", ["wrong-key"])).toBeUndefined();
  expect(faults.take("tsa", ["rejected", "wrong-hash"])?.kind).toBe("wrong-hash");
  expect(faults.take("tsa", ["wrong-hash"])).toBeUndefined();
  expect(faults.take("tsa", ["rejected"])?.kind).toBe("rejected");
  expect(faults.take("tsa", ["rejected"])?.kind).toBe("rejected");
  expect(() => faults.set("__proto__" as ServiceName, { kind: "hang" })).toThrow(
    expect.objectContaining({ code: "LOCAL_SIGSTORE_FAULT_UNKNOWN" }),
  );
});
