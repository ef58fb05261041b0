import { constants, createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import { makeVerifier, parsePublicKey } from "@countersign/core";
import { openLaxRsa, parseLaxRsaScheme, readRsaPem } from "./lax-rsa.ts";
import { parseLayoutKey } from "./key.ts";
import { bytesOf, codeOf } from "./sample.contract.ts";

const message = bytesOf("signed bytes");
const pss256 = { padding: "pss", hash: "sha256" } as const;

describe.each([1024, 1025, 2048, 2047])("RSA of %d bits, for compat", (modulusLength) => {
  const { privateKey: key, publicKey } = generateKeyPairSync("rsa", { modulusLength });
  const der = publicKey.export({ format: "der", type: "pkcs1" });

  test.each(["sha1", "sha224", "md5", "sha256", "sha384", "sha512"] as const)(
    "%s: PKCS#1, and PSS with any salt",
    (hash) => {
      const pkcs1 = openLaxRsa(der, { padding: "pkcs1", hash });
      const pss = openLaxRsa(der, { padding: "pss", hash });
      const plain = new Uint8Array(sign(hash, message, key));
      expect(pkcs1.verify(message, plain)).toBe(true);
      expect(pss.verify(message, plain)).toBe(false);
      expect(pkcs1.verify(bytesOf("other"), plain)).toBe(false);
      const longest = Math.ceil((modulusLength - 1) / 8) - createHash(hash).digest().length - 2;
      for (const saltLength of [0, 1, 20, 32, longest].filter((length) => length <= longest)) {
        const padding = constants.RSA_PKCS1_PSS_PADDING;
        const salted = new Uint8Array(sign(hash, message, { key, padding, saltLength }));
        expect(pss.verify(message, salted)).toBe(true);
        expect(pkcs1.verify(message, salted)).toBe(false);
        expect(pss.verify(bytesOf("other"), salted)).toBe(false);
        for (const at of [0, 40, salted.length - 1])
          expect(
            pss.verify(
              message,
              salted.map((byte, k) => (k === at ? byte ^ 1 : byte)),
            ),
          ).toBe(false);
      }
      for (const bad of [plain.subarray(1), new Uint8Array(0), new Uint8Array(plain.length).fill(255)]) {
        expect(pkcs1.verify(message, bad)).toBe(false);
        expect(pss.verify(message, bad)).toBe(false);
      }
    },
  );
});

test("the same key as core's, by both kinds of PEM", () => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const [spki, pkcs1] = (["spki", "pkcs1"] as const).map((type) => publicKey.export({ format: "pem", type }));
  const core = makeVerifier(parsePublicKey(String(spki)));
  for (const pem of [spki, pkcs1]) {
    const lax = openLaxRsa(readRsaPem(String(pem)), pss256);
    expect([lax.keyid, lax.spki]).toEqual([core.keyid, core.spki]);
  }
  const listed = { keyid: "ab", keytype: "rsa", scheme: "rsassa-pss-sha256", keyval: { public: String(pkcs1) } };
  expect(parseLayoutKey(listed, undefined, "compat").materialId).toBe(core.keyid);
});

test("what is no key is refused", () => {
  expect(parseLaxRsaScheme("rsa-pkcs1v15-sha1")).toEqual({ padding: "pkcs1", hash: "sha1" });
  for (const scheme of ["rsassa-pss-sha3", "rsassa-pss", "rsa-pkcs1v15-sha256 "])
    expect(codeOf(() => parseLaxRsaScheme(scheme))).toBe("INTOTO_KEY_UNSUPPORTED");
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "pem", type: "spki" });
  expect(codeOf(() => readRsaPem(String(ec)))).toBe("INTOTO_KEY_MALFORMED");
  for (const hex of ["3000", "300602010f020103", "3006020100020103", "02010f"])
    expect(codeOf(() => openLaxRsa(Buffer.from(hex, "hex"), pss256))).toBe("INTOTO_KEY_MALFORMED");
});
