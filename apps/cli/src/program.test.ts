import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { commandTable } from "./command.ts";
import { outputFlags } from "./options.ts";
import { runHere } from "./scenario.ts";
import { version } from "./version.ts";

/** What a test reads of a `countersign.help/v1`. */
interface Help {
  readonly command: string;
  readonly usage: string;
  readonly operands: readonly object[];
  readonly options: readonly { readonly name: string }[];
  readonly examples: readonly string[];
  readonly commands: readonly Help[];
  readonly exitCodes: readonly { readonly code: number }[];
}

const parse = (text: string): Help => JSON.parse(text) as Help;
const below = (help: Help): readonly Help[] => help.commands.flatMap((each) => [each, ...below(each)]);

describe("help", () => {
  test("the program's help shows examples before the commands, on standard output", async () => {
    const { code, stdout, stderr } = await runHere(["--help"]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout.indexOf("Examples:")).toBeLessThan(stdout.indexOf("The main job:"));
  });

  test.each(commandTable.map((row) => row.path))("help of %s: examples first, options in groups", async (path) => {
    const { code, stdout } = await runHere(["help", ...path.split(" ")]);
    expect(code).toBe(0);
    expect(stdout.indexOf("Examples:")).toBeGreaterThan(0);
    expect(stdout.indexOf("Examples:")).toBeLessThan(stdout.indexOf("Output:"));
    expect(await runHere([...path.split(" "), "--help"])).toMatchObject({ code: 0, stdout });
  });

  test("verify groups its options", async () => {
    const { stdout } = await runHere(["verify", "--help"]);
    for (const group of ["Identity:", "Trust:", "Output:"]) expect(stdout).toContain(`\n${group}\n`);
  });

  test("help exit-codes and help environment", async () => {
    expect((await runHere(["help", "exit-codes"])).stdout).toMatch(
      /0 {2}allowed[^]*1 {2}refused[^]*2 {2}wrong usage[^]*3 {2}could not tell/,
    );
    const { stdout } = await runHere(["help", "environment"]);
    expect(stdout).toContain("COUNTERSIGN_CERTIFICATE_IDENTITY ");
    expect(stdout).toContain("COUNTERSIGN_TRUSTED_ROOT ");
    expect(stdout).toContain("SIGSTORE_ID_TOKEN");
  });

  test("with --json: one object with everything in it, however it is asked for", async () => {
    const whole = parse((await runHere(["help", "--json"])).stdout);
    expect(whole).toMatchObject({ schema: "countersign.help/v1", command: "" });
    expect(whole.exitCodes.map(({ code }) => code)).toEqual([0, 1, 2, 3, 130]);
    const all = [whole, ...below(whole)];
    for (const { path, flags, examples, operands } of commandTable) {
      const found = all.find(({ command }) => command === path);
      const shown = flags.filter(({ isHidden }) => isHidden !== true).length;
      expect([path, found?.options.length]).toEqual([path, shown + outputFlags.length]);
      expect(found?.examples).toHaveLength(examples.length);
      expect(found?.usage).toBe(`countersign ${path} [options]${operands === undefined ? "" : ` ${operands}`}`);
    }
    for (const argv of [
      ["--help", "--json"],
      ["--json", "-h"],
    ])
      expect(parse((await runHere(argv)).stdout)).toEqual(whole);
  });

  test.each([
    [["verify", "--json", "x", "--help"], ["help", "verify", "--json"], "verify"],
    [
      ["layout", "record", "start", "-h", "--json"],
      ["help", "layout", "record", "start", "--json"],
      "layout record start",
    ],
    [["layout", "record", "--help", "--json"], ["help", "layout", "record", "--json"], "layout record"],
  ])("%j is %j", async (argv, same, command) => {
    const { code, stdout, stderr } = await runHere(argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(parse(stdout)).toMatchObject({ command });
    expect(stdout).toBe((await runHere(same)).stdout);
  });

  test("an option as JSON: its value, its choices, its variable", async () => {
    const { options, operands } = parse((await runHere(["help", "verify", "--json"])).stdout);
    const named = (name: string): object | undefined => options.find((option) => option.name === name);
    expect(operands).toEqual([{ name: "artifact", required: false, many: true }]);
    expect(named("--trusted-root")).toMatchObject({ value: "file", many: true, variable: "COUNTERSIGN_TRUSTED_ROOT" });
    expect(named("--instance")).toMatchObject({ choices: ["public-good", "staging", "github"], many: false });
    expect(named("--danger-no-log")).not.toHaveProperty("variable");
  });

  test("the topics as JSON", async () => {
    expect(parse((await runHere(["help", "exit-codes", "--json"])).stdout).exitCodes).toHaveLength(5);
    expect(parse((await runHere(["help", "environment", "--json"])).stdout)).toMatchObject({
      topic: "environment",
      variables: expect.arrayContaining([{ name: "COUNTERSIGN_KEY", option: "--key <file>" }]) as unknown,
    });
  });

  test("help about nothing that exists is wrong usage", async () => {
    expect(await runHere(["help", "nonsense"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_USAGE") as string,
    });
  });

  test("no command at all: the help, on standard error, as wrong usage", async () => {
    const { code, stdout, stderr } = await runHere([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: countersign");
  });
});

describe("wrong usage", () => {
  test("a misspelt command is told the right one", async () => {
    const { code, stdout, stderr } = await runHere(["verfy", "x"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      "countersign: error: the command line is not understood: unknown command 'verfy' [CLI_USAGE]\ncountersign: hint: did you mean verify?\n",
    );
  });

  test.each([
    { argv: ["verify", "x", "--bundel", "b"], says: "did you mean --bundle?" },
    { argv: ["verify"], says: "missing required argument 'artifact'" },
    { argv: ["inspect", "x", "y"], says: "too many arguments" },
    { argv: ["verify", "x", "--bundle"], says: "argument missing" },
    { argv: ["verify", "x", "--bundle", ""], says: "It is empty" },
    { argv: ["verify", "x", "--bundle", "a", "--bundle", "b"], says: "It is given twice" },
    { argv: ["verify", "x", "--instance", "moon"], says: "Allowed choices are public-good, staging, github" },
    { argv: ["verify", "x", "--max-trust-age", "1.5"], says: "no whole number" },
    { argv: ["verify", "x", "--max-trust-age", "-1"], says: "max-trust-age" },
    { argv: ["verify", "x", "--key", "k", "--certificate-identity", "me"], says: "cannot be used with" },
    { argv: ["verify", "x", "-q", "-v"], says: "cannot be used with" },
    { argv: ["dev", "up", "--port", "65536"], says: "no whole number from 0 to 65535" },
    { argv: ["completion", "tcsh"], says: "bash, zsh, fish, powershell, got tcsh [CLI_OPTION_VALUE]" },
  ])("$argv", async ({ argv, says }) => {
    const { code, stdout, stderr } = await runHere(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^countersign: error: .*\ncountersign: hint: .*\n$/);
  });

  test("with --json it is one object on standard output", async () => {
    const { code, stdout, stderr } = await runHere(["verify", "x", "--json", "--bundel", "b"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: "countersign.failure/v1",
      command: "verify",
      error: { code: "CLI_USAGE", kind: "usage" },
      decision: { verdict: "unknown" },
      evidence: [],
      findings: [{ level: "fail", code: "CLI_USAGE" }],
      exitCode: 2,
    });
    expect(stderr).toContain("countersign: error: ");
  });

  test.each([
    [["update", "get", "--json", "--nonsense"], "update get"],
    [["layout", "--json", "record", "start", "--nonsense"], "layout record start"],
    [["nonsense", "--json"], "nonsense"],
  ])("%j names the command that failed", async (argv, command) => {
    const { stdout } = await runHere(argv);
    expect(JSON.parse(stdout)).toMatchObject({ command });
  });

  test("a word that only leads to commands shows examples of them", async () => {
    for (const word of ["update", "repo", "layout", "trust", "key", "image", "dev", "bundle"]) {
      const { code, stdout } = await runHere([word, "--help"]);
      expect({ word, code }).toEqual({ word, code: 0 });
      expect(stdout).toMatch(new RegExp(`Examples:\n(  .*\n)*  .*countersign ${word} `));
    }
  });

  test("$COUNTERSIGN_JSON asks for it too, also when the options are wrong", async () => {
    const { stdout } = await runHere(["verify"], { env: { COUNTERSIGN_JSON: "1" } });
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 2 });
  });

  test("control characters of the command line are not repeated", async () => {
    const { stderr } = await runHere(["verify", "x", "--\u001b[31m"]);
    expect(stderr).not.toContain("\u001b");
  });
});

describe("words of cosign and sigstore-python", () => {
  test.each([
    { argv: ["generate-key-pair"], says: "countersign key generate" },
    { argv: ["trusted-root", "create", "--out", "x"], says: "countersign trust create" },
    { argv: ["tree", "example.com/app"], says: "countersign image tree" },
    { argv: ["sign-blob", "x", "--sk"], says: "pkcs11:" },
    { argv: ["sign-blob", "x", "--rekor-url=https://rekor.example"], says: "--signing-config" },
    { argv: ["sign-blob", "x", "--new-bundle-format=false"], says: "bundles of version 0.3" },
    { argv: ["sign-blob", "x", "--output-signature", "x.sig"], says: "--bundle" },
    { argv: ["sign", "x", "--oauth-force-oob"], says: "--oidc-flow device" },
    { argv: ["verify-blob", "x", "--signature", "x.sig"], says: "countersign bundle create" },
    { argv: ["verify-blob", "x", "--rekor-url", "https://rekor.example"], says: "verify asks no log" },
    { argv: ["verify", "x", "--cert-identity", "me"], says: "--certificate-identity" },
    {
      argv: ["verify-blob-attestation", "--check-claims=false", "--bundle", "x"],
      says: "name the file, or its digest",
    },
    { argv: ["initialize", "--root", "x"], says: "--tuf-root" },
    { argv: ["trust", "update", "--mirror=https://tuf.example"], says: "--tuf-url" },
    { argv: ["trust", "create", "--with-default-services"], says: "they count together" },
    { argv: ["bundle", "create", "--artifact", "x"], says: "countersign bundle create FILE" },
    { argv: ["bundle", "upgrade", "x", "--out", "y"], says: "--output" },
    { argv: ["get-identity-token"], says: "--identity-token" },
    { argv: ["sign", "x", "--output-directory", "d"], says: "beside its file" },
    { argv: ["attest", "x", "--predicate-type", "urn:x"], says: "--type" },
    { argv: ["verify", "github", "x", "--repository", "a/b"], says: "--certificate-github-workflow-repository" },
  ])("$argv: what to do here", async ({ argv, says }) => {
    const { code, stdout, stderr } = await runHere(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.split("countersign: hint: ")[1]).toContain(says);
    expect(stderr).toContain("CLI_USAGE");
  });
});

describe("version", () => {
  test("is the one in package.json", async () => {
    const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(version).toBe(manifest.version);
    expect(await runHere(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    expect(await runHere(["--version", "--json"])).toEqual(await runHere(["version", "--json"]));
  });

  test("as JSON", async () => {
    const { stdout } = await runHere(["version", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: "countersign.version/v1",
      version,
      node: process.versions.node,
    });
  });
});
