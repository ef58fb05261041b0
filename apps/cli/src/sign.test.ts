import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parsed, setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterEach(() => stage.sigstore.faults.clear());
afterAll(() => stage.close());

interface Certified {
  readonly verificationMaterial: { readonly certificate: { readonly rawBytes: string } };
}

function keyless(...operands: string[]): string[] {
  return ["sign", ...operands, "--identity-token", stage.path("token.jwt"), ...stage.signing];
}

describe("keyless", () => {
  test("several files, each with its bundle; what was signed is on standard error, in their order", async () => {
    const files = Array.from({ length: 10 }, (_, at) => stage.write(`one of ten, ${at}`, `${at}`));
    const { code, stdout, stderr } = await stage.run(keyless(...files));
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    for (const file of files) {
      expect(stderr).toContain(`signed: ${file} into ${file}.sigstore.json\n`);
      expect(await stage.run(["verify", file, ...stage.trust, ...stage.expected])).toMatchObject({ code: 0 });
    }
    expect(stderr).toContain(`identity  "${stage.identity}"`);
    const told = [...stderr.matchAll(/^signed: (.*) into /gm)].map(([, file]) => file);
    expect(told).toEqual(files);
  });

  test("--json reports each file, and one that is named twice once", async () => {
    const file = stage.write("json", "x");
    const outcome = await stage.run([...keyless(file, `${stage.folder}/./json`), "--json", "-q"]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(parsed(outcome)).toMatchObject({
      schema: "countersign.signed/v1",
      files: [{ file, bundle: `${file}.sigstore.json`, report: { decision: { verdict: "allowed" } } }],
    });
  });

  test("-o -: the bundle, and nothing else, on standard output", async () => {
    const file = stage.write("stdout", "x");
    const { code, stdout } = await stage.run([...keyless(file), "-o", "-"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ mediaType: expect.stringContaining("v0.3") as string });
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });

  test("a token from $SIGSTORE_ID_TOKEN", async () => {
    const file = stage.write("env", "x");
    const env = { SIGSTORE_ID_TOKEN: textOf(stage.path("token.jwt")) };
    expect(await stage.run(["sign", file, ...stage.signing], { env })).toMatchObject({ code: 0 });
  });

  test.each([
    ["ecdsa-sha2-384-nistp384", "secp384r1"],
    ["ecdsa-sha2-512-nistp521", "secp521r1"],
    ["rsa-sign-pkcs1-2048-sha256", 2048],
    ["rsa-sign-pkcs1-3072-sha256", 3072],
    ["rsa-sign-pkcs1-4096-sha256", 4096],
  ])("--signing-algorithm %s: the certificate is for such a key, and both accept it", async (name, size) => {
    const file = stage.write(`by ${name}`, "x");
    expect(await stage.run([...keyless(file), "--signing-algorithm", name])).toMatchObject({ code: 0 });
    const { verificationMaterial } = JSON.parse(textOf(`${file}.sigstore.json`)) as Certified;
    const { publicKey } = new X509Certificate(Buffer.from(verificationMaterial.certificate.rawBytes, "base64"));
    const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {};
    expect(namedCurve ?? modulusLength).toBe(size);
    const verify = ["verify", file, ...stage.trust, ...stage.expected, "--second-opinion"];
    expect(await stage.run(verify)).toMatchObject({ code: 0 });
  });

  test("--signing-algorithm is not for keys that are there, and takes no other name", async () => {
    const file = stage.write("unmade", "x");
    const beside = [
      "sign",
      file,
      "--key",
      stage.makeKey("beside").secret,
      "--signing-algorithm",
      "ecdsa-sha2-384-nistp384",
    ];
    expect(await stage.run(beside)).toMatchObject({ code: 2 });
    expect(await stage.run([...keyless(file), "--signing-algorithm", "md5"])).toMatchObject({ code: 2 });
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });

  test("--trust-config: a trusted root and a signing config in one file, to sign and to verify", async () => {
    const read = (name: string): unknown => JSON.parse(textOf(stage.path(`sigstore/${name}.json`)));
    const whole = {
      mediaType: "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
      trustedRoot: read("trusted_root"),
      signingConfig: read("signing_config"),
    };
    const config = stage.write("trust_config.json", JSON.stringify(whole, null, 2));
    const file = stage.write("configured", "x");
    const sign = ["sign", file, "--identity-token", stage.path("token.jwt"), "--trust-config", config];
    expect(await stage.run(sign)).toMatchObject({ code: 0 });
    const verify = ["verify", file, ...stage.expected, "--trust-config"];
    expect(await stage.run([...verify, config, "--second-opinion"])).toMatchObject({ code: 0 });
    expect(await stage.run([...verify, config, ...stage.trust])).toMatchObject({ code: 2 });
    const broken = stage.write("broken_config.json", JSON.stringify({ ...whole, signingConfig: 1 }));
    const outcome = await stage.run([...verify, broken]);
    expect([outcome.code, outcome.stderr.includes("[SIGSTORE_TRUST_CONFIG_MALFORMED]")]).toEqual([1, true]);
    const over = await stage.run([...sign, "-o", config]);
    expect([over.code, textOf(config)]).toEqual([2, JSON.stringify(whole, null, 2)]);
  });

  test("sign-blob as cosign spells it", async () => {
    const file = stage.write("blob", "x");
    const argv = [
      "sign-blob",
      `--bundle=${stage.path("blob.bundle")}`,
      file,
      "--yes=true",
      "--new-bundle-format",
      "--use-signing-config=true",
    ];
    const outcome = await stage.run([...argv, "--identity-token", stage.path("token.jwt"), ...stage.signing]);
    expect(outcome).toMatchObject({ code: 0, stdout: "" });
    expect(existsSync(stage.path("blob.bundle"))).toBe(true);
  });
});

describe("cosign's way to say no", () => {
  const sizeOfLog = (): string | undefined => stage.sigstore.rekor.checkpoint().split("\n")[1];

  test("--tlog-upload=false keeps out of the log, and needs a key", async () => {
    const file = stage.write("not-logged", "x");
    const key = stage.makeKey("no-upload");
    const before = sizeOfLog();
    const argv = ["sign-blob", file, "--yes", "--tlog-upload=false", "--use-signing-config=false", ...stage.signing];
    expect(await stage.run([...argv, "--key", key.secret])).toMatchObject({ code: 0 });
    expect(textOf(`${file}.sigstore.json`)).not.toContain("tlogEntries");
    expect(await stage.run([...argv, "--identity-token", stage.path("token.jwt")])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_OPTION_CONFLICT") as string,
    });
    expect(sizeOfLog()).toBe(before);
    const logged = ["sign-blob", file, "--tlog-upload=true", "--key", key.secret, ...stage.signing];
    expect(await stage.run(logged)).toMatchObject({ code: 0 });
    expect(sizeOfLog()).not.toBe(before);
  });

  test.each(["--unheard-of=false", "--unheard-of=true", "--new-bundle-format=false", "--identity-token=false"])(
    "%s is not passed over",
    async (word) => {
      const argv = ["sign-blob", stage.write("said-no", "x"), "--yes", word, ...stage.signing];
      expect(await stage.run(argv, { env: { SIGSTORE_ID_TOKEN: "" } })).toMatchObject({ code: 2 });
      expect(existsSync(stage.path("said-no.sigstore.json"))).toBe(false);
    },
  );
});

