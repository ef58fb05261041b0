import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shellNames } from "./completion.ts";
import { makeFolder, runHere } from "./scenario.ts";

const folder = makeFolder();
const scripts = new Map<string, string>();

beforeAll(async () => {
  for (const shell of shellNames) scripts.set(shell, (await runHere(["completion", shell])).stdout);
  writeFileSync(join(folder.path, "release.tgz"), "");
  mkdirSync(join(folder.path, "state"));
});
afterAll(folder.remove);

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const script = `${scripts.get("bash") ?? ""}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length - 1}
_countersign
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["--norc", "-eu", "-c", script], {
    cwd: folder.path,
    encoding: "utf8",
  });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return stdout.split("\n").filter((line) => line !== "");
}

test("--json: the script as a member of one object", async () => {
  const { code, stdout } = await runHere(["completion", "bash", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    schema: "countersign.completion/v1",
    shell: "bash",
    script: scripts.get("bash"),
  });
});

describe("bash", () => {
  test("commands", () => {
    expect(offered("countersign", "ver")).toEqual(["verify", "version", "verify-blob", "verify-blob-attestation"]);
    expect(offered("countersign", "dev", "")).toEqual(expect.arrayContaining(["up", "token", "fault"]));
  });

  test("options of the command that was typed, wherever it stands", () => {
    expect(offered("countersign", "verify", "release.tgz", "--cert")).toEqual([
      "--certificate-identity",
      "--certificate-oidc-issuer",
      "--certificate-identity-regexp",
      "--certificate-oidc-issuer-regexp",
    ]);
    expect(offered("countersign", "sign", "--id")).toEqual(["--identity-token"]);
    expect(offered("countersign", "dev", "up", "--po")).toEqual(["--port"]);
  });

  test("values", () => {
    expect(offered("countersign", "verify", "--instance", "s")).toEqual(["staging"]);
    expect(offered("countersign", "verify", "--bundle", "rel")).toEqual(["release.tgz"]);
    expect(offered("countersign", "dev", "up", "--dir", "")).toEqual(["state"]);
    expect(offered("countersign", "verify", "--certificate-identity", "x")).toEqual([]);
    expect(offered("countersign", "completion", "z")).toEqual(["zsh"]);
  });
});

describe("every shell", () => {
  test.each(shellNames)("%s names every command and every option", (shell) => {
    const script = scripts.get(shell) ?? "";
    for (const word of ["verify", "sign-blob", "danger-no-log", "trusted-root", "identity-token"])
      expect(script).toContain(word);
  });

  test.for([
    { shell: "zsh", check: ["-n"] },
    { shell: "fish", check: ["--no-execute"] },
  ])("$shell accepts its script (skipped where there is no $shell)", ({ shell, check }, context) => {
    const file = join(folder.path, `completion.${shell}`);
    writeFileSync(file, scripts.get(shell) ?? "");
    const { status, error } = spawnSync(shell, [...check, file]);
    if (error !== undefined) context.skip();
    expect(status).toBe(0);
  });
});
