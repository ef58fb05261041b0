import { createHash } from "node:crypto";
import { githubActionsClaims } from "@countersign/local-sigstore";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
let file = "";
let bundle = "";
let who: readonly string[] = [];
beforeAll(async () => {
  stage = await setStage();
  file = stage.write("app", "hello");
  bundle = stage.path("app.json");
  const claims = githubActionsClaims({ repository: "octo-org/octo-app", ref: "refs/tags/v1.2.3" });
  const token = stage.write("github.jwt", await stage.sigstore.token({ claims }));
  const signed = await stage.run([
    "sign-blob",
    file,
    "--bundle",
    bundle,
    "--identity-token",
    token,
    "--yes",
    ...stage.signing,
  ]);
  if (signed.code !== 0) throw new Error(signed.stderr);
  const identity = "https://github.com/octo-org/octo-app/.github/workflows/release.yml@refs/tags/v1.2.3";
  who = ["--certificate-identity", identity, "--certificate-oidc-issuer", stage.sigstore.url, ...stage.trust];
});
afterAll(() => stage.close());

const verify = (...more: readonly string[]) => stage.run(["verify-blob", "--bundle", bundle, ...who, ...more, file]);
const codeOf = (stderr: string): string | undefined => /\[(\w+)\]/.exec(stderr)?.[1];

