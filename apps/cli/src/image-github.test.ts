import { Registry } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { pushImage, startRegistry, type TestRegistry } from "@countersign/testkit";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { setStage, type Stage } from "./stage.ts";

const type = "https://example.com/predicate/v1";
const secret = "ghp_s3cretToken";

let stage: Stage;
let images: TestRegistry;
let image = "";
let digest = "";
let bundle: object = {};

/** What the server answers for a path; everything else is 404. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const answers = new Map<string, Answer>();
const asked: { path: string; authorization: string | undefined }[] = [];
const server = createServer((request, response) => {
  const path = request.url ?? "";
  asked.push({ path, authorization: request.headers.authorization });
  const answer = answers.get(path);
  if (answer === undefined) response.writeHead(404).end("{}");
  else answer(request, response);
});
const api = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  stage = await setStage();
  images = await startRegistry();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const registry = new Registry({ http: makeOciHttp(), sleep: async () => {} });
  digest = await pushImage(registry, { registry: images.host, repository: "octo/app" }, "github", "1.0");
  image = `${images.host}/octo/app:1.0`;
  const predicate = ["--type", type, "--predicate", stage.write("predicate.json", "{}")];
  const as = ["--identity-token", stage.path("token.jwt"), "--yes", ...stage.signing];
  await stage.run(["image", "attest", image, ...predicate, ...as]);
  bundle = JSON.parse((await stage.run(["image", "download", image])).stdout) as object;
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await images.close();
  await stage.close();
});
beforeEach(() => {
  answers.clear();
  asked.length = 0;
});

const first = (): string => `/repos/octo/app/attestations/${digest}?per_page=100`;
const json =
  (body: unknown, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

async function verify(env: Record<string, string> = {}, more: readonly string[] = []): ReturnType<Stage["run"]> {
  const argv = ["image", "verify-attestation", image, "--type", type, "--from", "github:octo/app"];
  return await stage.run([...argv, ...stage.expected, ...stage.trust, ...more], {
    env: { GITHUB_API_URL: api(), ...env },
  });
}

/** One literal: what any reader of the format takes. */
function snappy(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest < 128) break;
  }
  const size = bytes.length - 1;
  return Buffer.concat([Buffer.from([...head, 61 << 2, size & 255, size >> 8]), bytes]);
}

