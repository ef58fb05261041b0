import { exitCodeOfError } from "@countersign/pipeline";
import { describe, expect, test } from "vitest";
import { cliError, cliErrors } from "./errors.ts";
import { exitCodes } from "./exit.ts";
import { reportFailure } from "./failure.ts";
import { openTerminal } from "./terminal.ts";

function reported(error: unknown, argv: readonly string[]): { code: number; out: string; err: string } {
  const written = { out: "", err: "" };
  const terminal = {
    ...openTerminal(),
    out: (data: string | Uint8Array) => void (written.out += String(data)),
    deliver: () => {},
    err: (text: string) => void (written.err += text),
  };
  return { code: reportFailure(error, argv, terminal), ...written };
}

describe("reportFailure", () => {
  test.each(["malformed", "untrusted", "usage", "unavailable"] as const)(
    "kind %s has the exit code of pipeline",
    (kind) => {
      const error = Object.values(cliErrors).find((entry) => entry.kind === kind);
      expect(exitCodes[kind]).toBe({ malformed: 1, untrusted: 1, usage: 2, unavailable: 3 }[kind]);
      if (error === undefined) return;
      const code = Object.keys(cliErrors).find((name) => cliErrors[name] === error) as "CLI_USAGE";
      expect(reported(cliError(code), []).code).toBe(exitCodeOfError(cliError(code)));
    },
  );

  test("anything else is a bug of ours: 3, and said so, without a stack", () => {
    const { code, err } = reported(new TypeError("x is not \u001b[31ma function"), ["verify"]);
    expect(code).toBe(3);
    expect(err).toContain("[CLI_BUG]");
    expect(err).not.toContain("\u001b");
    expect(err).not.toMatch(/^\s+at /m);
    expect(reported("a string", []).code).toBe(3);
    expect(reported(undefined, []).code).toBe(3);
  });

  test("the help to look at is that of the command that was called", () => {
    expect(reported(cliError("CLI_USAGE"), ["repo", "add"]).err).toContain("hint: see countersign repo add --help\n");
    expect(reported(cliError("CLI_USAGE"), ["repo", "--x"]).err).toContain("hint: see countersign repo --help\n");
    expect(reported(cliError("CLI_USAGE"), ["repos"]).err).toContain("hint: see countersign --help\n");
    expect(reported(cliError("CLI_OPTION_VALUE"), ["-q", "repo", "bins", "b"]).err).toContain(
      "hint: see countersign repo bins --help for the values it takes\n",
    );
    expect(reported(cliError("CLI_FILE_MISSING", "x"), ["repo", "add"]).err).toContain(`: x [CLI_FILE_MISSING]`);
  });

  test("as JSON too", () => {
    const { code, out } = reported(new TypeError("x"), ["verify", "--json"]);
    expect(JSON.parse(out)).toMatchObject({
      error: { code: "CLI_BUG" },
      decision: { verdict: "unknown" },
      exitCode: code,
    });
    expect(reported(cliError("CLI_FILE_MISSING"), ["sign", "--", "--json"]).out).toBe("");
  });

  test("a stream that is broken too does not change the exit code", () => {
    const broken = (): never => {
      throw new Error("EIO");
    };
    const terminal = { ...openTerminal(), out: broken, err: broken };
    expect(reportFailure(cliError("CLI_FILE_MISSING"), ["--json"], terminal)).toBe(2);
  });
});
