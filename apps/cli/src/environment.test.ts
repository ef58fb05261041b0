import { delimiter } from "node:path";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { applyEnvironment, variableOf } from "./environment.ts";
import { makeOption } from "./flag.ts";
import { outputFlags, signFlags, verifyFlags } from "./options.ts";
import { runHere } from "./scenario.ts";

function optionsOf(argv: readonly string[], env: Readonly<Record<string, string>>): Record<string, unknown> {
  const command = new Command("verify").exitOverride().configureOutput({ outputError: () => {} });
  for (const flag of [...verifyFlags, ...outputFlags]) command.addOption(makeOption(flag));
  command.parse([...argv], { from: "user" });
  applyEnvironment(command, env);
  return command.opts();
}

describe("each flag is mirrored by a variable", () => {
  const flags = [...verifyFlags, ...signFlags, ...outputFlags].map((flag) => flag.flags);
  const weakening = flags.filter((each) => /^--(?:danger-|insecure-|ignore-missing$)/.test(each));

  test.each(weakening)("but not %s, which weakens a verdict", (each) => {
    const flag = [...verifyFlags, ...signFlags].find((row) => row.flags === each);
    if (flag === undefined) throw new Error("no such flag");
    const option = makeOption(flag);
    const command = new Command("any").addOption(option);
    command.parse([], { from: "user" });
    applyEnvironment(command, { [variableOf(option)]: "1" });
    expect(command.getOptionValue(option.attributeName())).toBeUndefined();
  });

  test.each(flags.filter((each) => !weakening.includes(each)))("%s", (flags) => {
    const flag = [...verifyFlags, ...signFlags, ...outputFlags].find((row) => row.flags === flags);
    if (flag === undefined) throw new Error("no such flag");
    const option = makeOption(flag);
    const value = option.isBoolean() ? "1" : (flag.choices?.[0] ?? "7");
    const command = new Command("any").addOption(option);
    command.parse([], { from: "user" });
    applyEnvironment(command, { [variableOf(option)]: value });
    expect(command.getOptionValue(option.attributeName())).toBeDefined();
  });
});

describe("applyEnvironment", () => {
  test("the command line wins", () => {
    expect(optionsOf(["--bundle", "a"], { COUNTERSIGN_BUNDLE: "b" })).toEqual({ bundle: "a" });
  });

  test("a variable gives way to an option that cannot stand beside it", () => {
    const env = {
      COUNTERSIGN_CERTIFICATE_IDENTITY: "me",
      COUNTERSIGN_CERTIFICATE_OIDC_ISSUER: "https://issuer.example",
    };
    expect(optionsOf(["--key", "k"], env)).toEqual({ key: "k" });
  });

  test("two variables that contradict each other are wrong usage", () => {
    expect(() => optionsOf([], { COUNTERSIGN_CERTIFICATE_IDENTITY: "me", COUNTERSIGN_KEY: "k" })).toThrow(
      expect.objectContaining({ code: "CLI_OPTION_CONFLICT", kind: "usage" }) as Error,
    );
  });

  test("lists are separated like PATH", () => {
    expect(optionsOf([], { COUNTERSIGN_TRUSTED_ROOT: ["a", "b"].join(delimiter) })).toEqual({
      trustedRoot: ["a", "b"],
    });
  });

  test.each(["0", "false", "no", ""])("%j switches nothing on", (value) => {
    expect(optionsOf([], { COUNTERSIGN_OFFLINE: value })).toEqual({});
  });

  test.each(["1", "true", "YES"])("%j switches on", (value) => {
    expect(optionsOf([], { COUNTERSIGN_OFFLINE: value })).toEqual({ offline: true });
  });

  test.each([
    { name: "COUNTERSIGN_OFFLINE", value: "maybe" },
    { name: "COUNTERSIGN_MAX_TRUST_AGE", value: "a while" },
    { name: "COUNTERSIGN_INSTANCE", value: "moon" },
  ])("$name=$value is wrong usage", async ({ name, value }) => {
    const { code, stderr } = await runHere(["verify", "x"], { env: { [name]: value } });
    expect(code).toBe(2);
    expect(stderr).toContain("CLI_ENVIRONMENT_VALUE");
    expect(stderr).toContain(name);
  });
});
