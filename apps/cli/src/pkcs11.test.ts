import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtMain, runHere, runProgram, type Outcome } from "./scenario.ts";
import { setStage, type Stage } from "./stage.ts";

// `npm run test:pkcs11` installs the package, and brings tokens of SoftHSM.
const installed = process.env["COUNTERSIGN_TEST_PKCS11JS"];

test("a PIN on the command line is in no message", async () => {
  const uri = "pkcs11:token=t;object=k?pin-value=918273";
  for (const argv of [
    ["sign", "file", "--key", uri],
    ["sign", "file", "--key", uri, "--key", uri],
    ["verify", "file", "--key", `${uri};x=1`],
    ["key", "inspect", uri],
    ["key", "import", uri],
    ["sign", uri],
    [uri],
  ]) {
    for (const more of [[], ["--json"], ["--debug"]]) {
      const { code, stdout, stderr } = await runHere([...argv, ...more]);
      expect(code).toBeGreaterThan(0);
      expect(stdout + stderr).not.toContain("918273");
      if (more.includes("--json")) expect(JSON.parse(stdout)).toMatchObject({ schema: "countersign.failure/v1" });
    }
  }
});

describe.skipIf(installed === undefined)("the built command, with pkcs11js installed beside it", () => {
  let stage: Stage;
  const pin = "918273";
  const key = "pkcs11:token=release;object=k";
  beforeAll(async () => {
    stage = await setStage();
    const modules = stage.path("node_modules");
    mkdirSync(join(modules, "countersign"), { recursive: true });
    cpSync(dirname(builtMain), join(modules, "countersign/dist"), { recursive: true });
    cpSync(join(dirname(builtMain), "../package.json"), join(modules, "countersign/package.json"));
    symlinkSync(dirname(installed ?? ""), join(modules, "pkcs11js"));
    mkdirSync(stage.path("tokens"));
    stage.write("softhsm2.conf", `directories.tokendir = ${stage.path("tokens")}\nobjectstore.backend = file\n`);
    const env = { ...process.env, SOFTHSM2_CONF: stage.path("softhsm2.conf") };
    const util = (...argv: readonly string[]): unknown => execFileSync("softhsm2-util", argv, { env });
    util("--init-token", "--free", "--label", "release", "--pin", pin, "--so-pin", "11223344");
    const { secret } = stage.makeKey("imported");
    util("--import", secret, "--token", "release", "--label", "k", "--id", "01", "--pin", pin);
  });
  afterAll(() => stage.close());

  const run = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> => {
    const main = stage.path("node_modules/countersign/dist/main.js");
    const token = {
      SOFTHSM2_CONF: stage.path("softhsm2.conf"),
      COUNTERSIGN_PKCS11_MODULE: "/usr/lib/softhsm/libsofthsm2.so",
      COUNTERSIGN_PKCS11_PIN: pin,
    };
    return runProgram(process.execPath, [main, ...argv], { env: { ...token, ...env } });
  };

  test("signs into a log; the public half verifies by reference and as a file", async () => {
    const file = stage.write("app", "x");
    expect(await run(["sign", file, "--key", key, ...stage.signing])).toMatchObject({ code: 0 });
    expect(await run(["verify", file, "--key", key, ...stage.trust])).toMatchObject({ code: 0 });
    const shown = await run(["verify", file, "--key", stage.path("imported.pub"), ...stage.trust]);
    expect(shown).toMatchObject({ code: 0 });
  });

  test("a wrong PIN is tried once, and nothing is written", async () => {
    const file = stage.write("unsigned", "x");
    const outcome = await run(["sign", file, "--key", key, ...stage.signing], { COUNTERSIGN_PKCS11_PIN: "564738" });
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain("[SIGSTORE_KEY_PIN_WRONG]");
    expect(outcome.stderr).not.toContain("564738");
  });
});
