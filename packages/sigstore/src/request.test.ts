import { coreError, TrustError, utf8 } from "@countersign/core";
import { expect, test } from "vitest";
import { sigstoreError } from "./errors.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { apiUrl, isSharing, maxWaitMs, send, type Caller } from "./request.ts";

const request: HttpRequest = {
  method: "POST",
  url: "https://service.example/api?token=in-the-query",
  headers: {},
  timeoutMs: 1000,
  maxBytes: 100,
};
const answer = (status: number, body = "", headers: Record<string, string> = {}): HttpResponse => ({
  status,
  headers,
  body: utf8(body),
});

interface Script {
  readonly caller: Caller;
  readonly waits: number[];
  readonly asked: () => number;
}

/** Answers one after another, the last one for ever. */
function script(...answers: readonly (HttpResponse | Error)[]): Script {
  const waits: number[] = [];
  let asked = 0;
  const http = async (): Promise<HttpResponse> => {
    const next = answers[Math.min(asked++, answers.length - 1)] as HttpResponse | Error;
    if (next instanceof Error) throw next;
    return next;
  };
  return { caller: { http, sleep: async (ms) => void waits.push(ms) }, waits, asked: () => asked };
}

async function problemOf(caller: Caller, ...rest: [options?: Parameters<typeof send>[2]]): Promise<TrustError> {
  const error = await send(caller, request, ...rest).then(
    () => "accepted",
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(TrustError);
  return error as TrustError;
}

test.each([200, 201])("status %d is an answer at once", async (status) => {
  const { caller, waits } = script(answer(status, "yes"));
  expect((await send(caller, request)).body).toEqual(utf8("yes"));
  expect(waits).toEqual([]);
});

test.each([408, 429, 500, 502, 503, 504])("status %d is asked again twice, then unavailable", async (status) => {
  const { caller, waits, asked } = script(answer(status, "busy"));
  expect(await problemOf(caller)).toMatchObject({ code: "SIGSTORE_HTTP_UNAVAILABLE", kind: "unavailable" });
  expect([asked(), waits]).toEqual([3, [500, 1000]]);
});

test("a service that comes back is heard", async () => {
  const unreachable = sigstoreError("SIGSTORE_HTTP_UNAVAILABLE", "no connection");
  const { caller, asked } = script(unreachable, answer(503), answer(201));
  expect((await send(caller, request)).status).toBe(201);
  expect(asked()).toBe(3);
});

test("a service may ask for a longer wait, up to a limit", async () => {
  const { caller, waits } = script(
    answer(429, "", { "retry-after": "3" }),
    answer(503, "", { "retry-after": "86400" }),
    answer(200),
  );
  await send(caller, request);
  expect(waits).toEqual([3000, maxWaitMs]);
});

test("a date in Retry-After is not read", async () => {
  const { caller, waits } = script(answer(429, "", { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }), answer(200));
  await send(caller, request);
  expect(waits).toEqual([500]);
});

test.each([204, 301, 307, 400, 401, 403, 404, 409])("status %d is refused at once", async (status) => {
  const { caller, asked } = script(answer(status, "no \u001b[31m"));
  const error = await problemOf(caller);
  expect(error.code).toBe("SIGSTORE_HTTP_REFUSED");
  expect(error.message).toContain(`status ${status}: "no \\u001b[31m"`);
  expect(error.message).not.toContain("in-the-query");
  expect(asked()).toBe(1);
});

test("a status that the caller knows is an answer", async () => {
  expect((await send(script(answer(409)).caller, request, { alsoFine: [409] })).status).toBe(409);
});

test("what the service says is left out when it repeats the secret", async () => {
  const secret = "aaaa.bbbb-secret-cccc.dddd";
  for (const text of [`token ${secret} is bad`, "bad: b-secret-c"]) {
    const error = await problemOf(script(answer(400, text)).caller, { secret });
    expect(error.message).not.toContain("secret");
  }
  expect((await problemOf(script(answer(400, "audience")).caller, { secret })).message).toContain("audience");
});

test("an answer over the cap is refused, whoever was to enforce it", async () => {
  expect((await problemOf(script(answer(200, "x".repeat(101))).caller)).code).toBe("SIGSTORE_HTTP_TOO_LARGE");
});

test("other errors are not tried again", async () => {
  const { caller, asked } = script(coreError("CORE_TOO_LARGE"));
  expect((await problemOf(caller)).code).toBe("CORE_TOO_LARGE");
  expect(asked()).toBe(1);
  await expect(send(script(new TypeError("a bug")).caller, request)).rejects.toThrow(TypeError);
});

test("nobody waits once the signal says stop", async () => {
  const { caller, asked, waits } = script(answer(503));
  const signal = AbortSignal.abort();
  expect((await problemOf({ ...caller, signal })).code).toBe("SIGSTORE_HTTP_UNAVAILABLE");
  expect([asked(), waits]).toEqual([1, []]);
});

test("isSharing sees any stretch of six characters", () => {
  expect(isSharing("xx-123456-xx", "00123456700")).toBe(true);
  // One that is shorter counts as a whole.
  expect([isSharing("it is hush!", "hush"), isSharing("hus h", "hush"), isSharing("", "hush"), isSharing("x", "")]).toEqual([true, false, false, false]); // prettier-ignore
  expect(isSharing("12345 12345", "0012345600")).toBe(false);
});

test.each([
  ["https://a.example", "https://a.example/api"],
  ["https://a.example/", "https://a.example/api"],
  ["https://a.example/base//", "https://a.example/base/api"],
])("apiUrl under %s", (base, url) => expect(apiUrl(base, "/api")).toBe(url));