describe("image verify-attestation --from github:OWNER/REPO", () => {
  test("by digest, every page, with the token, which goes nowhere else", async () => {
    const next = `/repositories/1/attestations/${digest}?after=x`;
    answers.set(
      first(),
      json({ attestations: [{ bundle: { nonsense: 1 } }] }, { link: `<${api()}${next}>; rel="next"` }),
    );
    answers.set(next, json({ attestations: [{ bundle: null, bundle_url: `${api()}/blob/1.json.sn?sig=x` }] }));
    answers.set("/blob/1.json.sn?sig=x", (_, response) =>
      response.writeHead(200, { "content-type": "application/x-snappy" }).end(snappy(JSON.stringify(bundle))),
    );
    const outcome = await verify({ GH_TOKEN: secret, GITHUB_TOKEN: "another" }, ["--json"]);
    expect(outcome.code).toBe(0);
    expect(asked.map(({ path, authorization }) => [path, authorization])).toEqual([
      [first(), `Bearer ${secret}`],
      [next, `Bearer ${secret}`],
      ["/blob/1.json.sn?sig=x", undefined],
    ]);
    const { reports } = JSON.parse(outcome.stdout) as { reports: { images: { evidence: { layout: string }[] }[] }[] };
    expect(reports[0]?.images[0]?.evidence.map(({ layout }) => layout)).toEqual(["github", "github"]);
  });

  test("what only the registry has does not count; an attestation of another image neither", async () => {
    expect(await verify()).toMatchObject({ code: 1 });
    const statement = { ...bundle };
    answers.set(first(), json({ attestations: [{ bundle: statement }] }));
    const registry = new Registry({ http: makeOciHttp(), sleep: async () => {} });
    const other = await pushImage(registry, { registry: images.host, repository: "octo/other" }, "other", "1.0");
    answers.set(`/repos/octo/app/attestations/${other}?per_page=100`, json({ attestations: [{ bundle }] }));
    const moved = await stage.run(
      [
        "image",
        "verify-attestation",
        `${images.host}/octo/other:1.0`,
        "--type",
        type,
        "--from",
        "github:octo/app",
      ].concat(stage.expected, stage.trust),
      { env: { GITHUB_API_URL: api() } },
    );
    expect(moved.code).toBe(1);
    expect(moved.stderr).toContain("SIGSTORE_SUBJECT_MISMATCH");
    expect(await verify()).toMatchObject({ code: 0 });
  });

  test.each<[string, () => Answer, number, string]>([
    ["401", () => (_, response) => response.writeHead(401).end(), 3, "PIPELINE_GITHUB_REFUSED"],
    [
      "a redirect",
      () => (_, response) => response.writeHead(302, { location: "/x" }).end(),
      3,
      "PIPELINE_HTTP_REDIRECT",
    ],
    ["no JSON", () => (_, response) => response.writeHead(200).end("<html>"), 1, "CORE_JSON_MALFORMED"],
    ["another form", () => json({ attestations: {} }), 1, "PIPELINE_GITHUB_MALFORMED"],
    [
      "an entry of another form",
      () => json({ attestations: [{ bundle_url: "nowhere" }] }),
      1,
      "PIPELINE_GITHUB_MALFORMED",
    ],
    ["a circle", () => json({ attestations: [] }, { link: `<${api()}${first()}>; rel="next"` }), 1, "OCI_PAGE_LOOP"],
    [
      "a page elsewhere",
      () => json({ attestations: [] }, { link: '<https://evil.example.com/>; rel="next"' }),
      1,
      "OCI_ADDRESS_REFUSED",
    ],
    [
      "a bundle on a private address",
      () => json({ attestations: [{ bundle_url: "http://169.254.169.254/x" }] }),
      1,
      "OCI_ADDRESS_REFUSED",
    ],
    [
      "a bundle that is gone",
      () => json({ attestations: [{ bundle_url: `${api()}/gone` }] }),
      3,
      "PIPELINE_GITHUB_REFUSED",
    ],
    [
      "more than the limit",
      () => json({ attestations: Array.from({ length: 501 }, () => ({ bundle: {} })) }),
      1,
      "PIPELINE_GITHUB_MALFORMED",
    ],
  ])("GitHub answers with %s", async (_, answer, code, name) => {
    answers.set(first(), answer());
    const outcome = await verify({ GH_TOKEN: secret });
    expect(outcome.code).toBe(code);
    expect(outcome.stderr).toContain(name);
    expect(outcome.stderr).not.toContain("s3cret");
  });

  test("more attestations over all pages than the limit", async () => {
    const page = (next: string): Answer =>
      json(
        { attestations: Array.from({ length: 300 }, () => ({ bundle: {} })) },
        { link: `<${api()}${next}>; rel="next"` },
      );
    answers.set(first(), page("/2"));
    answers.set("/2", page("/3"));
    expect((await verify()).stderr).toContain("OCI_TOO_MANY");
  });

  test("wrong usage is said before a socket is opened, without the token", async () => {
    for (const [env, more] of [
      [{ GH_TOKEN: "s3cret\nx: y" }, []],
      [{ GITHUB_API_URL: "http://api.example.com" }, []],
      [{ GITHUB_API_URL: "https://me:pw@api.example.com" }, []],
      [{}, ["--layout", "x"]],
      [{}, ["--evidence-repository", "ghcr.io/a/b"]],
    ] as const) {
      const outcome = await verify(env, more);
      expect(outcome.code).toBe(2);
      expect(outcome.stderr).not.toContain("s3cret");
    }
    for (const from of ["octo/app", "github:octo", "github:octo/..", "github:o/a/b", "github:-o/a", "gitlab:o/a"]) {
      const outcome = await stage.run(["image", "verify", image, "--from", from, ...stage.expected]);
      expect(outcome.code).toBe(2);
      expect(outcome.stderr).toContain("PIPELINE_SOURCE_MALFORMED");
    }
    expect(asked).toEqual([]);
  });
});
