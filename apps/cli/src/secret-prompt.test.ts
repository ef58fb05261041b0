import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtMain, makeFolder, runHere } from "./scenario.ts";

/** util-linux's `script` gives a program a terminal of its own. */
const hasTerminal = spawnSync("script", ["--version"]).stdout?.toString().includes("util-linux") === true;

const folder = makeFolder();
afterAll(() => folder.remove());

/** Runs the built command on a terminal, and types the next answer when the next question is asked. */
function type(argv: readonly string[], answers: readonly (readonly [question: string, answer: string])[]) {
  const words = [process.execPath, builtMain, ...argv].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", words, "/dev/null"], {
    env: { PATH: process.env["PATH"] ?? "", TERM: "dumb" },
  });
  const rest = [...answers];
  let shown = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    const [question, answer] = rest[0] ?? [];
    if (question === undefined || !shown.slice(seen).includes(question)) return;
    rest.shift();
    seen = shown.length;
    child.stdin.write(answer ?? "");
  });
  return new Promise<{ readonly code: number | null; readonly shown: string }>((resolve) => {
    child.once("close", (code) => resolve({ code, shown }));
  });
}

describe.skipIf(!hasTerminal)("a password that is typed", () => {
  const path = join(folder.path, "typed");
  let made: Awaited<ReturnType<typeof type>>;
  beforeAll(async () => {
    const argv = ["key", "generate", "-o", path];
    // A mistake, taken back with the backspace key; letters of two and four bytes.
    made = await type(argv, [["New password: ", "hümx\u007f𝄞 1\r"], ["The same again: ", "hüm𝄞 1\r"]]); // prettier-ignore
  });

  test("is not shown, and is the password", async () => {
    expect(made.code).toBe(0);
    expect(made.shown).toContain("written:");
    for (const piece of ["hüm", "𝄞"]) expect(made.shown).not.toContain(piece);
    const opened = await runHere(["key", "public", `${path}.key`], { env: { COUNTERSIGN_PASSWORD: "hüm𝄞 1" } });
    expect(opened).toMatchObject({ code: 0 });
  });

  test("Ctrl-C ends the command as it does elsewhere, and nothing is written", async () => {
    const other = join(folder.path, "given-up");
    const { code } = await type(["key", "generate", "-o", other], [["New password: ", "hü\u0003"]]);
    expect(code).toBe(130);
    expect(existsSync(`${other}.key`)).toBe(false);
  });
});
