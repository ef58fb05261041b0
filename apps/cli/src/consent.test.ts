import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkConsent, publicHosts } from "./consent.ts";
import { setStage, type Stage } from "./stage.ts";
import { openTerminal } from "./terminal.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

describe("consent", () => {
  test("into a public log, with nobody to ask: says which, and asks for --yes; nothing is sent", async () => {
    const file = stage.write("public", "x");
    const { code, stdout, stderr } = await stage.run(["sign", file, "--identity-token", stage.path("token.jwt")]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^countersign: note: signing publishes .* at \S*sigstore\.dev, for ever$/m);
    expect(stderr).toContain("CLI_CONSENT_NEEDED");
    expect(stderr).toContain("--yes");
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });

  test("a person who says no", async () => {
    const file = stage.write("refused", "x");
    const outcome = await stage.run(["sign", file, "--identity-token", stage.path("token.jwt")], { answer: "n" });
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_CONSENT_REFUSED") as string });
  });

  test.each(["GITHUB_ACTIONS", "GITLAB_CI", "CI"])("a job with a terminal, $%s, is not kept waiting", async (name) => {
    const file = stage.write("job", "x");
    const argv = ["sign", file, "--identity-token", stage.path("token.jwt")];
    const outcome = await stage.run(argv, { answer: "y", env: { [name]: "true" } });
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_CONSENT_NEEDED") as string });
  });

  test.each([
    { name: "a person who says yes", options: {}, answer: "Yes\n" },
    { name: "--yes", options: { yes: true }, answer: undefined },
  ] as const)("$name", async ({ options, answer }) => {
    const said: string[] = [];
    const terminal = {
      ...openTerminal(),
      env: {},
      err: (text: string) => void said.push(text),
      canAsk: answer !== undefined,
      ask: () => Promise.resolve(answer ?? ""),
    };
    await checkConsent({ hosts: ["rekor.sigstore.dev"] }, options, terminal);
    expect(said.join("")).toContain("rekor.sigstore.dev");
  });

  test("only logs of public instances count", () => {
    expect(
      publicHosts([
        "https://rekor.sigstore.dev",
        "https://log2025-1.rekor.sigstore.dev/x",
        "http://127.0.0.1:1",
        "https://sigstore.dev.example",
        "https://mysigstore.dev",
        "https://REKOR.sigstore.dev.:443",
        "https://log2025-alpha3.rekor.sigstage.dev",
      ]),
    ).toEqual([
      "rekor.sigstore.dev",
      "log2025-1.rekor.sigstore.dev",
      "rekor.sigstore.dev.",
      "log2025-alpha3.rekor.sigstage.dev",
    ]);
  });

  test("a log of one's own asks nothing", async () => {
    const { stderr } = await stage.run([
      "sign",
      stage.write("private", "x"),
      "--identity-token",
      stage.path("token.jwt"),
      ...stage.signing,
    ]);
    expect(stderr).not.toContain("publish");
  });
});
