import { existsSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parsed, setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterEach(() => stage.sigstore.faults.clear());
afterAll(() => stage.close());

const slsa = {
  buildDefinition: { buildType: "urn:build", externalParameters: {} },
  runDetails: { builder: { id: "urn:me" } },
};
const hex = (hash: string, content: string): string => createHash(hash).update(content).digest("hex");

function attest(...argv: string[]): ReturnType<Stage["run"]> {
  return stage.run(["attest", ...argv, "--identity-token", stage.path("token.jwt"), ...stage.signing]);
}

function verify(file: string, ...argv: string[]): ReturnType<Stage["run"]> {
  return stage.run(["verify", file, ...argv, ...stage.trust, ...stage.expected]);
}

describe("--predicate", () => {
  test("a typed predicate into a bundle of its own, which verify takes and shows", async () => {
    const file = stage.write("typed.tgz", "typed");
    const predicate = stage.write("slsa.json", JSON.stringify(slsa, undefined, 2));
    const { code, stdout, stderr } = await attest(file, "--type", "slsaprovenance1", "--predicate", predicate);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain(`attested: ${file} into ${file}.provenance.sigstore.json\n`);
    expect(stderr).toContain('predicate "https://slsa.dev/provenance/v1"');
    const verified = await verify(file, "--type", "slsaprovenance1", "--json");
    expect(verified.code).toBe(0);
    expect(parsed(verified)).toMatchObject({
      decision: { verdict: "allowed" },
      evidence: [
        {
          claims: {
            statement: {
              type: "https://in-toto.io/Statement/v1",
              subjects: [{ name: "typed.tgz", digest: { sha256: hex("sha256", "typed") } }],
              predicateType: "https://slsa.dev/provenance/v1",
              predicate: slsa,
            },
          },
        },
      ],
    });
  });

  test("several files in one attestation", async () => {
    const files = [stage.write("one.tgz", "1"), stage.write("two.tgz", "2")];
    const bundle = stage.path("both.json");
    const predicate = stage.write("p.json", "[]");
    const argv = [...files, "--type", "https://example.com/list/v1", "--predicate", predicate];
    expect(await attest(...argv)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_BUNDLE_NEEDED") as string,
    });
    const outcome = await attest(...argv, "--bundle", bundle, "--json", "-q");
    expect(parsed(outcome)).toMatchObject({
      schema: "countersign.attested/v1",
      bundle,
      predicateType: "https://example.com/list/v1",
      reports: files.map((name) => ({ artifact: { name }, decision: { verdict: "allowed" } })),
    });
    for (const file of files) expect(await verify(file, "--bundle", bundle)).toMatchObject({ code: 0 });
    expect(await verify(stage.write("three.tgz", "3"), "--bundle", bundle)).toMatchObject({ code: 1 });
  });

  test("S24: named by the hashes that are asked for; each of them has to fit", async () => {
    const file = stage.write("hashes.tgz", "hashes");
    const predicate = stage.write("hashes.json", "{}");
    const hashes = ["--subject-hash", "sha512", "--subject-hash", "sha256"];
    const made = await attest(file, "--type", "urn:x", "--predicate", predicate, ...hashes);
    expect(made).toMatchObject({ code: 0 });
    const verified = await verify(file, "--type", "urn:x", "--json");
    const digest = { sha512: hex("sha512", "hashes"), sha256: hex("sha256", "hashes") };
    expect(parsed(verified)).toMatchObject({ evidence: [{ claims: { statement: { subjects: [{ digest }] } } }] });
    const only = stage.path("only-512.json");
    const argv = ["--type", "urn:x", "--predicate", predicate, "--subject-hash", "sha512", "--bundle", only];
    expect(await attest(file, ...argv)).toMatchObject({ code: 0 });
    expect(await verify(file, "--bundle", only)).toMatchObject({ code: 0 });
    expect(await verify(stage.write("other.tgz", "other"), "--bundle", only)).toMatchObject({ code: 1 });
  });

  test("the predicate is signed to the letter", async () => {
    const file = stage.write("letter.tgz", "x");
    const text = '{ "z": 1.50, "a": 12345678901234567890 }';
    const predicate = stage.write("letter.json", text);
    const { stdout } = await attest(file, "--type", "urn:x", "--predicate", predicate, "-o", "-");
    const { dsseEnvelope } = JSON.parse(stdout) as { dsseEnvelope: { payload: string } };
    expect(Buffer.from(dsseEnvelope.payload, "base64").toString()).toContain(`"predicate":${text}}`);
  });

  test("--type custom wraps any text as cosign does; its drop-in commands take that for granted", async () => {
    const file = stage.write("custom.tgz", "custom");
    const bundle = stage.path("custom.att");
    const predicate = stage.write("custom.txt", "not JSON at all");
    const argv = [`--predicate=${predicate}`, `--bundle=${bundle}`, file, "--yes=true", "--new-bundle-format"];
    const flags = ["--identity-token", stage.path("token.jwt"), ...stage.signing];
    expect(await stage.run(["attest-blob", ...argv, ...flags])).toMatchObject({ code: 0 });
    const verified = await stage.run([
      "verify-blob-attestation",
      `--bundle=${bundle}`,
      file,
      "--check-claims=true",
      "--json",
      ...stage.trust,
      ...stage.expected,
    ]);
    expect(verified.stderr).toContain("--check-claims");
    expect(parsed(verified)).toMatchObject({
      evidence: [{ claims: { statement: { predicate: { Data: "not JSON at all" } } } }],
    });
    const otherType = ["verify-blob-attestation", `--bundle=${bundle}`, file, "--type", "vuln"];
    expect(await stage.run([...otherType, ...stage.trust, ...stage.expected])).toMatchObject({ code: 1 });
  });

  test("an SPDX document of tags and values", async () => {
    const file = stage.write("tags.tgz", "x");
    const predicate = stage.write("tags.spdx", "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n");
    expect(await attest(file, "--type", "spdx", "--predicate", predicate)).toMatchObject({ code: 0 });
    expect(await verify(file, "--type", "spdxjson")).toMatchObject({ code: 0 });
  });

  test("with a key; an Ed25519 key without a log, since logs hold digests", async () => {
    const file = stage.write("keyed.tgz", "x");
    const predicate = stage.write("any.json", "{}");
    const flags = ["--type", "urn:x", "--predicate", predicate];
    const key = stage.makeKey("attest-key");
    expect(await stage.run(["attest", file, ...flags, "--key", key.secret, ...stage.signing])).toMatchObject({
      code: 0,
    });
    expect(await stage.run(["verify", file, "--type", "urn:x", "--key", key.public, ...stage.trust])).toMatchObject({
      code: 0,
    });
    const edwards = stage.makeKey("attest-edwards", "ed25519");
    const logged = await stage.run(["attest", file, ...flags, "--key", edwards.secret, ...stage.signing]);
    expect(logged).toMatchObject({ code: 2, stderr: expect.stringContaining("SIGSTORE_SIGN_ALGORITHM") as string });
    const unlogged = ["--key", edwards.secret, "--danger-no-log"];
    expect(await stage.run(["attest", file, ...flags, ...unlogged])).toMatchObject({ code: 0 });
    const check = ["verify", file, "--type", "urn:x", "--key", edwards.public, "--danger-no-log"];
    expect(await stage.run(check)).toMatchObject({ code: 0 });
  });

  test.each([
    {
      name: "a predicate that is not of its type",
      type: "slsaprovenance1",
      text: "{}",
      code: 1,
      error: "CORE_PREDICATE_MALFORMED",
    },
    { name: "no JSON", type: "urn:x", text: "{", code: 1, error: "CORE_JSON_MALFORMED" },
    { name: "two values", type: "urn:x", text: '{},"subject":[]', code: 1, error: "CORE_JSON_MALFORMED" },
    { name: "an unknown alias", type: "slsa", text: "{}", code: 2, error: "CORE_PREDICATE_TYPE_UNKNOWN" },
  ])("$name: nothing is sent, nothing is written", async ({ type, text, code, error }) => {
    const file = stage.write("bad.tgz", "x");
    const before = stage.sigstore.rekor.tree.size();
    const outcome = await attest(
      file,
      "--type",
      type,
      "--predicate",
      stage.write("bad.json", text),
      "-o",
      stage.path("bad.out"),
    );
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(error) as string });
    if (type !== "slsa") expect(outcome.stderr).toMatch(/^countersign: error: predicate ".*bad\.json": /m);
    expect(stage.sigstore.rekor.tree.size()).toBe(before);
    expect(existsSync(stage.path("bad.out"))).toBe(false);
  });
});

