import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { parseDer, type DerNode, type JsonObject } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { parseKeyFile } from "./key-file.ts";
import { isOwnKeyId, maxSubkeys, parseLayoutKey } from "./key.ts";
import { isOpenPgpSignature, type OpenPgpKey } from "./openpgp.ts";
import { bytesOf, codeOf } from "./sample.contract.ts";
import { pemOf } from "./key-pem.contract.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;

/** What securesystemslib exports of a key, and a signature as gpg makes it. */
function openpgpRsa(): { readonly json: JsonObject; readonly secret: KeyObject } {
  const { n = "", e = "" } = createPublicKey(rsa).export({ format: "jwk" });
  const [modulus, exponent] = [n, e].map((each) => Buffer.from(each, "base64url").toString("hex"));
  const value = {
    type: "rsa",
    method: "pgp+rsa-pkcsv1.5",
    hashes: ["pgp+SHA2"],
    keyid: "ab12",
    keyval: { private: "", public: { n: modulus, e: exponent } },
  };
  return { json: value, secret: rsa };
}

describe("an OpenPGP key", () => {
  const { json: exported, secret } = openpgpRsa();
  const message = bytesOf("signed bytes");
  const otherHeaders = Uint8Array.of(4, 0, 1, 8, 0, 0);
  const trailer = Uint8Array.of(4, 255, 0, 0, 0, 6);
  const openpgpOf = (value: JsonObject): OpenPgpKey => {
    const { check } = parseLayoutKey(value);
    return check.kind === "openpgp" ? check.openpgp : expect.unreachable();
  };

  test("RSA: over message, headers and trailer, leading zeros left out", () => {
    const key = openpgpOf(exported);
    let found = false;
    for (let k = 0; k < 5000 && !found; k++) {
      const headers = Uint8Array.of(4, 0, 1, 8, k >> 8, k & 255);
      const signature = new Uint8Array(sign("sha256", Buffer.concat([message, headers, trailer]), secret));
      if (k === 0) expect(isOpenPgpSignature(key, message, { otherHeaders: headers, signature })).toBe(true);
      if (signature[0] !== 0) continue;
      found = true;
      const short = signature.slice(1);
      expect(isOpenPgpSignature(key, message, { otherHeaders: headers, signature: short })).toBe(true);
    }
    expect(found).toBe(true);
  });

  test("takes nothing else for a signature", () => {
    const key = openpgpOf(exported);
    const signature = new Uint8Array(sign("sha256", Buffer.concat([message, otherHeaders, trailer]), secret));
    expect(isOpenPgpSignature(key, message, { otherHeaders, signature })).toBe(true);
    expect(isOpenPgpSignature(key, bytesOf("other"), { otherHeaders, signature })).toBe(false);
    expect(isOpenPgpSignature(key, message, { otherHeaders: otherHeaders.slice(0, 5), signature })).toBe(false);
    expect(isOpenPgpSignature(key, message, { otherHeaders, signature: new Uint8Array(0) })).toBe(false);
    expect(isOpenPgpSignature(key, message, { otherHeaders, signature: new Uint8Array(300) })).toBe(false);
    // A key binding, or a hash that is not SHA-256, is no signature of a document here.
    for (const at of [0, 1, 2, 3]) {
      const odd = otherHeaders.map((byte, k) => (k === at ? byte + 1 : byte));
      const made = new Uint8Array(sign("sha256", Buffer.concat([message, odd, trailer]), secret));
      expect(isOpenPgpSignature(key, message, { otherHeaders: odd, signature: made })).toBe(false);
    }
  });

  test("EdDSA: over the digest", () => {
    const secretKey = generateKeyPairSync("ed25519").privateKey;
    const { x = "" } = createPublicKey(secretKey).export({ format: "jwk" });
    const q = Buffer.from(x, "base64url").toString("hex");
    const key = openpgpOf({
      type: "eddsa",
      method: "pgp+eddsa-ed25519",
      hashes: [],
      keyid: "cd",
      keyval: { public: { q } },
    });
    const headers = Uint8Array.of(4, 0, 22, 8, 0, 0);
    const digest = createHash("sha256")
      .update(Buffer.concat([message, headers, trailer]))
      .digest();
    const signature = new Uint8Array(sign(null, digest, secretKey));
    expect(isOpenPgpSignature(key, message, { otherHeaders: headers, signature })).toBe(true);
    expect(isOpenPgpSignature(key, message, { otherHeaders, signature })).toBe(false);
  });

  test("compat looks at no header, and takes short keys", () => {
    const odd = Uint8Array.of(4, 1, 1, 2, 0, 0);
    const made = new Uint8Array(sign("sha256", Buffer.concat([message, odd, trailer]), secret));
    const read = openpgpOf(exported);
    expect(isOpenPgpSignature(read, message, { otherHeaders: odd, signature: made })).toBe(false);
    expect(isOpenPgpSignature(read, message, { otherHeaders: odd, signature: made }, "compat")).toBe(true);
    const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
    const { n = "", e = "" } = createPublicKey(short).export({ format: "jwk" });
    const [modulus, exponent] = [n, e].map((each) => Buffer.from(each, "base64url").toString("hex"));
    const value = { ...exported, keyval: { private: "", public: { n: modulus, e: exponent } } };
    expect(codeOf(() => parseLayoutKey(value))).toBe("CORE_KEY_WEAK");
    const { check } = parseLayoutKey(value, undefined, "compat");
    const signature = new Uint8Array(sign("sha256", Buffer.concat([message, otherHeaders, trailer]), short));
    const isGood = (of: Uint8Array): boolean =>
      check.kind === "openpgp" && isOpenPgpSignature(check.openpgp, of, { otherHeaders, signature }, "compat");
    expect([isGood(message), isGood(bytesOf("other"))]).toEqual([true, false]);
  });

  test("DSA: r and s over as much of the digest as q is long", () => {
    for (const [modulusLength, divisorLength] of [
      [2048, 256],
      [2048, 224],
      [1024, 160],
    ] as const) {
      const dsa = generateKeyPairSync("dsa", { modulusLength, divisorLength }).privateKey;
      const [identifier, bits] = parseDer(createPublicKey(dsa).export({ format: "der", type: "spki" })).children;
      const numbers = [...(identifier?.children[1]?.children ?? []), parseDer((bits as DerNode).content.subarray(1))];
      const [p = "", q = "", g = "", y = ""] = numbers.map(({ content }) => Buffer.from(content).toString("hex"));
      const value = { ...exported, type: "dsa", method: "pgp+dsa-fips-180-2", keyval: { public: { p, q, g, y } } };
      if (divisorLength === 160) expect(codeOf(() => parseLayoutKey(value))).toBe("INTOTO_KEY_WEAK");
      const { check } = parseLayoutKey(value, undefined, "compat");
      if (check.kind !== "openpgp") return expect.unreachable();
      const headers = Uint8Array.of(4, 0, 17, 8, 0, 0);
      const signature = new Uint8Array(sign("sha256", Buffer.concat([message, headers, trailer]), dsa));
      const isGood = (of: Uint8Array, sig: Uint8Array): boolean =>
        isOpenPgpSignature(check.openpgp, of, { otherHeaders: headers, signature: sig });
      expect(isGood(message, signature)).toBe(true);
      expect(isGood(bytesOf("other"), signature)).toBe(false);
      for (let at = 0; at < signature.length; at++)
        expect(
          isGood(
            message,
            signature.map((byte, k) => (k === at ? byte ^ 1 : byte)),
          ),
        ).toBe(false);
      for (const sig of ["", "3006020100020100", "3003020101", "3006020101020101", "02010100"])
        expect(isGood(message, Buffer.from(sig, "hex"))).toBe(false);
    }
    return undefined;
  });

  test("is the same material as the plain key", () => {
    const plain = parseKeyFile(bytesOf(pemOf(rsa).public));
    expect(parseLayoutKey(exported).materialId).toBe(plain.materialId);
    expect(isOwnKeyId(parseLayoutKey(exported))).toBe(true);
  });

  test("has subkeys, and an end", () => {
    const subkeys = { cd: { ...exported, keyid: "cd" } };
    const key = parseLayoutKey({ ...exported, subkeys, creation_time: 1000, validity_period: 60 });
    expect([...key.subkeys.keys()]).toEqual(["cd"]);
    expect(key.check).toMatchObject({ kind: "openpgp", openpgp: { expiresMs: 1_060_000 } });
    expect(openpgpOf({ ...exported, creation_time: 1000 }).expiresMs).toBeUndefined();
  });

  test.each<[JsonObject, string]>([
    [{ type: "elgamal", method: "pgp+elgamal" }, "INTOTO_KEY_UNSUPPORTED"],
    [{ type: "dsa", method: "pgp+rsa-pkcsv1.5" }, "INTOTO_KEY_UNSUPPORTED"],
    [{ type: "dsa", method: "pgp+dsa-fips-180-2" }, "INTOTO_KEY_MALFORMED"],
    [{ method: "pgp+rsa-pss" }, "INTOTO_KEY_UNSUPPORTED"],
    [{ keyval: { public: { n: "zz", e: "03" } } }, "INTOTO_KEY_MALFORMED"],
    [{ keyval: { public: "x" } }, "INTOTO_KEY_MALFORMED"],
    [{ creation_time: -1, validity_period: 1 }, "INTOTO_KEY_MALFORMED"],
    [{ validity_period: 1.5 }, "INTOTO_KEY_MALFORMED"],
    [{ keyval: { public: { n: "0b", e: "03" } } }, "CORE_KEY_WEAK"],
    [
      { subkeys: Object.fromEntries(Array.from({ length: maxSubkeys + 1 }, (_, k) => [String(k), exported])) },
      "INTOTO_KEY_MALFORMED",
    ],
    [{ subkeys: { cd: exported } }, "INTOTO_KEY_MALFORMED"],
  ])("with %.60j is refused", (change, code) => {
    expect(codeOf(() => parseLayoutKey({ ...exported, ...change }))).toBe(code);
  });

  test("has an id", () => {
    const { keyid: _, ...nameless } = exported;
    expect(codeOf(() => parseLayoutKey(nameless))).toBe("INTOTO_KEY_MALFORMED");
    expect(parseLayoutKey(nameless, "ef").keyid).toBe("ef");
  });
});
