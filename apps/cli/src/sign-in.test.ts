import { chmodSync, existsSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasBrowser } from "./browser.node.ts";
import { findCi } from "./ci.ts";
import { startTokenEndpoint, type TokenEndpoint } from "./token-endpoint.contract.ts";
import { setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
let browser: string;
beforeAll(async () => {
  stage = await setStage();
  browser = makeBrowser("browser", "");
});
afterEach(() => stage.sigstore.faults.clear());
afterAll(() => stage.close());

/** A browser and the person before it: opens the page, types a name, and goes where it is sent. */
function makeBrowser(name: string, change: string): string {
  const script = `#!${process.execPath}
const url = new URL(process.argv[2].replace("/auth?", "/auth/login?"));
url.searchParams.set("email", "ada@example.com");
${change}
fetch(url).then((answer) => answer.text());
`;
  const path = stage.write(`${name}.mjs`, script);
  chmodSync(path, 0o755);
  return path;
}

const sign = (file: string, env: Record<string, string>, ...argv: string[]): ReturnType<Stage["run"]> =>
  stage.run(["sign", file, ...argv, ...stage.signing], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    answer: "y",
  });

const verify = (file: string): ReturnType<Stage["run"]> =>
  stage.run([
    "verify",
    file,
    ...stage.trust,
    "--certificate-oidc-issuer",
    stage.sigstore.url,
    "--certificate-identity",
    "ada@example.com",
  ]);

describe("a person with a browser", () => {
  test("signs in there, once for several files", async () => {
    const files = [stage.write("a.txt", "a"), stage.write("b.txt", "b")];
    const outcome = await stage.run(["sign", ...files, ...stage.signing], { env: { BROWSER: browser }, answer: "y" });
    expect(outcome).toMatchObject({ code: 0, stdout: "" });
    expect(outcome.stderr.match(/sign in in the browser/g)).toHaveLength(1);
    // Whole, however long it is: somebody may have to copy it.
    expect(outcome.stderr).toMatch(/go to http:\S+&code_challenge=[\w-]{43}&code_challenge_method=S256$/m);
    expect(outcome.stderr).not.toMatch(/eyJ[\w-]*\.eyJ/);
    for (const file of files) expect(await verify(file)).toMatchObject({ code: 0 });
  });

  test.each([
    ["denied", "SIGSTORE_LOGIN_DENIED", 2],
    ["wrong-state", "SIGSTORE_LOGIN_STATE", 1],
    ["wrong-response-issuer", "SIGSTORE_ISSUER_MISMATCH", 1],
    ["wrong-metadata", "SIGSTORE_ISSUER_MISMATCH", 1],
    ["wrong-nonce", "SIGSTORE_TOKEN_NONCE", 1],
    ["wrong-audience", "SIGSTORE_TOKEN_AUDIENCE", 2],
    ["wrong-client", "SIGSTORE_LOGIN_REFUSED", 1],
    ["expired", "SIGSTORE_TOKEN_EXPIRED", 2],
  ] as const)("%s: %s, nothing is written, no secret is said", async (kind, error, code) => {
    stage.sigstore.faults.set("oidc", { kind, times: 1 });
    const file = stage.write(`${kind}.txt`, "x");
    const outcome = await sign(file, { BROWSER: browser }, "--json", "--debug");
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(error) as string });
    expect(outcome.stdout + outcome.stderr).not.toMatch(/eyJ[\w-]*\.eyJ/);
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });

  test("a page that somebody else opens in the browser ends the sign-in", async () => {
    const forging = makeBrowser(
      "forging",
      `const back = new URL(url.searchParams.get("redirect_uri"));
       back.searchParams.set("state", "guessed");
       back.searchParams.set("code", "injected");
       await fetch(back);`,
    );
    const outcome = await sign(stage.write("forged.txt", "x"), { BROWSER: forging });
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining("SIGSTORE_LOGIN_STATE") as string });
  });

  test("comes back to the address that the issuer has registered, also where no browser is seen", async () => {
    const file = stage.write("registered.txt", "x");
    const redirect = "http://localhost:0/auth/callback";
    const outcome = await sign(file, { BROWSER: browser }, "--oidc-redirect-url", redirect);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).toMatch(/redirect_uri=http%3A%2F%2Flocalhost%3A\d+%2Fauth%2Fcallback/);
    for (const [argv, code] of [
      [["--oidc-redirect-url", "https://signer.example/callback"], "CLI_OPTION_VALUE"],
      [["--oidc-redirect-url", redirect, "--oidc-flow", "device"], "CLI_OPTION_CONFLICT"],
    ] as const) {
      const refused = await sign(stage.write("unregistered.txt", "x"), {}, ...argv);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(code) as string });
    }
  });

  test("another issuer than the instance's, and one that is none", async () => {
    const outcome = await sign(
      stage.write("issuer.txt", "x"),
      { BROWSER: browser },
      "--oidc-issuer",
      "http://issuer.example",
    );
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("SIGSTORE_ISSUER_URL") as string });
  });
});