describe("verify --type", () => {
  test("O1: a signature is no attestation, and an attestation of another type is not the one", async () => {
    const file = await stage.sign("plain.tgz", "plain");
    expect(await verify(file, "--type", "slsaprovenance1")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("POLICY_PREDICATE_TYPE_MISMATCH") as string,
    });
    const predicate = stage.write("vex.json", "{}");
    expect(await attest(file, "--type", "urn:x", "--predicate", predicate)).toMatchObject({ code: 0 });
    const bundle = ["--bundle", `${file}.attestation.sigstore.json`];
    for (const type of ["urn:X", "urn:x/v1", "urn:"].filter((each) => each.length > 4))
      expect(await verify(file, ...bundle, "--type", type)).toMatchObject({ code: 1 });
    expect(await verify(file, ...bundle, "--type", "urn:x")).toMatchObject({ code: 0 });
    expect(await verify(file)).toMatchObject({ code: 0 });
  });

  test("the attestation is looked for under its own name, then under the file's", async () => {
    const file = stage.write("named.tgz", "named");
    const missing = await verify(file, "--type", "spdxjson");
    expect(missing.stderr).toContain("named.tgz.spdx.sigstore.json");
    const predicate = stage.write("named.json", "{}");
    const bundle = `${file}.sigstore.json`;
    expect(await attest(file, "--type", "urn:x", "--predicate", predicate, "--bundle", bundle)).toMatchObject({
      code: 0,
    });
    expect(await verify(file, "--type", "urn:x")).toMatchObject({ code: 0 });
  });

  test("who forgets --type is told of the attestation beside the file", async () => {
    const file = stage.write("forgotten.tgz", "forgotten");
    const predicate = stage.write("forgotten.json", "{}");
    expect(await attest(file, "--type", "urn:x", "--predicate", predicate)).toMatchObject({ code: 0 });
    const outcome = await verify(file);
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_BUNDLE_MISSING") as string });
    expect(outcome.stderr).toMatch(/hint: .*--type, or --bundle \S*forgotten\.tgz\.attestation\.sigstore\.json$/m);
  });

  test("from the environment", async () => {
    const file = stage.write("env.tgz", "env");
    const predicate = stage.write("env.json", "{}");
    expect(await attest(file, "--type", "urn:x", "--predicate", predicate)).toMatchObject({ code: 0 });
    const argv = ["verify", file, ...stage.trust, ...stage.expected, "--bundle", `${file}.attestation.sigstore.json`];
    expect(await stage.run(argv, { env: { COUNTERSIGN_TYPE: "urn:y" } })).toMatchObject({ code: 1 });
  });
});