describe("with a key", () => {
  test("and a log", async () => {
    const file = stage.write("keyed", "x");
    const key = stage.makeKey("k1");
    expect(await stage.run(["sign", file, "--key", key.secret, ...stage.signing])).toMatchObject({ code: 0 });
    expect(await stage.run(["verify", file, "--key", key.public, ...stage.trust])).toMatchObject({ code: 0 });
    const other = stage.makeKey("k2");
    expect(await stage.run(["verify", file, "--key", other.public, ...stage.trust])).toMatchObject({ code: 1 });
  });

  test.each([
    { name: "Ed25519 and a log: Ed25519ph, since logs hold digests", flags: [], algorithm: "ed25519ph" },
    { name: "Ed25519 without a log: the pure form", flags: ["--danger-no-log"], algorithm: "ed25519" },
  ])("$name", async ({ flags, algorithm }) => {
    const file = stage.write("edwards", "x");
    const key = stage.makeKey("k-ed", "ed25519");
    const services = flags.length === 0 ? stage.signing : [];
    expect(await stage.run(["sign", file, "--key", key.secret, ...services, ...flags])).toMatchObject({ code: 0 });
    const verified = await stage.run(["verify", file, "--key", key.public, "--json", ...stage.trust, ...flags]);
    expect(verified.code).toBe(0);
    expect(parsed(verified)).toMatchObject({ evidence: [{ claims: { signer: { kind: "key", algorithm } } }] });
  });

  test("without a log, which verify must be told", async () => {
    const file = stage.write("unlogged", "x");
    const key = stage.makeKey("k3");
    expect(await stage.run(["sign", file, "--key", key.secret, "--danger-no-log"])).toMatchObject({ code: 0 });
    expect(await stage.run(["verify", file, "--key", key.public])).toMatchObject({ code: 1 });
    expect(await stage.run(["verify", file, "--key", key.public, "--danger-no-log"])).toMatchObject({ code: 0 });
    expect(await stage.run(["verify-blob", file, "--key", key.public, "--insecure-ignore-tlog=true"])).toMatchObject({
      code: 0,
    });
  });
});

