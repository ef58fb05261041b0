import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, utimesSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report } from "@countersign/pipeline";
import { parsed, setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
let file: string;
let flags: readonly string[];

beforeAll(async () => {
  stage = await setStage();
  file = await stage.sign("release.tgz");
  flags = [...stage.trust, ...stage.expected];
});
afterAll(() => stage.close());

describe("allowed", () => {
  test("by path: verdict on standard error, nothing on standard output, exit code 0", async () => {
    const { code, stdout, stderr } = await stage.run(["verify", file, ...flags]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain(`allowed: ${file}\n`);
    expect(stderr).toContain(`identity  "${stage.identity}"`);
    expect(stderr).toContain(`issuer    "${stage.sigstore.url}"`);
  });

  test("by digest", async () => {
    const digest = `sha256:${createHash("sha256").update("hello").digest("hex")}`;
    const outcome = await stage.run(["verify", digest, "--bundle", `${file}.sigstore.json`, ...flags]);
    expect(outcome).toMatchObject({ code: 0, stdout: "" });
  });

  test("-q says nothing, -v says every check", async () => {
    expect(await stage.run(["verify", file, ...flags, "-q"])).toEqual({ code: 0, stdout: "", stderr: "" });
    const { stderr } = await stage.run(["verify", file, ...flags, "-v"]);
    for (const name of ["signature", "log-entry[0]", "timestamp[0]", "certificate-chain", "sct[0]"])
      expect(stderr).toContain(`passed  ${name}`);
  });

  test("--json: the whole report as one object", async () => {
    const outcome = await stage.run(["verify", file, ...flags, "--json", "-q"]);
    const report = parsed(outcome) as unknown as Report;
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(report).toMatchObject({
      schema: "countersign.report/v1",
      decision: { verdict: "allowed" },
      artifact: { name: file },
    });
    expect(report.evidence[0]?.checks.length).toBeGreaterThan(5);
    expect(report.evidence[0]?.checks.every((check) => check.result === "passed")).toBe(true);
  });

  test("by pattern, which must match the whole", async () => {
    const pattern = (identity: string): string[] => [
      "verify",
      file,
      ...stage.trust,
      "--certificate-identity-regexp",
      identity,
      "--certificate-oidc-issuer-regexp",
      "http://127\\.0\\.0\\.1:\\d+",
    ];
    expect(await stage.run(pattern(".*@example\\.com"))).toMatchObject({ code: 0 });
    expect(await stage.run(pattern("@example\\.com"))).toMatchObject({ code: 1 });
    expect(await stage.run(pattern("("))).toMatchObject({ code: 2 });
  });

  test("with everything from the environment", async () => {
    const env = {
      COUNTERSIGN_TRUSTED_ROOT: stage.path("sigstore/trusted_root.json"),
      COUNTERSIGN_CERTIFICATE_IDENTITY: stage.identity,
      COUNTERSIGN_CERTIFICATE_OIDC_ISSUER: stage.sigstore.url,
      COUNTERSIGN_QUIET: "1",
    };
    expect(await stage.run(["verify", file], { env })).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("verify-blob as cosign spells it", async () => {
    const argv = [
      "verify-blob",
      `--bundle=${file}.sigstore.json`,
      "--new-bundle-format=true",
      "--offline=true",
      ...flags,
      file,
    ];
    const { code, stderr } = await stage.run(argv);
    expect(code).toBe(0);
    expect(stderr).toContain("note: without effect: --new-bundle-format");
  });
});

describe("refused", () => {
  test("a changed file: the reason, each failed check, a hint; exit code 1", async () => {
    const tampered = stage.write("tampered.tgz", "hellp");
    const { code, stdout, stderr } = await stage.run([
      "verify",
      tampered,
      "--bundle",
      `${file}.sigstore.json`,
      ...flags,
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^countersign: error: refused: .*\[SIGSTORE_ARTIFACT_MISMATCH\]$/m);
    expect(stderr).toMatch(/^ {4}failed {2}signature: /m);
    expect(stderr).toMatch(/^countersign: hint: /m);
  });

  test("another identity, with -q and as JSON", async () => {
    const argv = [
      "verify",
      file,
      ...stage.trust,
      "--certificate-identity",
      "releases@example.co",
      "--certificate-oidc-issuer",
      stage.sigstore.url,
    ];
    const outcome = await stage.run([...argv, "-q", "--json"]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("POLICY_IDENTITY_MISMATCH");
    expect(parsed(outcome)).toMatchObject({ decision: { verdict: "refused", code: "POLICY_IDENTITY_MISMATCH" } });
  });

  test("an unreadable bundle is a report too", async () => {
    const broken = stage.write("broken.json", '{"mediaType": 1}');
    const outcome = await stage.run(["verify", file, "--bundle", broken, ...flags, "--json"]);
    expect(outcome.code).toBe(1);
    expect(parsed(outcome)).toMatchObject({
      schema: "countersign.report/v1",
      decision: { verdict: "refused" },
      evidence: [{ source: broken, checks: [{ name: "bundle", result: "failed" }] }],
    });
  });

  test("under the built-in trust root, which knows no log of ours", async () => {
    expect(await stage.run(["verify", file, ...stage.expected])).toMatchObject({ code: 1 });
  });

  test("a trust root older than --max-trust-age", async () => {
    const old = stage.path("old_root.json");
    copyFileSync(stage.path("sigstore/trusted_root.json"), old);
    utimesSync(old, new Date("2020-01-01T00:00:00Z"), new Date("2020-01-01T00:00:00Z"));
    const argv = ["verify", file, "--trusted-root", old, ...stage.expected];
    expect(await stage.run([...argv, "--max-trust-age", "90"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("PIPELINE_TRUST_STALE") as string,
    });
    expect(await stage.run(argv)).toMatchObject({ code: 0, stderr: expect.stringContaining("warning: ") as string });
  });

  test("hostile names in a bundle cannot write to the terminal", async () => {
    const text = textOf(`${file}.sigstore.json`).replace("application/", "\\u001b[2Japplication/");
    const { stderr } = await stage.run(["verify", file, "--bundle", stage.write("escape.json", text), ...flags]);
    expect(stderr).not.toContain("\u001b");
  });
});

describe("S3: wrong usage", () => {
  test("no identity for a keyless bundle names inspect", async () => {
    const { code, stderr } = await stage.run(["verify", file, ...stage.trust]);
    expect(code).toBe(2);
    expect(stderr).toContain("CLI_IDENTITY_MISSING");
    expect(stderr).toContain(`countersign inspect ${file}.sigstore.json`);
    expect(stderr).not.toContain(stage.identity);
  });

  test.each([["--certificate-identity"], ["--certificate-oidc-issuer"]])("only %s", async (flag) => {
    const outcome = await stage.run(["verify", file, ...stage.trust, flag, "https://x.example"]);
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_IDENTITY_INCOMPLETE") as string });
  });

  test("--key with a certificate's bundle, and an identity with a key's", async () => {
    const key = stage.makeKey("usage");
    expect(await stage.run(["verify", file, ...stage.trust, "--key", key.public])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_KEY_FOR_CERTIFICATE") as string,
    });
    const other = stage.write("keyed.bin", "x");
    await stage.run(["sign", other, "--key", key.secret, ...stage.signing]);
    expect(await stage.run(["verify", other, ...flags])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_IDENTITY_FOR_KEY") as string,
    });
  });

  test("a private key where the public one belongs, and what is no key", async () => {
    const key = stage.makeKey("private");
    expect(await stage.run(["verify", file, "--key", key.secret])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_KEY_PRIVATE") as string,
    });
    for (const content of ["not a key", new Uint8Array([0xff, 0xfe, 0x00])]) {
      const path = stage.write("no.key", content);
      expect(await stage.run(["verify", file, "--key", path])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("CLI_KEY_UNUSABLE") as string,
      });
    }
  });

  test("--danger-no-log without --key", async () => {
    expect(await stage.run(["verify", file, ...flags, "--danger-no-log"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_OPTION_CONFLICT") as string,
    });
  });

  test.each([["-"], [`sha256:${"0".repeat(64)}`]])("%s without --bundle", async (operand) => {
    expect(await stage.run(["verify", operand, ...flags])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_BUNDLE_NEEDED") as string,
    });
  });

  test("a digest the algorithm cannot use (S25)", async () => {
    const digest = `sha512:${createHash("sha512").update("hello").digest("hex")}`;
    const { code, stderr } = await stage.run(["verify", digest, "--bundle", `${file}.sigstore.json`, ...flags]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain("countersign: error: ");
  });
});

describe("files that cannot be had", () => {
  test.each([
    { what: "the artifact", argv: ["nothing.tgz", "--bundle", "BUNDLE"], code: 2, says: "CLI_FILE_MISSING" },
    { what: "a directory as artifact", argv: [".", "--bundle", "BUNDLE"], code: 2, says: "CLI_FILE_DIRECTORY" },
    { what: "a directory without a bundle", argv: ["."], code: 2, says: "CLI_FILE_DIRECTORY" },
    { what: "the artifact, nor a bundle beside it", argv: ["nothing.tgz"], code: 2, says: "CLI_FILE_MISSING" },
    { what: "the bundle beside it", argv: ["token.jwt"], code: 2, says: "CLI_BUNDLE_MISSING" },
    { what: "the bundle given", argv: ["token.jwt", "--bundle", "nothing.json"], code: 2, says: "CLI_FILE_MISSING" },
    { what: "a directory as bundle", argv: ["token.jwt", "--bundle", "."], code: 2, says: "CLI_FILE_DIRECTORY" },
  ])("$what", async ({ argv, code, says }) => {
    const words = argv.map((word) =>
      word === "BUNDLE" ? `${file}.sigstore.json` : word.startsWith("--") ? word : stage.path(word),
    );
    const outcome = await stage.run(["verify", ...words, ...flags, "--json"]);
    expect(outcome.code).toBe(code);
    expect(outcome.stderr).toContain(says);
    expect(parsed(outcome)).toMatchObject({ schema: "countersign.failure/v1", error: { code: says }, exitCode: code });
  });

  test("a bundle far too large", async () => {
    const huge = stage.write("huge.json", new Uint8Array(16 * 1024 * 1024 + 1));
    expect(await stage.run(["verify", file, "--bundle", huge, ...flags])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_FILE_TOO_LARGE") as string,
    });
  });

  test.skipIf(process.getuid?.() === 0)("a file without permission", async () => {
    const locked = stage.write("locked.json", "{}");
    chmodSync(locked, 0);
    expect(await stage.run(["verify", file, "--bundle", locked, ...flags])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("CLI_FILE_UNREADABLE") as string,
    });
  });
});