describe("--statement", () => {
  const statementOf = (subject: unknown, more: object = {}): string =>
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject,
      predicateType: "urn:x",
      predicate: {},
      ...more,
    });

  test("S24: several subjects, by SHA-256 and by SHA-512", async () => {
    const files = [stage.write("s256", "a"), stage.write("s512", "b")];
    const statement = stage.write(
      "statement.json",
      statementOf([
        { name: "elsewhere", digest: { sha256: hex("sha256", "c") } },
        { name: "s256", digest: { sha256: hex("sha256", "a") } },
        { name: "s512", digest: { sha512: hex("sha512", "b") } },
      ]),
    );
    const bundle = stage.path("statement.sigstore.json");
    expect(await attest(...files, "--statement", statement, "--bundle", bundle)).toMatchObject({ code: 0 });
    for (const file of files)
      expect(await verify(file, "--bundle", bundle, "--type", "urn:x")).toMatchObject({ code: 0 });
    const { dsseEnvelope } = JSON.parse(textOf(bundle)) as { dsseEnvelope: { payload: string } };
    expect(Buffer.from(dsseEnvelope.payload, "base64").toString()).toBe(textOf(statement));
  });

  test.each([
    { name: "another file", subject: [{ name: "mine", digest: { sha256: hex("sha256", "other") } }] },
    {
      name: "SHA-256 right and SHA-512 wrong",
      subject: [{ digest: { sha256: hex("sha256", "mine"), sha512: hex("sha512", "x") } }],
    },
    { name: "only a hash that is not looked at", subject: [{ name: "mine", digest: { sha1: hex("sha1", "mine") } }] },
  ])("$name: nothing is sent", async ({ subject }) => {
    const file = stage.write("mine", "mine");
    const before = stage.sigstore.rekor.tree.size();
    const outcome = await attest(file, "--statement", stage.write("other.json", statementOf(subject)));
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("PIPELINE_NOT_A_SUBJECT") as string });
    expect(stage.sigstore.rekor.tree.size()).toBe(before);
  });

  test("the files need not be at hand: the subjects are those of the statement", async () => {
    const file = stage.write("far", "far");
    const both = { sha256: hex("sha256", "far"), sha512: hex("sha512", "far") };
    const subject = [
      { name: "far", digest: both },
      { digest: { sha384: hex("sha384", "b") } },
      { digest: { sha1: "00" } },
    ];
    const statement = stage.write("far.json", statementOf(subject));
    const bundle = stage.path("far.sigstore.json");
    expect(await attest("--statement", statement)).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_BUNDLE_NEEDED") as string }); // prettier-ignore
    const made = await attest("--statement", statement, "--bundle", bundle);
    expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(/attested: far, sha384:/) as string });
    for (const asked of [file, `sha384:${hex("sha384", "b")}`])
      expect(await verify(asked, "--bundle", bundle, "--type", "urn:x")).toMatchObject({ code: 0 });
    const before = stage.sigstore.rekor.tree.size();
    const none = stage.write("none.json", statementOf([{ name: "far", digest: { sha1: hex("sha1", "far") } }]));
    expect(await attest("--statement", none, "--bundle", bundle)).toMatchObject({ code: 2 });
    const bent = stage.write("bent.json", statementOf([{ digest: { sha256: "ABC" } }]));
    expect(await attest("--statement", bent, "--bundle", bundle)).toMatchObject({ code: 1 });
    expect(stage.sigstore.rekor.tree.size()).toBe(before);
  });

  test("a statement that is none, or of another type than --type says", async () => {
    const file = stage.write("mine", "mine");
    const broken = await attest(file, "--statement", stage.write("broken.json", "{}"));
    expect(broken).toMatchObject({ code: 1, stderr: expect.stringContaining("CORE_STATEMENT_MALFORMED") as string });
    const subject = [{ digest: { sha256: hex("sha256", "mine") } }];
    const other = await attest(file, "--type", "vuln", "--statement", stage.write("typed.json", statementOf(subject)));
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_OPTION_CONFLICT") as string });
    const bad = statementOf(subject, { predicateType: "https://slsa.dev/provenance/v1" });
    const malformed = await attest(file, "--statement", stage.write("malformed.json", bad));
    expect(malformed).toMatchObject({ code: 1, stderr: expect.stringContaining("CORE_PREDICATE_MALFORMED") as string });
  });
});