describe("tokens stay secret", () => {
  test.each([
    { name: "a mangled one", token: "eyJhbGciOiJFUzI1NiJ9.c2VjcmV0LXBheWxvYWQ" },
    { name: "one that is no JSON", token: "eyJhbGciOiJFUzI1NiJ9.c2VjcmV0LXBheWxvYWQ.c2lnbmF0dXJl" },
    { name: "any text", token: "hunter2-hunter2-hunter2" },
  ])("$name is refused without being repeated", async ({ token }) => {
    const file = stage.write("secret", "x");
    for (const run of [
      { argv: ["--identity-token", token], env: {} },
      { argv: [], env: { SIGSTORE_ID_TOKEN: token } },
    ]) {
      const { code, stdout, stderr } = await stage.run(
        ["sign", file, ...run.argv, ...stage.signing, "--debug", "--json"],
        { env: run.env },
      );
      expect(code).toBeGreaterThan(0);
      for (const piece of token.split(".")) expect(stdout + stderr).not.toContain(piece);
    }
  });

  test("no token at all, in CI too", async () => {
    const file = stage.write("none", "x");
    expect(await stage.run(["sign", file])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_TOKEN_MISSING") as string,
    });
    const github = await stage.run(["sign", file], { env: { GITHUB_ACTIONS: "true" } });
    expect(github.stderr).toContain("id-token: write");
    const gitlab = await stage.run(["sign", file], { env: { GITLAB_CI: "true" } });
    expect(gitlab.stderr).toContain("id_tokens");
  });

  test("a file that holds no token", async () => {
    const outcome = await stage.run([
      "sign",
      stage.write("f", "x"),
      "--identity-token",
      stage.write("not.jwt", "hello"),
    ]);
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_TOKEN_UNREADABLE") as string });
  });
});

describe("nothing is written", () => {
  test.each([
    { service: "fulcio", kind: "wrong-key" },
    { service: "fulcio", kind: "no-sct" },
    { service: "rekor", kind: "wrong-entry" },
    { service: "rekor", kind: "wrong-checkpoint" },
    { service: "tsa", kind: "wrong-hash" },
    { service: "fulcio", kind: "garbage" },
  ] as const)("S21: when $service has $kind", async ({ service, kind }) => {
    const file = stage.write(`fault-${service}-${kind}`, "x");
    stage.sigstore.faults.set(service, { kind } as never);
    const { code, stderr } = await stage.run(keyless(file));
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/^countersign: error: /m);
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });

  test("a bundle that the trust root does not allow (PIPELINE_SELF_CHECK)", async () => {
    const file = stage.write("foreign", "x");
    const argv = [
      "sign",
      file,
      "--identity-token",
      stage.path("token.jwt"),
      "--signing-config",
      stage.path("sigstore/signing_config.json"),
    ];
    expect(await stage.run(argv)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("PIPELINE_SELF_CHECK") as string,
    });
    expect(existsSync(`${file}.sigstore.json`)).toBe(false);
  });

  test("over an input or a key (CLI_OUTPUT_SECRET)", async () => {
    const file = stage.write("precious", "x");
    const key = stage.makeKey("precious");
    for (const target of [file, stage.path("token.jwt"), key.secret]) {
      const before = textOf(target);
      expect(await stage.run([...keyless(file), "--bundle", target])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("CLI_OUTPUT_SECRET") as string,
      });
      expect(textOf(target)).toBe(before);
    }
  });

  test("where it cannot be written, and no temporary file stays", async () => {
    const file = stage.write("nowhere", "x");
    const outcome = await stage.run([
      ...keyless(file),
      "--bundle",
      join(stage.folder, "no", "such", "folder", "b.json"),
    ]);
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_FILE_MISSING") as string });
    expect(readdirSync(stage.folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

test("nothing gets into the log before every file is found and the output has its place", async () => {
  const file = stage.write("found", "x");
  const size = (): string | undefined => stage.sigstore.rekor.checkpoint().split("\n")[1];
  const before = size();
  const rest = ["--identity-token", stage.path("token.jwt"), ...stage.signing];
  for (const [argv, code] of [
    [[file, stage.path("misspelt")], "CLI_FILE_MISSING"],
    [[file, stage.folder], "CLI_FILE_DIRECTORY"],
    [[file, "--bundle", stage.folder], "CLI_FILE_DIRECTORY"],
    [[file, "--bundle", join(stage.folder, "no", "b.json")], "CLI_FILE_MISSING"],
  ] as const)
    expect(await stage.run(["sign", ...argv, ...rest])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(code) as string,
    });
  expect(size()).toBe(before);
  expect(existsSync(`${file}.sigstore.json`)).toBe(false);
});

describe("wrong usage", () => {
  test.each([
    { name: "one bundle for two files", argv: ["a", "b", "--bundle", "c"], code: "CLI_OPTION_CONFLICT" },
    {
      name: "bundle and JSON on one standard output",
      argv: ["a", "--bundle", "-", "--json"],
      code: "CLI_OPTION_CONFLICT",
    },
    { name: "standard input without --bundle", argv: ["-"], code: "CLI_BUNDLE_NEEDED" },
    { name: "no log, but no key", argv: ["a", "--danger-no-log"], code: "CLI_OPTION_CONFLICT" },
    { name: "a key that is none", argv: ["a", "--key", "token.jwt"], code: "CLI_KEY_UNUSABLE" },
    { name: "an instance without services", argv: ["a", "--instance", "github"], code: "CLI_NO_SIGNING_CONFIG" },
  ])("$name", async ({ argv, code }) => {
    const words = argv.map((word) => (word === "token.jwt" ? stage.path(word) : word));
    const env = words.includes("--key") ? {} : { SIGSTORE_ID_TOKEN: textOf(stage.path("token.jwt")) };
    expect(await stage.run(["sign", ...words], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(code) as string,
    });
  });
});
