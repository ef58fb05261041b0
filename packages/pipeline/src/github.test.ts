import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseDigest } from "@countersign/core";
import type { FoundEvidence } from "@countersign/oci";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { githubLimitWaitMs, maxGithubTries, maxGithubWaitMs } from "./github-send.ts";
import { githubEvidence } from "./github.ts";
import { makeHttp } from "./http.ts";

type Answer = (response: ServerResponse) => void;

const now = new Date("2026-01-01T00:00:00Z");
const seconds = now.getTime() / 1000;
const digest = parseDigest(`sha256:${"ab".repeat(32)}`);
const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });

/** What the server answers, one after the other; the last one again and again. */
let answers: Answer[] = [];
const asked: IncomingMessage[] = [];
let server: Server;
let waits: number[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  asked.length = 0;
  waits = [];
});

const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const status =
  (number: number, headers: Record<string, string> = {}, body = ""): Answer =>
  (response) => {
    response.sendDate = false;
    response.writeHead(number, headers).end(body);
  };
const list = (...attestations: readonly object[]): Answer => status(200, {}, JSON.stringify({ attestations }));
const one = list({ bundle: { a: 1 } });

async function find(): Promise<FoundEvidence> {
  const world = {
    http: makeHttp((url, init) => fetch(url, init)),
    // oxlint-disable-next-line typescript/require-await -- as a clock would
    sleep: async (ms: number) => void waits.push(ms),
    now: () => now,
    api: new URL(origin()),
    token: "ghp_s3cret",
  };
  return await githubEvidence({ owner: "octo", repository: "app" }, world)(digest);
}

describe("limits of GitHub's API", () => {
  test.each<[string, Answer, number]>([
    ["a secondary one that says how long", status(403, { "retry-after": "7" }), 7000],
    ["the same as 429", status(429, { "retry-after": "1" }), 1000],
    [
      "the primary one, until its reset",
      status(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": `${seconds + 30}` }),
      31_000,
    ],
    [
      "the primary one, by the clock of its answer",
      status(429, {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": `${seconds + 3600}`,
        date: new Date(now.getTime() + 3_590_000).toUTCString(),
      }),
      11_000,
    ],
    ["a reset that is over", status(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" }), 1000],
    [
      "one that is told in words",
      status(403, {}, '{"message":"You have exceeded a secondary rate limit."}'),
      githubLimitWaitMs,
    ],
    ["a bare 429", status(429), githubLimitWaitMs],
  ])("%s is waited for", async (_, limit, waitMs) => {
    answers = [limit, one];
    expect(await find()).toMatchObject({ evidence: [{ layout: "github" }], problems: [] });
    expect(waits).toEqual([waitMs]);
    expect(asked).toHaveLength(2);
  });

  test.each<[string, Answer]>([
    [
      "in an hour",
      status(403, {
        "x-ratelimit-limit": "60",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": `${seconds + 3600}`,
      }),
    ],
    ["after more than the longest wait", status(429, { "retry-after": `${maxGithubWaitMs / 1000 + 1}` })],
    ["at the end of time", status(429, { "retry-after": "999999999999" })],
  ])("one that ends %s is told, not waited for", async (_, limit) => {
    answers = [limit];
    expect(await find()).toMatchObject({ evidence: [], problems: [code("PIPELINE_GITHUB_LIMIT")] });
    expect(waits).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  test("one that does not end is given up", async () => {
    answers = [status(429, { "retry-after": "1" })];
    const { problems } = await find();
    expect(problems).toEqual([code("PIPELINE_GITHUB_LIMIT")]);
    expect(problems[0]?.message).not.toContain("s3cret");
    expect(asked).toHaveLength(maxGithubTries);
  });

  test("a refusal is no limit", async () => {
    answers = [status(403, { "x-ratelimit-remaining": "59" }, '{"message":"Resource not accessible"}')];
    expect((await find()).problems).toEqual([code("PIPELINE_GITHUB_REFUSED")]);
    expect(asked).toHaveLength(1);
  });
});

test("passing troubles are passed over, and lasting ones told", async () => {
  answers = [status(502), (response) => response.destroy(), one];
  expect(await find()).toMatchObject({ evidence: [{}], problems: [] });
  expect(waits).toEqual([500, 1000]);
  answers = [status(503)];
  expect((await find()).problems).toEqual([code("PIPELINE_GITHUB_REFUSED")]);
  answers = [(response) => response.destroy()];
  expect((await find()).problems).toEqual([code("PIPELINE_HTTP_FAILED")]);
});

test("a limit on a later page, and on a bundle kept elsewhere, which is never shown the token", async () => {
  const link = { link: `<${origin()}/next>; rel="next"` };
  answers = [
    status(200, link, JSON.stringify({ attestations: [{ bundle: { a: 1 } }] })),
    status(403, { "retry-after": "2" }),
    list({ bundle: null, bundle_url: `${origin()}/blob` }),
    status(503),
    status(200, { "content-type": "application/json" }, "{}"),
  ];
  expect(await find()).toMatchObject({ evidence: [{}, {}], problems: [] });
  expect(waits).toEqual([2000, 500]);
  expect(asked.map(({ headers }) => headers.authorization !== undefined)).toEqual([true, true, true, false, false]);
});