describe("wrong usage", () => {
  test.each([
    { name: "nothing to attest", argv: ["f"], error: "CLI_USAGE" },
    { name: "nothing to attest it of", argv: ["--type", "urn:x", "--predicate", "token.jwt"], error: "CLI_USAGE" },
    { name: "a build that made nothing", argv: ["--provenance", "-o", "x"], error: "CLI_USAGE" },
    { name: "a predicate without a type", argv: ["f", "--predicate", "token.jwt"], error: "CLI_USAGE" },
    { name: "two things at once", argv: ["f", "--provenance", "--statement", "x"], error: "CLI_USAGE" },
    { name: "provenance of another type", argv: ["f", "--provenance", "--type", "vuln"], error: "CLI_OPTION_CONFLICT" },
    {
      name: "a predicate that is not there",
      argv: ["f", "--type", "urn:x", "--predicate", "nowhere"],
      error: "CLI_FILE_MISSING",
    },
    {
      name: "bundle and JSON on one standard output",
      argv: ["f", "--provenance", "-o", "-", "--json"],
      error: "CLI_OPTION_CONFLICT",
    },
    { name: "standard input without --bundle", argv: ["-", "--provenance"], error: "CLI_BUNDLE_NEEDED" },
  ])("$name", async ({ argv, error }) => {
    const words = argv.map((word) =>
      word === "f" ? stage.write("f", "x") : word === "token.jwt" ? stage.path(word) : word,
    );
    expect(await attest(...words)).toMatchObject({ code: 2, stderr: expect.stringContaining(error) as string });
  });

  test("over an input (CLI_OUTPUT_SECRET)", async () => {
    const file = stage.write("precious", "x");
    const predicate = stage.write("precious.json", "{}");
    for (const target of [file, predicate, stage.path("token.jwt")]) {
      const outcome = await attest(file, "--type", "urn:x", "--predicate", predicate, "--bundle", target);
      expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_OUTPUT_SECRET") as string });
    }
  });

  test.each(["fulcio wrong-key", "rekor wrong-entry", "tsa wrong-hash"])(
    "S21: %s: nothing is written",
    async (fault) => {
      const [service, kind] = fault.split(" ");
      stage.sigstore.faults.set(service as "fulcio", { kind } as never);
      const file = stage.write("faulty", "x");
      const out = join(stage.folder, "faulty.json");
      const { code } = await attest(
        file,
        "--type",
        "urn:x",
        "--predicate",
        stage.write("faulty-p.json", "{}"),
        "-o",
        out,
      );
      expect(code).toBe(1);
      expect(existsSync(out)).toBe(false);
    },
  );
});
