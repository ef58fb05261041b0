import { readdirSync } from "node:fs";
import { makeHeldKey, startKeyService, vaultProtocol, type KeyService } from "@countersign/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateKeyPairSync } from "node:crypto";
import { setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const password = "hunter2-and-more";

/** A key pair in files, the private half encrypted as PKCS#8. */
function sealedPair(name: string): { readonly secret: string; readonly public: string } {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const sealed = pair.privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: password });
  const shown = pair.publicKey.export({ type: "spki", format: "pem" });
  return { secret: stage.write(`${name}.pem`, sealed), public: stage.write(`${name}.pub`, shown) };
}

describe("sign --key with an encrypted key", () => {
  test.each([
    ["$COUNTERSIGN_PASSWORD", { env: { COUNTERSIGN_PASSWORD: password } }, []],
    ["$COSIGN_PASSWORD", { env: { COSIGN_PASSWORD: password } }, []],
    ["ours before cosign's", { env: { COUNTERSIGN_PASSWORD: password, COSIGN_PASSWORD: "x" } }, []],
    ["a person", { secrets: [password] }, []],
    ["a file", {}, ["--password-file", "password"]],
    ["a file before the environment", { env: { COUNTERSIGN_PASSWORD: "x" } }, ["--password-file", "password"]],
  ])("the password from %s", async (_, options, flags) => {
    const key = sealedPair("sealed");
    stage.write("password", `${password}\n`);
    const file = stage.write("app", "x");
    const argv = flags.map((word) => (word === "password" ? stage.path(word) : word));
    const signed = await stage.run(["sign", file, "--key", key.secret, ...argv, ...stage.signing], options);
    expect(signed).toMatchObject({ code: 0 });
    expect(signed.stderr).not.toContain(password);
    expect(await stage.run(["verify", file, "--key", key.public, ...stage.trust])).toMatchObject({ code: 0 });
  });

  test.each([
    ["SIGSTORE_KEY_PASSWORD_NEEDED", {}],
    ["SIGSTORE_KEY_PASSWORD_WRONG", { env: { COUNTERSIGN_PASSWORD: "wrong-password-1" } }],
    ["SIGSTORE_KEY_PASSWORD_WRONG", { secrets: ["wrong-password-1"] }],
    ["SIGSTORE_KEY_PASSWORD_WRONG", { env: { COUNTERSIGN_PASSWORD: "" } }],
    ["SIGSTORE_KEY_PASSWORD_NEEDED", { secrets: [password], env: { CI: "true" } }],
  ])("%s, and nothing is written", async (code, options) => {
    const key = sealedPair("closed");
    const file = stage.write("unsigned", "x");
    for (const more of [[], ["--json"], ["--debug"]]) {
      const outcome = await stage.run(["sign", file, "--key", key.secret, ...stage.signing, ...more], options);
      expect(outcome.code).toBe(2);
      expect(outcome.stderr).toContain(`[${code}]`);
      expect(outcome.stdout + outcome.stderr).not.toContain("wrong-password-1");
    }
    expect(readdirSync(stage.folder)).not.toContain("unsigned.sigstore.json");
  });

  test("absurd scrypt parameters: refused before a password is asked for, and nothing is written", async () => {
    await stage.run(["key", "generate", "-o", stage.path("absurd")], { env: { COUNTERSIGN_PASSWORD: password } });
    const [, body = ""] = textOf(stage.path("absurd.key"))
      .replaceAll("\n", "")
      .split("-----")
      .filter((part) => part !== "");
    const json = Buffer.from(body, "base64").toString("utf8").replace('"N":65536', '"N":1073741824');
    const label = "ENCRYPTED SIGSTORE PRIVATE KEY";
    const pem = `-----BEGIN ${label}-----\n${Buffer.from(json).toString("base64")}\n-----END ${label}-----\n`;
    const file = stage.write("unsigned-absurd", "x");
    const argv = ["sign", file, "--key", stage.write("absurd.pem", pem), ...stage.signing];
    const outcome = await stage.run(argv, { secrets: [password] });
    expect(outcome).toMatchObject({ code: 1 });
    expect(outcome.stderr).toContain("[SIGSTORE_KEY_WORK]");
    expect(outcome.stderr).not.toContain("Password of");
    expect(readdirSync(stage.folder)).not.toContain("unsigned-absurd.sigstore.json");
  });

  test("no password is asked for by a key that needs none", async () => {
    const key = stage.makeKey("open");
    const file = stage.write("plain", "x");
    const outcome = await stage.run(["sign", file, "--key", key.secret, ...stage.signing], { secrets: ["x"] });
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).not.toContain("Password");
  });
});