describe("the options of cosign's blob commands", () => {
  const workflow = [
    ["--certificate-github-workflow-trigger", "push"],
    ["--certificate-github-workflow-sha", "9f1c5a3b2d4e6f708192a3b4c5d6e7f801234567"],
    ["--certificate-github-workflow-name", "release"],
    ["--certificate-github-workflow-repository", "octo-org/octo-app"],
    ["--certificate-github-workflow-ref", "refs/tags/v1.2.3"],
  ] as const;

  test("what the GitHub workflow was: all must be as they say", async () => {
    expect(await verify(...workflow.flat())).toMatchObject({ code: 0 });
    for (const [flag, value] of workflow) {
      const outcome = await verify(flag, `${value}x`);
      expect([flag, outcome.code, codeOf(outcome.stderr)]).toEqual([flag, 1, "POLICY_EXTENSION_MISMATCH"]);
    }
  });

  test("they are about a certificate: not beside a key or a policy", async () => {
    const key = stage.makeKey("beside").public;
    const argv = ["verify-blob", "--bundle", bundle, "--key", key, "--certificate-github-workflow-ref", "x", file];
    expect(await stage.run(argv)).toMatchObject({ code: 2 });
  });

  test("--insecure-ignore-sct accepts a certificate that no CT log has seen", async () => {
    const root = JSON.parse(textOf(stage.path("sigstore/trusted_root.json"))) as object;
    const bare = ["--trusted-root", stage.write("no-ct.json", JSON.stringify({ ...root, ctlogs: [] }))];
    const expected = who.slice(0, 4);
    const run = (...more: readonly string[]) =>
      stage.run(["verify-blob", "--bundle", bundle, ...expected, ...bare, ...more, file]);
    expect(codeOf((await run()).stderr)).toBe("SIGSTORE_SCT_UNKNOWN");
    expect(await run("--insecure-ignore-sct")).toMatchObject({ code: 0 });
    const policy = stage.write("p.json", JSON.stringify({ version: "countersign.policy/v1", signers: [] }));
    const both = ["verify-blob", "--bundle", bundle, "--policy", policy, "--insecure-ignore-sct", file];
    expect(await stage.run(both)).toMatchObject({ code: 2 });
  });

  test("an instance without a log: signing says so, and --insecure-ignore-tlog or a policy takes it", async () => {
    const services = JSON.parse(textOf(stage.path("sigstore/signing_config.json"))) as object;
    const config = stage.write("no-log.json", JSON.stringify({ ...services, rekorTlogUrls: [], rekorTlogConfig: undefined })); // prettier-ignore
    const unlogged = stage.path("unlogged.json");
    const signing = ["--signing-config", config, ...stage.trust, "--identity-token", stage.path("token.jwt"), "--yes"];
    const signed = await stage.run(["sign-blob", file, "--bundle", unlogged, ...signing]);
    expect(signed).toMatchObject({ code: 0, stderr: expect.stringContaining("names no log") as string });
    const run = (...more: readonly string[]) =>
      stage.run(["verify-blob", file, "--bundle", unlogged, ...stage.trust, ...more]);
    expect(codeOf((await run(...stage.expected)).stderr)).toBe("SIGSTORE_TOO_FEW_LOG_ENTRIES");
    expect(await run(...stage.expected, "--insecure-ignore-tlog")).toMatchObject({ code: 0 });
    expect(await run(...stage.expected, "--danger-no-log")).toMatchObject({ code: 2 });
    const [, identity, , issuer] = stage.expected;
    const rules = { version: "countersign.policy/v1", signers: [{ identity, issuer }], require: { logEntries: 0 } };
    expect(await run("--policy", stage.write("no-log-policy.json", JSON.stringify(rules)))).toMatchObject({ code: 0 });
  });

  test("what has no effect is said", async () => {
    const { code, stderr } = await verify("--max-workers", "4", "--timeout", "3m", "--use-signed-timestamps");
    expect(code).toBe(0);
    expect(stderr).toContain("without effect: --max-workers");
    expect(stderr).toContain("--timeout");
  });

  test("a digest in place of a file, to attest and to verify", async () => {
    const hash = createHash("sha256").update("elsewhere").digest("hex");
    const [predicate, att] = [stage.write("p.txt", "any text"), stage.path("elsewhere.att")];
    const signing = ["--identity-token", stage.path("token.jwt"), "--bundle", att, "--yes", ...stage.signing];
    const attest = ["attest-blob", "--predicate", predicate, ...signing];
    expect(await stage.run([...attest, "--hash", hash])).toMatchObject({ code: 0 });
    expect(await stage.run(attest)).toMatchObject({ code: 2 });
    expect(await stage.run([...attest, "--hash", hash, file])).toMatchObject({ code: 2 });
    expect(await stage.run([...attest, "--hash", "xyz"])).toMatchObject({ code: 2 });
    expect(await stage.run([...attest, "--hash", `sha256:${hash}`])).toMatchObject({ code: 0 });
    const ask = ["verify-blob-attestation", "--bundle", att, ...stage.trust, ...stage.expected];
    expect(await stage.run([...ask, "--digest", hash])).toMatchObject({ code: 0 });
    expect(await stage.run([...ask, "--digest", hash, "--digestAlg", "sha256"])).toMatchObject({ code: 0 });
    expect(await stage.run([...ask, stage.write("there", "elsewhere")])).toMatchObject({ code: 0 });
    expect(await stage.run([...ask, "--digest", hash.replace(/^./, (digit) => (digit === "0" ? "1" : "0"))])).toMatchObject({ code: 1 }); // prettier-ignore
    expect(await stage.run([...ask, "--digest", hash, file])).toMatchObject({ code: 2 });
  });

  test("--fulcio-auth-flow token asks nobody, and device and normal are ours", async () => {
    const sign = [
      "sign-blob",
      stage.write("flow", "x"),
      "--bundle",
      stage.path("flow.json"),
      "--yes",
      ...stage.signing,
    ];
    const asked = await stage.run([...sign, "--fulcio-auth-flow", "token"], { answer: "y" });
    expect([asked.code, codeOf(asked.stderr)]).toEqual([2, "CLI_TOKEN_MISSING"]);
    const given = [...sign, "--fulcio-auth-flow", "token", "--identity-token", stage.path("token.jwt")];
    expect(await stage.run(given)).toMatchObject({ code: 0 });
    const both = [...sign, "--fulcio-auth-flow", "device", "--oidc-flow", "device"];
    expect(await stage.run(both)).toMatchObject({ code: 2 });
  });
});
