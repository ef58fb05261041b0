import { cosignerKey, formatVkey } from "@countersign/tlog";
import { makeVerifier } from "@countersign/core";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setStage, type Stage } from "./stage.ts";

let stage: Stage;
let file = "";
let signer = "";
beforeAll(async () => {
  stage = await setStage();
  file = await stage.sign("release.tgz");
  signer = `signers:\n  - identity: ${stage.identity}\n    issuer: ${stage.sigstore.url}\n`;
});
afterAll(() => stage.close());

const version = "version: countersign.policy/v1\n";
const verify = async (policy: string, ...more: readonly string[]) =>
  await stage.run(["verify", file, ...stage.trust, "--policy", stage.write("policy.yaml", policy), ...more]);

describe("countersign verify --policy", () => {
  test("allows whom it names, and says by which rule", async () => {
    const outcome = await verify(version + signer, "--json");
    expect(outcome.code).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ decision: { verdict: "allowed" } });
    expect(
      (await verify(`${version}signers:\n  - identity: {glob: "*@example.org"}\n    issuer: {glob: "*"}\n`)).code,
    ).toBe(1);
  });

  test("keys lie beside the policy; bundles of two kinds add up", async () => {
    const key = stage.makeKey("second");
    mkdirSync(stage.path("policies"));
    const policy = stage.write("policies/two.yaml", `${version}threshold: 1\nsigners:\n  - key: ../second.pub\n`);
    const bundle = stage.path("second.sigstore.json");
    await stage.run(["sign", file, "--key", key.secret, "--bundle", bundle, ...stage.signing]);
    expect(await stage.run(["verify", file, "--bundle", bundle, ...stage.trust, "--policy", policy])).toMatchObject({
      code: 0,
    });
    const inline = readFileSync(key.public, "utf8")
      .trim()
      .split("\n")
      .map((line) => `      ${line}`)
      .join("\n");
    const pem = stage.write("pem.yaml", `${version}signers:\n  - pem: |\n${inline}\n`);
    expect(await stage.run(["verify", file, "--bundle", bundle, ...stage.trust, "--policy", pem])).toMatchObject({
      code: 0,
    });
    const broken = stage.write("broken.yaml", `${version}signers:\n  - pem: x\n`);
    const outcome = await stage.run(["verify", file, "--bundle", bundle, ...stage.trust, "--policy", broken]);
    expect(outcome).toMatchObject({ code: 2 });
    expect(outcome.stderr).toContain("CLI_KEY_UNUSABLE");
  });

  test("a key's id alone: no bundle carries the key", async () => {
    const keyid = `keyid: ${"ab".repeat(32)}\n`;
    const alone = await verify(`${version}signers:\n  - ${keyid}`);
    expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_KEYID_ALONE") as string });
    const beside = `${version}${signer}  - ${keyid}`;
    expect(await verify(beside)).toMatchObject({ code: 0 });
  });

  test("witnesses: those of the log are enough, strangers are not", async () => {
    const [witness] = stage.sigstore.witnesses;
    if (witness === undefined) throw new Error("the log has a witness");
    const vkey = witness.vkey;
    const of = (line: string): string => `${version}${signer}witnesses: |\n  witness W ${line}\n  quorum W\n`;
    const good = await verify(of(vkey), "--json");
    expect(good.code).toBe(0);
    const report = JSON.parse(good.stdout) as { evidence: { claims: { logs: { witnesses: string[] }[] } }[] };
    expect(report.evidence[0]?.claims.logs[0]?.witnesses).toEqual([vkey.split("+")[0]]);
    const stranger = stage.makeKey("stranger", "ed25519");
    const spki = Buffer.from(readFileSync(stranger.public, "utf8").replaceAll(/-----.*-----|\s/g, ""), "base64");
    const other = await verify(of(formatVkey(cosignerKey({ name: "stranger", verifier: makeVerifier(spki) }))));
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("SIGSTORE_LOG_UNWITNESSED");
    expect((await verify(of("x"))).code).not.toBe(0);
  });

  test("witnesses are not got around by a bundle that leaves its log entries out", async () => {
    const bundle = JSON.parse(readFileSync(`${file}.sigstore.json`, "utf8")) as { verificationMaterial: object };
    const bare = { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries: [] } };
    const path = stage.write("bare.sigstore.json", JSON.stringify(bare));
    const waived = `${version}${signer}require: {logEntries: 0}\n`;
    expect((await verify(waived, "--bundle", path)).code).toBe(0);
    const [witness] = stage.sigstore.witnesses;
    const watched = `${waived}witnesses: |\n  witness W ${witness?.vkey ?? ""}\n  quorum W\n`;
    const outcome = await verify(watched, "--bundle", path);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("SIGSTORE_TOO_FEW_LOG_ENTRIES");
  });

  test("options that contradict the file, and files that are none", async () => {
    expect(await verify(version + signer, "--key", "x.pub")).toMatchObject({ code: 2 });
    const typed = await verify(
      `${version}${signer}predicateType: https://example.com/a\n`,
      "--type",
      "https://example.com/b",
    );
    expect(typed).toMatchObject({ code: 2 });
    const waived = await verify(`${version}${signer}require: {logEntries: 1}\n`, "--danger-no-log");
    expect(waived).toMatchObject({ code: 2, stderr: expect.stringContaining("CLI_OPTION_CONFLICT") as string });
    expect(await verify(`${version}${signer}require: {times: 1}\n`, "--danger-no-log")).toMatchObject({ code: 0 });
    expect(await verify(`${version}${signer}---\n${version}`)).toMatchObject({ code: 1 });
    expect((await verify(`${version}signers: []\n`)).stderr).toContain("POLICY_NO_SIGNER");
    expect((await verify(`${version}${signer}surprise: 1\n`)).stderr).toContain("POLICY_FILE_MALFORMED");
  });

  test("what YAML has and JSON has not is no value: a threshold of .inf is not one of 1", async () => {
    for (const line of [
      "threshold: .inf",
      "threshold: .nan",
      "threshold:",
      "deny: !!omap [keys: []]",
      "deny: !!set {}",
    ])
      expect((await verify(`${version}${signer}${line}\n`)).code, line).not.toBe(0);
    const dated = await verify(`%YAML 1.1\n---\n${version}${signer}predicateType: 2026-01-01\n`);
    expect(dated.stderr).toContain("CLI_YAML_MALFORMED");
  });

  test("--offline: no key of a service is asked for, also if the policy names it", async () => {
    for (const key of ["hashivault://release", "awskms:///alias/release", "'pkcs11:object=release'"]) {
      const outcome = await verify(`${version}signers:\n  - key: ${key}\n`, "--offline");
      expect(outcome, key).toMatchObject({ code: 2 });
      expect(outcome.stderr, key).toContain("CLI_OPTION_CONFLICT");
    }
  });

  const real = fileURLToPath(new URL("../../../../shared/data/sigstore/bundle-verify/", import.meta.url));
  test.skipIf(!existsSync(real))("a real entry of Rekor 2 with the cosignatures of two live witnesses", async () => {
    const folder = join(real, "rekor2-dsse-happy-path");
    const witnesses = [
      "witness navigli witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G",
      "witness stagemole witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    ];
    const policyOf = (quorum: string): string =>
      stage.write(
        "real.yaml",
        `${version}signers:\n  - identity: {glob: "*"}\n    issuer: {glob: "*"}\nwitnesses: |\n  ${witnesses.join("\n  ")}\n  ${quorum}\n`,
      );
    const ask = async (quorum: string) =>
      await stage.run([
        "verify",
        join(real, "a.txt"),
        "--bundle",
        join(folder, "bundle.sigstore.json"),
        "--trusted-root",
        join(folder, "trusted_root.json"),
        "--policy",
        policyOf(quorum),
        "--json",
      ]);
    const both = await ask("group G all navigli stagemole\n  quorum G");
    expect(both.stdout).toContain('"witness.stagemole.eu"');
    expect(both.code).toBe(0);
  });
});