describe("env://", () => {
  test("holds a private key for sign and a public one for verify", async () => {
    const key = stage.makeKey("variable", "ed25519");
    const env = { SECRET: textOf(key.secret), SHOWN: textOf(key.public) };
    const file = stage.write("by-env", "x");
    expect(await stage.run(["sign", file, "--key", "env://SECRET", ...stage.signing], { env })).toMatchObject({
      code: 0,
    });
    // An Ed25519 signature in a log is one of Ed25519ph.
    expect(await stage.run(["verify", file, "--key", "env://SHOWN", ...stage.trust], { env })).toMatchObject({
      code: 0,
    });
    const wrong = await stage.run(["verify", file, "--key", "env://SECRET", ...stage.trust], { env });
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toContain("[CLI_KEY_PRIVATE]");
  });

  test.each([
    ["env://NOT_SET", "SIGSTORE_KEY_VARIABLE"],
    ["env://", "SIGSTORE_KEY_REFERENCE"],
    ["env://A-B", "SIGSTORE_KEY_REFERENCE"],
    ["https://example.com/key.pub", "SIGSTORE_KEY_REFERENCE"],
    ["k8s://namespace/secret", "CLI_KUBECONFIG"],
    ["HASHIVAULT://key", "SIGSTORE_KEY_REFERENCE"],
    ["vault://user:secret-word@host/key", "SIGSTORE_KEY_REFERENCE"],
    [`x://${"a".repeat(5000)}`, "SIGSTORE_KEY_REFERENCE"],
  ])("%s: %s", async (reference, code) => {
    const file = stage.write("by-nothing", "x");
    for (const argv of [
      ["sign", file, "--key", reference, ...stage.signing],
      ["verify", file, "--key", reference, ...stage.trust],
    ]) {
      const outcome = await stage.run(argv);
      expect(outcome.code).toBe(2);
      expect(outcome.stderr).toContain(`[${code}]`);
      expect(outcome.stderr).not.toContain("secret-word");
    }
  });
});

test("layouts and links take the same references", async () => {
  const key = sealedPair("functionary");
  const env = {
    COUNTERSIGN_PASSWORD: password,
    COSIGN_PKCS11_PIN: "918273",
    SHOWN: textOf(key.public),
    PATH: process.env["PATH"] ?? "",
  };
  const argv = ["layout", "run", "-n", "step", "-k", key.secret, "-d", stage.folder];
  const dump = ["--", "sh", "-c", `env > ${stage.path("dumped")}`];
  expect(await stage.run([...argv, ...dump], { env })).toMatchObject({ code: 0 });
  expect(textOf(stage.path("dumped"))).toContain("SHOWN=");
  expect(textOf(stage.path("dumped"))).not.toContain(password);
  expect(textOf(stage.path("dumped"))).not.toContain("918273");
  const link = readdirSync(stage.folder).find((name) => name.startsWith("step.")) ?? "";
  const check = ["layout", "sign", stage.path(link), "--verify", "--key", "env://SHOWN"];
  expect(await stage.run(check, { env })).toMatchObject({ code: 0 });
  const stranger = stage.makeKey("stranger");
  const refused = await stage.run(check, { env: { SHOWN: textOf(stranger.public) } });
  expect(refused).toMatchObject({ code: 1 });
});

