import { expect, test } from "vitest";
import { runHere } from "./scenario.ts";

const token = `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzZWNyZXQiLCJwYWQiOiJ${"x".repeat(300)}In0.c2lnbmF0dXJl-_signature`;
const long = `eyJ${"hbGciOiJFUzI1NiIs".repeat(20)}.eyJzdWIiOiJzZWNyZXQifQ.c2ln`;

// A token on the wrong place of a command line must not get into the log of a CI job.
test.each([
  ["given twice", (secret: string) => ["sign", "file", "--identity-token", secret, "--identity-token", secret]],
  ["before the command", (secret: string) => ["--identity-token", secret, "sign", "file"]],
  ["as the command", (secret: string) => [secret]],
  ["as an operand too many", (secret: string) => ["verify", "file", secret]],
  ["as an operand", (secret: string) => ["verify", secret, "--key", "nowhere"]],
  ["as a key", (secret: string) => ["sign", "file", "--key", secret]],
  ["as a value that is checked", (secret: string) => ["verify", "file", "--instance", secret]],
  ["as an option", (secret: string) => ["sign", `--${secret}`]],
  ["mangled", (secret: string) => ["sign", "file", "--yes", "--identity-token", `Bearer ${secret}`]],
])("a token is not repeated: %s", async (_, argvOf) => {
  for (const secret of [token, long]) {
    for (const more of [[], ["--json"], ["--debug"], ["--json", "--debug"]]) {
      const { code, stdout, stderr } = await runHere([...argvOf(secret), ...more]);
      expect(code).toBeGreaterThan(0);
      for (const said of [stdout, stderr]) expect(said).not.toMatch(/hbGci|zdWIi|c2ln/);
      if (more.includes("--json")) expect(JSON.parse(stdout)).toMatchObject({ schema: "countersign.failure/v1" });
    }
  }
});
