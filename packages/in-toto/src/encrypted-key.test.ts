import { createCipheriv, createHmac, generateKeyPairSync, pbkdf2Sync, randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeVerifier, utf8 } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { maxKeyIterations, readEncryptedKey } from "./encrypted-key.node.ts";
import { parseKeyFile, type InTotoSigner } from "./key-file.ts";
import { codeOf } from "./sample.contract.ts";

const password = "pässword";
const plain = { keytype: "ed25519", scheme: "ed25519", keyval: { public: "", private: "" } };

/** As securesystemslib writes it, from its documentation; the real one is asked below. */
function seal(text: string, iterations = 1000): string {
  const [salt, iv] = [randomBytes(16), randomBytes(16)];
  const key = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const cipher = createCipheriv("aes-256-ctr", key, iv);
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  const mac = createHmac("sha256", key).update(sealed).digest("hex");
  return [salt.toString("hex"), iterations, mac, iv.toString("hex"), sealed.toString("hex")].join("@@@@");
}

function open(text: string | Uint8Array, given = password): InTotoSigner | undefined {
  return readEncryptedKey(typeof text === "string" ? utf8(text) : text)?.open(given);
}

function ed25519Json(): { readonly text: string; readonly hex: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const hex = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex");
  const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32).toString("hex");
  return { hex, text: JSON.stringify({ ...plain, keyval: { public: hex, private: seed } }) };
}

describe("securesystemslib's encrypted keys", () => {
  const { text, hex } = ed25519Json();
  const sealed = seal(text);

  test("are opened by their password, and sign", async () => {
    const signer = open(`${sealed}\n`);
    expect(signer?.key.public).toBe(hex);
    const message = utf8("message");
    const sig = (await signer?.signer.sign({ message })) ?? new Uint8Array(0);
    expect(makeVerifier(signer?.signer.spki ?? new Uint8Array(0), "ed25519").verify(message, sig)).toBe(true);
  });

  test("are refused with another password, or where a byte was changed", () => {
    expect(codeOf(() => open(sealed, "other"))).toBe("INTOTO_KEY_PASSWORD");
    const parts = sealed.split("@@@@");
    for (const at of [0, 2, 3, 4]) {
      const part = parts[at] ?? "";
      const changed = parts.with(at, (part.startsWith("0") ? "1" : "0") + part.slice(1)).join("@@@@");
      // The IV has no protection of its own; what comes out is no key.
      expect(["INTOTO_KEY_PASSWORD", "INTOTO_PRIVATE_KEY_MALFORMED", "CORE_TEXT_MALFORMED"]).toContain(
        codeOf(() => open(changed)),
      );
    }
  });

  test("may not take for ever, and what holds no key is none", () => {
    const slow = sealed.replace("@@@@1000@@@@", `@@@@${maxKeyIterations + 1}@@@@`);
    expect(codeOf(() => open(slow))).toBe("INTOTO_PRIVATE_KEY_MALFORMED");
    expect(codeOf(() => open(seal("{}")))).toBe("INTOTO_PRIVATE_KEY_MALFORMED");
    for (const other of ["", "ab@@@@", text, sealed.replace("@@@@", "@@@"), sealed.toUpperCase(), `x${sealed}`])
      expect(open(other)).toBeUndefined();
  });
});

describe("encrypted PEM in OpenSSL's old form", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({
    format: "pem",
    type: "pkcs1",
    cipher: "aes-256-cbc",
    passphrase: password,
  }) as string;

  test("is opened by its password", () => {
    expect(open(pem)?.key).toMatchObject({ keytype: "rsa", scheme: "rsassa-pss-sha256" });
    expect(codeOf(() => open(pem, "other"))).toBe("INTOTO_KEY_PASSWORD");
    expect(open(pem.replace("AES-256-CBC", "DES-EDE3-CBC"))).toBeUndefined();
    expect(open(privateKey.export({ format: "pem", type: "pkcs8" }) as string)).toBeUndefined();
  });
});

const python = "/usr/bin/python3";
const script = `
import sys
from securesystemslib import interface
for kind in ("ed25519", "ecdsa", "rsa"):
    getattr(interface, "_generate_and_write_%s_keypair" % kind)(filepath=sys.argv[1] + "/" + kind, password=sys.argv[2])
`;
const hasReference = spawnSync(python, ["-c", "import securesystemslib.interface"]).status === 0;

test.skipIf(!hasReference)("keys that the reference itself made and encrypted", () => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-keys-"));
  try {
    const made = spawnSync(python, ["-c", script, folder, password], { encoding: "utf8" });
    expect(made.stderr).toBe("");
    for (const kind of ["ed25519", "ecdsa", "rsa"]) {
      const own = open(new Uint8Array(readFileSync(join(folder, kind))));
      expect(own?.key.keyid).toBe(parseKeyFile(new Uint8Array(readFileSync(join(folder, `${kind}.pub`)))).keyid);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
