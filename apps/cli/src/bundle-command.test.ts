import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base64, utf8 } from "@countersign/core";
import { formatDetached, parseBundle } from "@countersign/sigstore";
import { parsed, setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
let file: string;
beforeAll(async () => {
  stage = await setStage();
  file = await stage.sign("release.tgz");
});
afterAll(() => stage.close());

describe("what a key signed without a log, as cosign kept it", () => {
  test("bundle create from .sig: version 0.3, which verify takes; nothing is replaced", async () => {
    const key = stage.makeKey("alone");
    const app = stage.write("app", "app");
    const signed = stage.path("signed.json");
    await stage.run(["sign", app, "--key", key.secret, "--danger-no-log", "--bundle", signed, ...stage.signing]);
    const { content } = parseBundle(utf8(textOf(signed)));
    stage.write("app.sig", base64(content.kind === "message" ? content.signature : new Uint8Array()));
    const outcome = await stage.run(["bundle", "create", app, "--json"]);
    expect(outcome.code).toBe(0);
    expect(parsed(outcome)).toMatchObject({ schema: "countersign.bundle/v1", verified: false, version: "0.3" });
    expect(outcome.stderr).toContain("UNVERIFIED: ");
    expect(outcome.stderr).not.toMatch(/\bverified\b/);
    expect(await stage.run(["verify", app, "--key", key.public, "--danger-no-log", ...stage.trust])).toMatchObject({
      code: 0,
    });
    const before = textOf(`${app}.sigstore.json`);
    expect(await stage.run(["bundle", "create", app])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_OUTPUT_EXISTS") as string,
    });
    expect(textOf(`${app}.sigstore.json`)).toBe(before);
  });

  test("a signature that is none: its own code, and nothing is written", async () => {
    const odd = stage.write("odd", "odd");
    stage.write("odd.sig", "");
    expect(await stage.run(["bundle", "create", odd])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("SIGSTORE_DETACHED_MALFORMED") as string,
    });
    expect(existsSync(`${odd}.sigstore.json`)).toBe(false);
  });
});

describe("bundle inspect", () => {
  test("one bundle as inspect does, a .jsonl file line by line", async () => {
    const bundle = `${file}.sigstore.json`;
    expect(await stage.run(["bundle", "inspect", bundle])).toEqual(await stage.run(["inspect", bundle]));
    const lines = stage.write("two.jsonl", `${textOf(bundle).trim()}\n`.repeat(2));
    const { stdout } = await stage.run(["bundle", "inspect", lines]);
    expect(stdout.match(/^UNVERIFIED: .*two\.jsonl:[12] claims/gm)).toHaveLength(2);
    const outcome = await stage.run(["bundle", "inspect", lines, "--json"]);
    expect(parsed(outcome)).toMatchObject({ verified: false, bundles: [{ verified: false }, { verified: false }] });
  });
});

test("--json and the bundle do not fit one stream", async () => {
  expect(await stage.run(["bundle", "upgrade", `${file}.sigstore.json`, "--json"])).toMatchObject({ code: 2 });
});

const real = fileURLToPath(new URL("../../../../shared/data/sigstore/", import.meta.url));
const who = [
  "--certificate-identity",
  "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
  "--certificate-oidc-issuer",
  "https://token.actions.githubusercontent.com",
];

describe.skipIf(!existsSync(real))("real bundles", () => {
  const artifact = join(real, "bundle-verify/a.txt");
  /** As the README of the cases says: what a case does not bring itself is shared. */
  const verify = (bundle: string, folder = "") => {
    const own = (name: string, shared: string): string => {
      const path = join(real, "bundle-verify", folder, name);
      return folder !== "" && existsSync(path) ? path : shared;
    };
    const root = own("trusted_root.json", join(real, "public-good-trusted_root.json"));
    return stage.run(["verify", own("artifact", artifact), "--bundle", bundle, ...who, "--trusted-root", root]);
  };

  test.each(["0.1", "0.2", "0.3"])("upgrade of %s is accepted as the original is", async (version) => {
    const bundle = join(real, `bundle-verify/happy-path-v${version}/bundle.sigstore.json`);
    const output = stage.path(`from-${version}.json`);
    expect(await stage.run(["bundle", "upgrade", bundle, "-o", output])).toMatchObject({ code: 0, stdout: "" });
    expect(await verify(bundle)).toMatchObject({ code: 0 });
    expect(await verify(output)).toMatchObject({ code: 0 });
  });

  test("what must be refused is refused after an upgrade too", async () => {
    const cases = readdirSync(join(real, "bundle-verify")).filter((name) => name.endsWith("_fail"));
    expect(cases.length).toBeGreaterThan(10);
    for (const name of cases.filter((each) => !existsSync(join(real, "bundle-verify", each, "key.pub")))) {
      const output = stage.path(`${name}.json`);
      const made = await stage.run([
        "bundle",
        "upgrade",
        join(real, "bundle-verify", name, "bundle.sigstore.json"),
        "-o",
        output,
      ]);
      expect(existsSync(output)).toBe(made.code === 0);
      if (made.code === 0) expect(await verify(output, name), name).toMatchObject({ code: 1 });
    }
  });

  test("cosign's older --bundle, and .sig with .pem and the log's promise: 0.1, with the reason why, and accepted", async () => {
    const bundle = parseBundle(utf8(textOf(join(real, "bundle-verify/happy-path-v0.2/bundle.sigstore.json"))));
    const { annotations } = formatDetached(bundle);
    const part = (name: string): string => annotations.get(name) ?? "";
    const [signature, pem, log] = [
      part("dev.cosignproject.cosign/signature"),
      part("dev.sigstore.cosign/certificate"),
      part("dev.sigstore.cosign/bundle"),
    ];
    const legacy = { base64Signature: signature, cert: base64(utf8(pem)), rekorBundle: JSON.parse(log) as unknown };
    const [converted, created] = [stage.path("converted.json"), stage.path("created.json")];
    const argv = ["bundle", "convert", stage.write("a.bundle", JSON.stringify(legacy)), "--artifact", artifact];
    const outcome = await stage.run([...argv, "-o", converted]);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).toContain("it stays at version 0.1: ");
    expect(outcome.stderr).toContain("got only the log's promise");
    const pieces = { signature: "a.sig", certificate: "a.pem", "rekor-bundle": "a.log" };
    const contents = { signature, certificate: pem, "rekor-bundle": log };
    const options = Object.entries(pieces).flatMap(([flag, name]) => [
      `--${flag}`,
      stage.write(name, contents[flag as keyof typeof contents]),
    ]);
    expect(await stage.run(["bundle", "create", artifact, ...options, "-o", created])).toMatchObject({ code: 0 });
    for (const path of [converted, created]) expect(await verify(path)).toMatchObject({ code: 0 });
    expect(textOf(created)).toBe(textOf(converted));
    expect(await stage.run(["bundle", "upgrade", created, "-o", stage.path("no.json")])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("SIGSTORE_BUNDLE_NOT_UPGRADABLE") as string,
    });
    expect(existsSync(stage.path("no.json"))).toBe(false);
  });
});
