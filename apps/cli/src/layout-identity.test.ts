import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runHere, type Outcome } from "./scenario.ts";
import { setStage, type Stage } from "./stage.ts";

let stage: Stage;
let owner: ReturnType<Stage["makeKey"]>;
beforeAll(async () => {
  stage = await setStage();
  owner = stage.makeKey("owner");
  mkdirSync(stage.path("work"));
  writeFileSync(stage.path("work/app.js"), "code");
});
afterAll(() => stage.close());

/** `countersign layout …` in the folder of the product. */
function layout(...argv: readonly string[]): Promise<Outcome> {
  return runHere(["layout", ...argv], { cwd: stage.path("work") });
}

test("sign --verify knows bundles", async () => {
  const ada = "ada@example.com";
  const token = stage.write("token.jwt", await stage.sigstore.token({ email: ada }));
  const record = [
    "run",
    "-n",
    "checked",
    "--identity-token",
    token,
    ...stage.signing,
    "-d",
    "../links",
    "-p",
    "app.js",
  ];
  mkdirSync(stage.path("links"));
  expect(await layout(...record, "-q")).toMatchObject({ code: 0 });
  const [name = ""] = readdirSync(stage.path("links"));
  const file = join("../links", name);
  const asked = (who: string): Promise<Outcome> => {
    const identity = ["--certificate-identity", who, "--certificate-oidc-issuer", stage.sigstore.url];
    return layout("sign", file, "--verify", ...identity, ...stage.trust);
  };
  expect(await asked(ada)).toMatchObject({ code: 0, stderr: expect.stringContaining("signed by all") as string });
  expect(await asked("bob@example.com")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("INTOTO_IDENTITY_MISMATCH") as string,
  });
  expect(await layout("sign", file, "--verify", "--key", owner.public, ...stage.trust)).toMatchObject({ code: 1 });
  expect(await layout("sign", file, "--verify")).toMatchObject({ code: 2 });
  const both = ["--certificate-identity", ada, "--certificate-oidc-issuer", stage.sigstore.url];
  const signed = { _type: "layout", expires: "2099-01-01T00:00:00Z", readme: "", keys: {}, steps: [], inspect: [] };
  stage.write("root.layout", JSON.stringify({ signatures: [], signed }));
  expect(await layout("sign", "../root.layout", "--keyless", ...both)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("CLI_TOKEN_MISSING") as string,
  });
});

test("nothing is run without a token, nor with a key beside it", async () => {
  const keyless = ["run", "-n", "x", "--keyless", ...stage.signing, "--", process.execPath, "-e", "0"];
  expect(await layout(...keyless)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("CLI_TOKEN_MISSING") as string,
  });
  const both = ["run", "-n", "x", "-k", owner.secret, "--keyless"];
  expect(await layout(...both)).toMatchObject({ code: 2 });
  expect(await layout("run", "-n", "x")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--key") as string,
  });
});
