import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, build, buildTimeoutMs, startVault, type Built, type RunningVault } from "./peer.ts";

/** `npm run test:key-interop` sets it: to fetch and build the peers takes a network, and minutes. */
const isAsked = process.env["COUNTERSIGN_KEY_INTEROP"] !== undefined;
const folder = mkdtempSync(join(tmpdir(), "countersign-key-interop-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const main = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url));
const password = "correct horse ü";

function ours(argv: readonly string[], env: Readonly<Record<string, string>>): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], { env, encoding: "utf8" });
  return { code: status, text: `${stdout}${stderr}` };
}

function peerOf(name: string): Built {
  const built = isAsked ? build(name, folder) : { missing: "not asked for" };
  if (isAsked && "missing" in built) process.stdout.write(`skipped, ${name}: ${built.missing}\n`);
  return built;
}

const format = peerOf("cosign-format");

describe.skipIf("missing" in format)("cosign's key files, by github.com/sigstore/sigstore", () => {
  const program = "program" in format ? format.program : "";
  const env = { COSIGN_PASSWORD: password };

  test.each(["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-3072", "rsa-4096"])(
    "%s: it opens ours",
    (type) => {
      const base = join(folder, type);
      expect(ours(["key", "generate", "--type", type, "-o", base], env).code).toBe(0);
      expect(ask(program, "public", password, `${base}.key`)).toBe(readFileSync(`${base}.pub`, "utf8"));
      expect(() => ask(program, "public", "wrong", `${base}.key`)).toThrowError(/./);
    },
  );

  test.each(["p256", "ed25519", "rsa"])("%s: we open its", (kind) => {
    const path = join(folder, `theirs-${kind}.key`);
    writeFileSync(path, ask(program, "make", password, kind));
    expect(ours(["key", "public", path], env)).toEqual({ code: 0, text: ask(program, "public", password, path) });
    expect(ours(["key", "public", path], { COSIGN_PASSWORD: "wrong" }).code).toBe(2);
  });
});

const vault = peerOf("vault");

describe.skipIf("missing" in vault)("Vault's transit engine", () => {
  let running: RunningVault;
  let env: Readonly<Record<string, string>> = {};
  const call = async (path: string, body: object): Promise<void> => {
    const headers = { "x-vault-token": running.token };
    const response = await fetch(`${running.address}/v1/${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
  };
  beforeAll(async () => {
    running = await startVault("program" in vault ? vault.program : "");
    env = { VAULT_ADDR: running.address, VAULT_TOKEN: running.token };
    await call("sys/mounts/transit", { type: "transit" });
    await call("sys/mounts/other", { type: "transit" });
  }, buildTimeoutMs);
  afterAll(() => running.process.kill());

  test.each(["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-4096"])("%s", async (type) => {
    await call(`transit/keys/${type}`, { type });
    const file = join(folder, `signed-${type}`);
    writeFileSync(file, type);
    const argv = [file, "--key", `hashivault://${type}`, "--danger-no-log"];
    expect(ours(["sign", ...argv], env)).toMatchObject({ code: 0 });
    expect(ours(["verify", ...argv], env)).toMatchObject({ code: 0 });
    const shown = join(folder, `${type}.vault.pub`);
    expect(ours(["key", "public", `hashivault://${type}`, "-o", shown], env)).toMatchObject({ code: 0 });
    expect(ours(["verify", file, "--key", shown, "--danger-no-log"], {})).toMatchObject({ code: 0 });
  });

  test("RSA-PSS, for links of in-toto", async () => {
    await call("transit/keys/pss", { type: "rsa-3072" });
    const argv = ["layout", "run", "-n", "step", "-k", "hashivault://pss", "-d", folder, "--", "true"];
    expect(ours(argv, { ...env, PATH: process.env["PATH"] ?? "" })).toMatchObject({ code: 0 });
  });

  test("a rotated key signs by its newest version, or the one that is named", async () => {
    await call("transit/keys/rotated", { type: "ecdsa-p256" });
    const first = ours(["key", "public", "hashivault://rotated"], env).text;
    await call("transit/keys/rotated/rotate", {});
    const second = ours(["key", "public", "hashivault://rotated"], env).text;
    expect(second).not.toBe(first);
    expect(ours(["key", "public", "hashivault://rotated?version=1"], env).text).toBe(first);
    const file = join(folder, "by-the-old-one");
    writeFileSync(file, "x");
    const argv = [file, "--key", "hashivault://rotated?version=1", "--danger-no-log"];
    expect(ours(["sign", ...argv], env)).toMatchObject({ code: 0 });
    expect(ours(["verify", ...argv], env)).toMatchObject({ code: 0 });
    expect(ours(["verify", file, "--key", "hashivault://rotated", "--danger-no-log"], env)).toMatchObject({ code: 1 });
  });

  test("another mount, a key that is not there, a key that signs nothing, a token that may nothing", async () => {
    await call("other/keys/here", { type: "ecdsa-p256" });
    const look = (name: string, more: Readonly<Record<string, string>> = {}): { code: number | null; text: string } =>
      ours(["key", "public", `hashivault://${name}`], { ...env, ...more });
    expect(look("here", { TRANSIT_SECRET_ENGINE_PATH: "other" })).toMatchObject({ code: 0 });
    expect(look("here").text).toContain("[SIGSTORE_KEY_SERVICE_REFUSED]");
    await call("transit/keys/aes", { type: "aes256-gcm96" });
    expect(look("aes").text).toContain("[SIGSTORE_KEY_SERVICE_RESPONSE]");
    const refused = look("rotated", { VAULT_TOKEN: "hvs.nobody-knows-me" });
    expect(refused.text).toContain("[SIGSTORE_KEY_SERVICE_REFUSED]");
    expect(refused.text).not.toContain("hvs.nobody");
  });
});