describe("a person without a browser", () => {
  test("signs in elsewhere with a code", async () => {
    const file = stage.write("device.txt", "x");
    const { fetch: original } = globalThis;
    // Whoever reads the terminal: approves as soon as the device has asked for a code. The pause is one second, not five.
    globalThis.fetch = async (input, init) => {
      const response = await original(input, init);
      if (typeof input !== "string" || !input.endsWith("/device/code")) return response;
      const answer = (await response.json()) as { readonly user_code: string };
      await original(`${stage.sigstore.url}/device/approve?user_code=${answer.user_code}&email=ada@example.com`);
      return Response.json({ ...answer, interval: 1 });
    };
    try {
      const outcome = await sign(file, {});
      expect(outcome).toMatchObject({ code: 0, stdout: "" });
      expect(outcome.stderr).toMatch(/to sign in, open http:\S+\/device and type [0-9A-F]{8} within 5 minutes/);
      expect(await verify(file)).toMatchObject({ code: 0 });
    } finally {
      globalThis.fetch = original;
    }
  });

  test.each([
    [{ BROWSER: "firefox" }, "linux", true],
    [{ DISPLAY: ":0" }, "linux", true],
    [{ WAYLAND_DISPLAY: "wayland-0" }, "linux", true],
    [{}, "linux", false],
    [{ DISPLAY: ":0", SSH_CONNECTION: "x" }, "linux", false],
    [{}, "darwin", true],
    [{ SSH_TTY: "/dev/pts/0" }, "darwin", false],
    [{}, "win32", true],
  ] as const)("%j on %s: %s", (env, platform, has) => expect(hasBrowser(env, platform)).toBe(has));
});

describe("in CI", () => {
  let endpoint: TokenEndpoint;
  beforeAll(async () => {
    endpoint = await startTokenEndpoint((audience) => stage.sigstore.token({ email: "ada@example.com", audience }));
  });
  afterAll(() => endpoint.close());

  test("GitHub: the token is fetched, and not by anybody's hand", async () => {
    const file = stage.write("github.txt", "x");
    const outcome = await stage.run(["sign", file, ...stage.signing], {
      env: { GITHUB_ACTIONS: "true", CI: "true", ...endpoint.variables },
    });
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).not.toMatch(/eyJ[\w-]*\.eyJ/);
    expect(await verify(file)).toMatchObject({ code: 0 });
  });

  test("GitHub refuses, with the token for another audience, or one that has ended: nothing is written", async () => {
    const file = stage.write("github-bad.txt", "x");
    const env = { GITHUB_ACTIONS: "true", CI: "true", ...endpoint.variables };
    const wrong = await stage.run(["sign", file, ...stage.signing], {
      env: { ...env, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "wrong" },
    });
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("SIGSTORE_HTTP_REFUSED") as string });
    stage.sigstore.faults.set("oidc", { kind: "expired", times: 1 });
    const ended = await stage.run(["sign", file, ...stage.signing], { env });
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("SIGSTORE_TOKEN_EXPIRED") as string });
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });

  test("CircleCI: the organisation's token is for another audience, and the hint says so", async () => {
    const token = await stage.sigstore.token({ email: "ada@example.com", audience: "org-id" });
    const env = { CIRCLECI: "true", CIRCLE_OIDC_TOKEN_V2: token, PATH: stage.folder };
    const outcome = await stage.run(["sign", stage.write("circle.txt", "x"), ...stage.signing], { env });
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("SIGSTORE_TOKEN_AUDIENCE") as string });
  });

  test("Buildkite: from its agent", async () => {
    const agent = stage.write(
      "buildkite-agent",
      `#!/bin/sh\n[ "$*" = "oidc request-token --audience sigstore" ] && cat '${stage.path("token.jwt")}'\n`,
    );
    chmodSync(agent, 0o755);
    const env = { BUILDKITE: "true", BUILDKITE_AGENT_ACCESS_TOKEN: "x", PATH: `${stage.folder}:/bin:/usr/bin` };
    expect(await stage.run(["sign", stage.write("buildkite.txt", "x"), ...stage.signing], { env })).toMatchObject({
      code: 0,
    });
  });

  test.each([
    [{ GITHUB_ACTIONS: "true" }, "permissions: { id-token: write"],
    [{ GITLAB_CI: "true" }, "id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }"],
    [{ CIRCLECI: "true" }, "Pass secrets to builds from forked pull requests"],
    [{ BUILDKITE: "true" }, "{ propagate-environment: true, mount-buildkite-agent: true }"],
    [{ JENKINS_URL: "https://jenkins.example" }, "SIGSTORE_ID_TOKEN"],
    [{ CI: "true" }, "SIGSTORE_ID_TOKEN"],
  ])("%j: nobody is asked, though there is a terminal and a browser; the line to add is printed", async (env, line) => {
    const file = stage.write("ci.txt", "x");
    const outcome = await stage.run(["sign", file, ...stage.signing], {
      env: { ...env, BROWSER: browser },
      answer: "y",
    });
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_TOKEN_MISSING") as string });
    expect(outcome.stderr).toContain(line);
    expect(outcome.stderr).not.toContain("sign in");
    const asked = await stage.run(["sign", file, "--oidc-flow", "device", ...stage.signing], { env, answer: "y" });
    expect(asked.stderr).toContain("CLI_TOKEN_MISSING");
  });

  test("what is no CI", () => {
    for (const env of [{}, { CI: "" }, { CI: "false" }, { CI: "0" }]) expect(findCi(env)).toBeUndefined();
    expect(findCi({ CI: "1" })?.name).toBe("CI");
  });
});

