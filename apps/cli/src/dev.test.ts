import { mkdirSync, utimesSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkService } from "./online.ts";
import { parsed, setStage, type Stage } from "./stage.ts";

let stage: Stage;
let dir: string;
beforeAll(async () => {
  stage = await setStage();
  dir = stage.path("sigstore");
  stage.write("sigstore/dev.json", JSON.stringify({ url: stage.sigstore.url }));
});
afterAll(() => stage.close());

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as Record<string, unknown>;
}

describe("dev token", () => {
  test.each([
    { argv: ["--email", "me@example.com"], claim: { email: "me@example.com" } },
    { argv: ["--subject", "https://ci.example/1"], claim: { sub: "https://ci.example/1" } },
    { argv: ["--github", "acme/app"], claim: { repository: "acme/app" } },
    { argv: ["--email", "me@example.com", "--audience", "other"], claim: { aud: "other" } },
  ])("$argv", async ({ argv, claim }) => {
    const { code, stdout } = await stage.run(["dev", "token", "--dir", dir, ...argv]);
    expect(code).toBe(0);
    expect(claimsOf(stdout)).toMatchObject(claim);
  });

  test("as JSON, and from the default folder", async () => {
    stage.write("sigstore/dev.json", JSON.stringify({ url: stage.sigstore.url }));
    const outcome = await stage.run(["dev", "token", "--dir", dir, "--email", "me@example.com", "--json"]);
    expect(parsed(outcome)).toMatchObject({ schema: "countersign.token/v1" });
    const env = { XDG_STATE_HOME: stage.path("no-state") };
    expect(await stage.run(["dev", "token", "--email", "me@example.com"], { env })).toMatchObject({ code: 2 });
  });

  test("for nobody is wrong usage", async () => {
    expect(await stage.run(["dev", "token", "--dir", dir])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_SUBJECT_MISSING") as string,
    });
  });

  test("of a Sigstore that is not there", async () => {
    const gone = stage.path("gone");
    expect(await stage.run(["dev", "token", "--dir", gone, "--email", "x"])).toMatchObject({ code: 2 });
    stage.write("dev.json", JSON.stringify({ url: "http://127.0.0.1:1" }));
    expect(await stage.run(["dev", "token", "--dir", stage.folder, "--email", "x"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_DEV_NOT_RUNNING") as string,
    });
  });
});

describe("dev fault", () => {
  test("sets, shows and forgets faults", async () => {
    expect(await stage.run(["dev", "fault", "--dir", dir, "rekor", "status"])).toMatchObject({ code: 0 });
    expect(stage.sigstore.faults.list()).toMatchObject([{ service: "rekor", fault: { kind: "status", status: 500 } }]);
    expect((await stage.run(["dev", "fault", "--dir", dir])).stdout).toContain("rekor");
    expect(parsed(await stage.run(["dev", "fault", "--dir", dir, "--json"]))).toMatchObject({
      schema: "countersign.faults/v1",
      faults: [{ service: "rekor" }],
    });
    expect(await stage.run(["dev", "fault", "--dir", dir, "none", "--json"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"faults": []') as string,
    });
    expect(stage.sigstore.faults.list()).toEqual([]);
  });

  test("one that does not exist", async () => {
    expect(await stage.run(["dev", "fault", "--dir", dir, "rekor", "earthquake"])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("CLI_DEV_REFUSED") as string,
    });
  });
});

describe("doctor", () => {
  test("a healthy machine", async () => {
    const outcome = await stage.run(["doctor", "--json"], { env: { SIGSTORE_ID_TOKEN: "x" } });
    expect(outcome.code).toBe(0);
    expect(parsed(outcome)).toMatchObject({ schema: "countersign.doctor/v1", healthy: true });
    const { checks } = parsed(outcome) as { checks: { name: string }[] };
    expect(checks.map((check) => check.name)).toEqual(
      expect.arrayContaining([
        "node",
        "clock",
        "trust root public-good",
        "proxy",
        "TLS",
        "identity token",
        "working folder",
      ]),
    );
  });

  test.each([
    {
      name: "a clock before the trust root",
      options: { now: new Date("2001-01-01T00:00:00Z") },
      code: 3,
      says: /^bad {2}clock/m,
    },
    {
      name: "a clock decades ahead",
      options: { now: new Date("2099-01-01T00:00:00Z") },
      code: 3,
      says: /^bad {2}clock/m,
    },
    {
      name: "an old trust root",
      options: { now: new Date("2028-01-01T00:00:00Z") },
      code: 0,
      says: /^note trust root public-good/m,
    },
    {
      name: "TLS switched off",
      options: { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } },
      code: 3,
      says: /^bad {2}TLS/m,
    },
    {
      name: "a proxy",
      options: { env: { HTTPS_PROXY: "http://secret@proxy" } },
      code: 0,
      says: /^note proxy: .*\$HTTPS_PROXY/m,
    },
    {
      name: "a proxy that cannot be asked",
      options: { env: { HTTPS_PROXY: "socks5://secret@proxy:1" } },
      code: 3,
      says: /^bad {2}proxy: .*\$HTTPS_PROXY.*\n {5}hint: /m,
    },
    {
      name: "authorities that cannot be read",
      options: { env: { SSL_CERT_FILE: import.meta.dirname } },
      code: 3,
      says: /^bad {2}TLS: .*\$SSL_CERT_FILE/m,
    },
    { name: "authorities", options: { env: { NODE_EXTRA_CA_CERTS: "/x" } }, code: 0, says: /^note TLS/m },
    {
      name: "GitHub Actions with a token",
      options: { env: { ACTIONS_ID_TOKEN_REQUEST_URL: "u", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "secret" } },
      code: 0,
      says: /^good identity token/m,
    },
    { name: "GitHub Actions without", options: { env: { GITHUB_ACTIONS: "true" } }, code: 0, says: /id-token: write/ },
  ])("$name", async ({ options, code, says }) => {
    const outcome = await stage.run(["doctor"], options);
    expect(outcome.stdout).toMatch(says);
    expect(outcome.stdout).not.toContain("secret");
    expect(outcome.code).toBe(code);
  });

  test("the trust root that verify uses: an update, unless the built-in one is newer", async () => {
    const home = stage.path("data");
    mkdirSync(stage.path("data/countersign/trust/staging"), { recursive: true });
    const file = stage.write("data/countersign/trust/staging/trusted_root.json", "{}");
    const run = () => stage.run(["doctor"], { env: { XDG_DATA_HOME: home, LOCALAPPDATA: home } });
    const { stdout } = await run();
    expect(stdout).toMatch(/^good trust root public-good: built in/m);
    expect(stdout).toMatch(
      /^good trust root staging: of countersign trust update, in ".*trusted_root.json", 0 days old/m,
    );
    utimesSync(file, 0, 0);
    expect((await run()).stdout).toMatch(/^good trust root staging: built in/m);
  });

  test("--online asks a service whether it answers", async () => {
    const server = createServer((_, answer) => answer.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await checkService({ url })).toMatchObject({ result: "good" });
    server.closeAllConnections();
    server.close();
    expect(await checkService({ url: "http://127.0.0.1:1" })).toMatchObject({ result: "bad" });
  });
});

test("dev up where a file is in the directory's place", async () => {
  const file = stage.write("no-directory", "x");
  for (const directory of [file, `${file}/below`])
    expect(await stage.run(["dev", "up", "--dir", directory])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("[CLI_FILE_") as string,
    });
});