describe("a key that a service holds", () => {
  const token = "hvs.TokenOfTheTest";
  const withVault = async (work: (vault: KeyService, env: Record<string, string>) => Promise<void>): Promise<void> => {
    const vault = await startKeyService(vaultProtocol({ token, name: "release", versions: [makeHeldKey("p256")] }));
    try {
      await work(vault, { VAULT_ADDR: vault.url, VAULT_TOKEN: token });
    } finally {
      await vault.close();
    }
  };
  const reference = "hashivault://release";

  test("signs into a log, without one, and shows its public half", () =>
    withVault(async (_, env) => {
      const file = stage.write("by-vault", "x");
      for (const log of [[], ["--danger-no-log"]]) {
        const argv = [file, "--key", reference, ...log];
        expect(await stage.run(["sign", ...argv, ...stage.signing], { env })).toMatchObject({ code: 0 });
        expect(await stage.run(["verify", ...argv, ...stage.trust], { env })).toMatchObject({ code: 0 });
        const offline = await stage.run(["verify", ...argv, ...stage.trust, "--offline"], { env });
        expect(offline).toMatchObject({ code: 2 });
        expect(offline.stderr).toContain("[CLI_OPTION_CONFLICT]");
      }
      const shown = stage.write("vault.pub", (await stage.run(["key", "public", reference], { env })).stdout);
      expect(await stage.run(["verify", file, "--key", shown, "--danger-no-log", ...stage.trust])).toMatchObject({
        code: 0,
      });
      const inspected = await stage.run(["key", "inspect", reference], { env });
      expect(inspected.stdout).toContain("held by a token or service");
    }));

  test.each(["other-key", "other-digest", "rubbish-signature", "refuse", "echo-secrets", "no-json"] as const)(
    "%s: refused, nothing written, no token in any message",
    (fault) =>
      withVault(async (vault, env) => {
        const file = stage.write("by-liar", "x");
        vault.fault = fault;
        const outcome = await stage.run(["sign", file, "--key", reference, "--debug", ...stage.signing], { env });
        expect(outcome.code).toBeGreaterThan(0);
        expect(outcome.stderr).toContain("[SIGSTORE_KEY_S");
        expect(outcome.stderr).not.toContain(token);
        expect(readdirSync(stage.folder)).not.toContain("by-liar.sigstore.json");
      }),
  );

  test("links of a supply chain are signed by it, too", () =>
    withVault(async (_, env) => {
      const argv = ["layout", "run", "-n", "held", "-k", reference, "-d", stage.folder, "--", "true"];
      const path = { ...env, PATH: process.env["PATH"] ?? "" };
      expect(await stage.run(argv, { env: path })).toMatchObject({ code: 0 });
      const link = readdirSync(stage.folder).find((name) => name.startsWith("held.")) ?? "";
      const check = ["layout", "sign", stage.path(link), "--verify", "--key", reference];
      expect(await stage.run(check, { env })).toMatchObject({ code: 0 });
    }));
});

describe("without a log, with a timestamp", () => {
  test.each(["ecdsa-p256", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"])("%s", async (type) => {
    const base = stage.path(`stamped-${type}`);
    expect(await stage.run(["key", "generate", "--type", type, "-o", base, "--danger-unencrypted"])).toMatchObject({
      code: 0,
    });
    const file = stage.write(`stamped-file-${type}`, "x");
    const argv = [file, "--key", `${base}.key`, "--danger-no-log", "--timestamp", ...stage.signing];
    const signed = await stage.run(["sign", ...argv]);
    expect(signed).toMatchObject({ code: 0 });
    expect(signed.stderr.includes("experimental")).toBe(type.startsWith("ml-dsa"));
    const bundle = JSON.parse(textOf(`${file}.sigstore.json`)) as {
      verificationMaterial: { timestampVerificationData: { rfc3161Timestamps: unknown[] }; tlogEntries: unknown[] };
    };
    expect(bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps).toHaveLength(1);
    expect(bundle.verificationMaterial.tlogEntries ?? []).toHaveLength(0);
    const verify = ["verify", file, "--key", `${base}.pub`, ...stage.trust];
    const outcome = await stage.run([...verify, "--danger-no-log"]);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).toMatch(/time/);
    expect(await stage.run(verify)).toMatchObject({ code: 1 });
  });

  test("a lying authority: nothing is written", async () => {
    const key = stage.makeKey("stamped-badly");
    const file = stage.write("stamped-badly-file", "x");
    stage.sigstore.faults.set("tsa", { kind: "wrong-hash" });
    const argv = ["sign", file, "--key", key.secret, "--danger-no-log", "--timestamp", ...stage.signing];
    const outcome = await stage.run(argv);
    stage.sigstore.faults.clear();
    expect(outcome).toMatchObject({ code: 1 });
    expect(readdirSync(stage.folder)).not.toContain("stamped-badly-file.sigstore.json");
  });

  test("ML-DSA and a log, or --timestamp alone, is wrong usage", async () => {
    const base = stage.path("logged-ml-dsa");
    await stage.run(["key", "generate", "--type", "ml-dsa-44", "-o", base, "--danger-unencrypted"]);
    const file = stage.write("not-logged", "x");
    const logged = await stage.run(["sign", file, "--key", `${base}.key`, ...stage.signing]);
    expect(logged).toMatchObject({ code: 2 });
    expect(logged.stderr).toContain("[SIGSTORE_SIGN_ALGORITHM]");
    for (const argv of [["--key", `${base}.key`], []]) {
      const alone = await stage.run(["sign", file, ...argv, "--timestamp", ...stage.signing]);
      expect(alone.stderr).toContain("[CLI_OPTION_CONFLICT]");
    }
    expect(readdirSync(stage.folder)).not.toContain("not-logged.sigstore.json");
  });
});