describe("a client that has a secret", () => {
  const client = (secret: string, ...more: readonly string[]): string[] => {
    const path = stage.write("client-secret", secret);
    return ["--oidc-client-id", "sigstore", "--oidc-client-secret-file", path, ...more];
  };

  test("signs without a person, in a CI as well", async () => {
    const files = [stage.write("bot-a.txt", "a"), stage.write("bot-b.txt", "b")];
    const argv = ["sign", ...files, "--yes", ...client("secret-of-sigstore\n"), ...stage.signing];
    const outcome = await stage.run(argv, { env: { CI: "true" } });
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).toContain('identity  "sigstore@clients.local"');
    expect(outcome.stderr).not.toContain("secret-of");
    const who = ["--certificate-identity", "sigstore@clients.local", "--certificate-oidc-issuer", stage.sigstore.url];
    for (const file of files)
      expect(await stage.run(["verify", file, ...who, ...stage.trust])).toMatchObject({ code: 0 });
  });

  test("as cosign spells it", async () => {
    const blob = (...how: readonly string[]) =>
      stage.run([
        "sign-blob",
        stage.write("bot.txt", "x"),
        "--bundle",
        stage.path("bot.json"),
        "--yes",
        ...how,
        ...stage.signing,
      ]);
    const flow = ["--fulcio-auth-flow", "client_credentials"];
    expect(await blob(...client("secret-of-sigstore"), ...flow)).toMatchObject({ code: 0 });
    expect(await blob(...flow)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--oidc-client-secret-file") as string,
    });
  });

  test.each<[string, () => string[], string, number]>([
    ["another secret", () => client("secret-of-somebody"), "SIGSTORE_LOGIN_REFUSED", 1],
    ["an empty file", () => client("\n"), "CLI_OPTION_VALUE", 2],
    ["two lines", () => client("first-line\nsecond"), "CLI_OPTION_VALUE", 2],
    ["no client", () => client("secret-of-sigstore").slice(2), "CLI_OPTION_CONFLICT", 2],
    [
      "no file",
      () => ["--oidc-client-id", "sigstore", "--oidc-client-secret-file", stage.path("nowhere")],
      "CLI_FILE_MISSING",
      2,
    ],
    [
      "a token beside it",
      () => client("secret-of-sigstore", "--identity-token", stage.path("token.jwt")),
      "CLI_USAGE",
      2,
    ],
  ])("refused with %s; the secret is not repeated, nothing is written", async (_, how, code, exit) => {
    const file = stage.write("unbot.txt", "x");
    const outcome = await stage.run(["sign", file, "--yes", ...how(), ...stage.signing]);
    expect(outcome).toMatchObject({ code: exit, stderr: expect.stringContaining(code) as string });
    expect(outcome.stdout + outcome.stderr).not.toMatch(/secret-of|first-line/);
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });

  test.each([
    ["wrong-audience", "SIGSTORE_TOKEN_AUDIENCE"],
    ["wrong-issuer", "SIGSTORE_TOKEN_ISSUER"],
  ] as const)("an issuer with %s", async (kind, code) => {
    stage.sigstore.faults.set("oidc", { kind });
    const file = stage.write("unbot.txt", "x");
    const outcome = await stage.run(["sign", file, "--yes", ...client("secret-of-sigstore"), ...stage.signing]);
    expect(outcome.stderr).toContain(code);
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });
});

describe("a token that was given", () => {
  test.each([
    ["for another audience", { audience: "npm" }, "SIGSTORE_TOKEN_AUDIENCE", "audience sigstore"],
    ["that has ended", { expiresInSeconds: -60 }, "SIGSTORE_TOKEN_EXPIRED", "fresh"],
  ])(
    "%s: its own code and hint, nothing is sent or written, and nobody is asked instead",
    async (_, request, error, hint) => {
      const file = stage.write("given.txt", "x");
      const before = stage.sigstore.rekor.tree.size();
      const token = await stage.sigstore.token({ email: "ada@example.com", ...request });
      const outcome = await sign(file, { BROWSER: browser, SIGSTORE_ID_TOKEN: token }, "--json");
      expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining(error) as string });
      expect(outcome.stderr).toMatch(new RegExp(`hint: .*${hint}`));
      expect(outcome.stdout + outcome.stderr).not.toContain(token.slice(10, 40));
      expect(stage.sigstore.rekor.tree.size()).toBe(before);
      expect(existsSync(`${file}.sigstore.json`)).toBe(false);
    },
  );
});

test("no terminal and no token: nothing is opened", async () => {
  const outcome = await stage.run(["sign", stage.write("quiet.txt", "x"), ...stage.signing], {
    env: { BROWSER: browser },
  });
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_TOKEN_MISSING") as string });
  expect(textOf(stage.path("quiet.txt"))).toBe("x");
});
