import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runBuilt } from "./scenario.ts";
import { parsed, setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
let file: string;
beforeAll(async () => {
  stage = await setStage();
  file = await stage.sign("release.tgz");
});
afterAll(() => stage.close());

describe("inspect", () => {
  test("shows who, when, which log and what, as unverified, on standard output", async () => {
    const { code, stdout, stderr } = await stage.run(["inspect", `${file}.sigstore.json`]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^UNVERIFIED: /);
    for (const claimed of [stage.identity, stage.sigstore.url, "log.rekor.local", "timestamp"])
      expect(stdout).toContain(claimed);
  });

  test("the command to paste leaves the identity to the reader", async () => {
    const { stdout } = await stage.run(["inspect", `${file}.sigstore.json`]);
    const command = stdout.split("\n").find((line) => line.trim().startsWith("countersign verify"));
    expect(command?.trim()).toBe(
      `countersign verify ${file} --certificate-identity '<WHO>' --certificate-oidc-issuer '<ISSUER>'`,
    );
    const { verify } = parsed(await stage.run(["inspect", `${file}.sigstore.json`, "--json"])) as { verify: string };
    expect(verify).not.toContain(stage.identity);
    expect(verify).not.toContain(stage.sigstore.url);
  });

  test("a key's bundle under another name", async () => {
    const key = stage.makeKey("k");
    const bundle = stage.path("other.json");
    await stage.run(["sign", file, "--key", key.secret, "--danger-no-log", "--bundle", bundle]);
    const { stdout } = await stage.run(["inspect", bundle]);
    expect(stdout).toContain("key hint");
    expect(stdout).toContain(`countersign verify FILE --bundle ${bundle} --key '<KEY.PUB>'`);
  });

  test("from standard input, as sign -o - writes it", async () => {
    const { code, stdout } = await runBuilt(["bundle", "inspect", "-"], { input: textOf(`${file}.sigstore.json`) });
    expect(code).toBe(0);
    expect(stdout).toContain("UNVERIFIED: - claims");
    expect(stdout).toContain("countersign verify FILE --bundle BUNDLE --certificate-identity");
  });

  test("--json is marked as unverified", async () => {
    const outcome = await stage.run(["inspect", `${file}.sigstore.json`, "--json"]);
    expect(parsed(outcome)).toMatchObject({
      schema: "countersign.description/v1",
      verified: false,
      signer: { identities: [stage.identity] },
    });
  });

  test.each([
    { content: "{}", code: 1 },
    { content: "no JSON", code: 1 },
    { content: '{"a":1,"a":2}', code: 1 },
  ])("$content is refused", async ({ content, code }) => {
    const outcome = await stage.run(["inspect", stage.write("broken.json", content), "--json"]);
    expect(outcome.code).toBe(code);
    expect(parsed(outcome)).toMatchObject({ schema: "countersign.failure/v1", decision: { verdict: "refused" } });
  });

  test("hostile words cannot write to the terminal", async () => {
    const text = textOf(`${file}.sigstore.json`).replace('"mediaType":"', '"mediaType":"\\u001b[2J');
    const { stdout, stderr } = await stage.run(["inspect", stage.write("escape.json", text)]);
    expect(stdout + stderr).not.toContain("\u001b");
  });
});
