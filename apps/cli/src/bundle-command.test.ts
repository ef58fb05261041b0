import { generateKeyPairSync, sign as signBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base64, utf8 } from "@countersign/core";
import { formatDetached, parseBundle } from "@countersign/sigstore";
import { startForwardProxy } from "./forward-proxy.ts";
import { builtMain, nodes, runProgram } from "./scenario.ts";
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

describe("what cosign kept without a proof: the log is asked, if it is named", () => {
  const kept = async (
    name: string,
    ...how: readonly string[]
  ): Promise<{ readonly app: string; readonly pem: string }> => {
    const app = stage.write(name, name);
    const { signingConfig } = stage.sigstore;
    const rekorTlogUrls = (signingConfig["rekorTlogUrls"] as { majorApiVersion: number }[]).filter(
      ({ majorApiVersion }) => majorApiVersion === 1,
    );
    const config = stage.write("rekor1.json", JSON.stringify({ ...signingConfig, rekorTlogUrls, tsaUrls: [] }));
    const signing = ["--signing-config", config, ...stage.trust, "--bundle", stage.path(`${name}.json`)];
    expect(await stage.run(["sign", app, ...how, ...signing])).toMatchObject({ code: 0 });
    const { annotations } = formatDetached(parseBundle(utf8(textOf(stage.path(`${name}.json`)))));
    const part = (key: string): string => annotations.get(key) ?? "";
    stage.write(`${name}.sig`, part("dev.cosignproject.cosign/signature"));
    const cert = part("dev.sigstore.cosign/certificate");
    const log = JSON.parse(part("dev.sigstore.cosign/bundle")) as unknown;
    const old = {
      base64Signature: part("dev.cosignproject.cosign/signature"),
      cert: base64(utf8(cert)),
      rekorBundle: log,
    };
    stage.write(`${name}.old`, JSON.stringify(old));
    return { app, pem: stage.write(`${name}.pem`, cert) };
  };

  test("by the promise, by signature and certificate, by signature and key: 0.3, and accepted", async () => {
    const { app, pem } = await kept("asked", "--identity-token", stage.path("token.jwt"));
    const log = ["--rekor-url", stage.sigstore.url];
    const [converted, upgraded] = [stage.path("by-promise.json"), stage.path("upgraded.json")];
    const old = ["bundle", "convert", stage.path("asked.old"), "--artifact", app];
    expect(await stage.run([...old, "-o", stage.path("still-0.1.json")])).toMatchObject({ code: 0 });
    expect(await stage.run([...old, ...log, "-o", converted])).toMatchObject({ code: 0 });
    const upgrade = ["bundle", "upgrade", stage.path("still-0.1.json"), ...log, "-o", upgraded, "--json"];
    expect(parsed(await stage.run(upgrade))).toMatchObject({ version: "0.3", verified: false });
    const create = ["bundle", "create", app, "--certificate", pem];
    expect((await stage.run([...create, "-o", stage.path("no-log.json")])).stderr).toContain("--rekor-url asks one");
    expect(await stage.run([...create, ...log])).toMatchObject({ code: 0 });
    for (const path of [converted, upgraded, `${app}.sigstore.json`]) {
      expect(parseBundle(utf8(textOf(path))).version).toBe("0.3");
      const verify = ["verify", app, "--bundle", path, ...stage.expected, ...stage.trust];
      expect(await stage.run(verify)).toMatchObject({ code: 0 });
    }
    const key = stage.makeKey("kept");
    const keyed = await kept("keyed", "--key", key.secret);
    expect(await stage.run(["bundle", "create", keyed.app, "--key", key.public, ...log])).toMatchObject({ code: 0 });
    const unlogged = stage.path("keyed-unlogged.json");
    expect(await stage.run(["bundle", "create", keyed.app, "-o", unlogged])).toMatchObject({ code: 0 });
    const later = ["bundle", "upgrade", unlogged, "--key", key.public, ...log, "-o", stage.path("keyed-later.json")];
    expect(await stage.run(later)).toMatchObject({ code: 0 });
    for (const path of [`${keyed.app}.sigstore.json`, stage.path("keyed-later.json")]) {
      const verify = ["verify", keyed.app, "--bundle", path, "--key", key.public, ...stage.trust];
      expect(await stage.run(verify)).toMatchObject({ code: 0 });
    }
  });

  test.each(nodes)(
    "through the proxy that the environment names, which may know the log's host alone: %s",
    async (node) => {
      const proxy = await startForwardProxy(() => stage.sigstore.url);
      try {
        const create = ["bundle", "create", stage.path("keyed"), "--key", stage.path("kept.pub")];
        const argv = [builtMain, ...create, "--rekor-url", "http://log.invalid", "-o", "-"];
        expect(await runProgram(node, argv, { env: { HTTP_PROXY: proxy.url } })).toMatchObject({ code: 0 });
        expect(proxy.asked.length).toBeGreaterThan(0);
        expect(proxy.asked.every((url) => url.startsWith("http://log.invalid/api/v1/"))).toBe(true);
      } finally {
        proxy.close();
      }
    },
  );

  test("what is not in the log, or of somebody who was not named: nothing is written", async () => {
    const app = stage.write("unlogged", "unlogged");
    stage.write("unlogged.sig", textOf(stage.path("asked.sig")));
    const create = ["bundle", "create", app, "--rekor-url", stage.sigstore.url];
    const says = (code: string): unknown => expect.stringContaining(code);
    const refused = await stage.run([...create, "--certificate", stage.path("asked.pem")]);
    expect(refused).toMatchObject({ code: 2, stderr: says("SIGSTORE_HTTP_REFUSED") });
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const other = stage.write("other.pub", publicKey.export({ type: "spki", format: "pem" }));
    stage.write("unlogged.sig", signBytes("sha256", utf8("unlogged"), privateKey).toString("base64"));
    expect(await stage.run([...create, "--key", other])).toMatchObject({
      code: 1,
      stderr: says("SIGSTORE_ENTRY_NOT_FOUND"),
    });
    expect(await stage.run(create)).toMatchObject({ code: 1, stderr: says("neither certificate nor --key") });
    const alone = ["bundle", "create", app, "--key", stage.path("kept.pub")];
    const ftp = await stage.run([...alone, "--rekor-url", "ftp://log.example"]);
    expect(ftp).toMatchObject({ code: 2, stderr: says("expected an https address") });
    expect(await stage.run(alone)).toMatchObject({ code: 2, stderr: says("CLI_OPTION_CONFLICT") });
    expect(existsSync(`${app}.sigstore.json`)).toBe(false);
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
