import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { algorithmNames, algorithmOf, defaultAlgorithm, x509Algorithm } from "./algorithm.ts";
import { parseHex } from "./bytes.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const spkiOf = (pair: { publicKey: { export(o: { format: "der"; type: "spki" }): Buffer } }): Uint8Array =>
  new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }));
const p256 = spkiOf(generateKeyPairSync("ec", { namedCurve: "P-256" }));
const p384 = spkiOf(generateKeyPairSync("ec", { namedCurve: "P-384" }));
const p521 = spkiOf(generateKeyPairSync("ec", { namedCurve: "P-521" }));
const rsa = spkiOf(generateKeyPairSync("rsa", { modulusLength: 2048 }));
const ed25519 = spkiOf(generateKeyPairSync("ed25519"));
const mlDsa = spkiOf(generateKeyPairSync("ml-dsa-65"));

describe("the table", () => {
  test("has 20 rows, each found by its name, and no other", () => {
    expect(algorithmNames).toHaveLength(20);
    for (const name of algorithmNames) expect(algorithmOf(name).name).toBe(name);
    for (const name of ["", "toString", "__proto__", "ecdsa", "ECDSA-P256-SHA256", "rsa-pkcs1-sha1", "ed448"]) {
      expect(() => algorithmOf(name)).toThrowError(code("CORE_ALGORITHM_UNKNOWN"));
    }
  });

  test("says of each whether a digest is enough, and of which hash", () => {
    const whole = algorithmNames.filter((name) => !algorithmOf(name).digestable);
    expect(whole).toEqual(["ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"]);
    for (const name of algorithmNames) {
      const { digestable, hash } = algorithmOf(name);
      expect(hash !== undefined).toBe(digestable);
      if (name.includes("sha")) expect(name.endsWith(hash ?? "none")).toBe(true);
    }
    expect(algorithmOf("ed25519ph").hash).toBe("sha512");
  });

  test("gives each kind of key its default", () => {
    expect([p256, p384, p521, rsa, ed25519, mlDsa].map(defaultAlgorithm)).toEqual([
      "ecdsa-p256-sha256",
      "ecdsa-p384-sha384",
      "ecdsa-p521-sha512",
      "rsa-pkcs1-sha256",
      "ed25519",
      "ml-dsa-65",
    ]);
  });
});

describe("x509Algorithm", () => {
  const nul = parseHex("0500");

  test("reads every identifier there is, with the issuer's curve", () => {
    expect(x509Algorithm({ oid: "1.2.840.10045.4.3.2" }, p256)).toBe("ecdsa-p256-sha256");
    expect(x509Algorithm({ oid: "1.2.840.10045.4.3.3" }, p256)).toBe("ecdsa-p256-sha384");
    expect(x509Algorithm({ oid: "1.2.840.10045.4.3.3" }, p384)).toBe("ecdsa-p384-sha384");
    expect(x509Algorithm({ oid: "1.2.840.10045.4.3.4" }, p521)).toBe("ecdsa-p521-sha512");
    expect(x509Algorithm({ oid: "1.2.840.113549.1.1.11", params: nul }, rsa)).toBe("rsa-pkcs1-sha256");
    expect(x509Algorithm({ oid: "1.2.840.113549.1.1.12", params: nul }, rsa)).toBe("rsa-pkcs1-sha384");
    expect(x509Algorithm({ oid: "1.2.840.113549.1.1.13", params: nul }, rsa)).toBe("rsa-pkcs1-sha512");
    expect(x509Algorithm({ oid: "1.3.101.112" }, ed25519)).toBe("ed25519");
    expect(x509Algorithm({ oid: "2.16.840.1.101.3.4.3.18" }, mlDsa)).toBe("ml-dsa-65");
  });

  test("refuses SHA-1, MD5 and what it does not know", () => {
    for (const oid of ["1.2.840.113549.1.1.5", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.2", "1.3.14.3.2.29"]) {
      expect(() => x509Algorithm({ oid, params: nul }, rsa)).toThrowError(code("CORE_ALGORITHM_WEAK"));
    }
    expect(() => x509Algorithm({ oid: "1.2.840.10045.4.1" }, p256)).toThrowError(code("CORE_ALGORITHM_WEAK"));
    for (const oid of ["1.2.840.10045.4.3.1", "1.2.3", "", "1.3.101.113", "1.2.840.113549.1.1.14"]) {
      expect(() => x509Algorithm({ oid }, p256)).toThrowError(code("CORE_ALGORITHM_UNKNOWN"));
    }
  });

  test("refuses parameters that are there, missing or other than the RFC's", () => {
    const bad: [string, Uint8Array | undefined, Uint8Array][] = [
      ["1.2.840.10045.4.3.2", nul, p256],
      ["1.2.840.113549.1.1.11", undefined, rsa],
      ["1.2.840.113549.1.1.11", parseHex("3000"), rsa],
      ["1.2.840.113549.1.1.11", parseHex("050000"), rsa],
      ["1.3.101.112", nul, ed25519],
      ["2.16.840.1.101.3.4.3.18", nul, mlDsa],
    ];
    for (const [oid, params, issuer] of bad) {
      const identifier = params === undefined ? { oid } : { oid, params };
      expect(() => x509Algorithm(identifier, issuer), oid).toThrowError(code("CORE_ALGORITHM_PARAMETERS"));
    }
  });

  test("refuses an algorithm that the issuer's key cannot have", () => {
    const bad: [string, Uint8Array | undefined, Uint8Array][] = [
      ["1.2.840.10045.4.3.2", undefined, rsa],
      ["1.2.840.113549.1.1.11", nul, p256],
      ["1.3.101.112", undefined, p256],
      ["2.16.840.1.101.3.4.3.17", undefined, mlDsa],
      ["1.2.840.10045.4.3.2", undefined, ed25519],
    ];
    for (const [oid, params, issuer] of bad) {
      const identifier = params === undefined ? { oid } : { oid, params };
      expect(() => x509Algorithm(identifier, issuer), oid).toThrowError(code("CORE_ALGORITHM_MISMATCH"));
    }
  });
});

describe("RSA-PSS parameters", () => {
  const oid = "1.2.840.113549.1.1.10";
  // As OpenSSL writes them into a certificate signed with -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1.
  const sha256 =
    "3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120";
  const sha512 = sha256.replaceAll("6503040201", "6503040203").replace(/20$/, "40");

  test("with one SHA-2 hash for both uses and a salt of its length, NULL or not", () => {
    expect(x509Algorithm({ oid, params: parseHex(sha256) }, rsa)).toBe("rsa-pss-sha256");
    expect(x509Algorithm({ oid, params: parseHex(sha512) }, rsa)).toBe("rsa-pss-sha512");
    const bare = "3030a00d300b0609608648016503040201a11a301806092a864886f70d010108300b0609608648016503040201a203020120";
    expect(x509Algorithm({ oid, params: parseHex(bare) }, rsa)).toBe("rsa-pss-sha256");
  });

  test("and nothing else", () => {
    const bad = [
      sha256.replace(/20$/, "14"),
      sha256.replace("6503040201", "6503040202"),
      `${sha256}00`,
      sha256.slice(0, -2),
      "0500",
    ];
    for (const params of bad) {
      expect(() => x509Algorithm({ oid, params: parseHex(params) }, rsa)).toThrowError(
        code("CORE_ALGORITHM_PARAMETERS"),
      );
    }
    expect(() => x509Algorithm({ oid, params: parseHex("3000") }, rsa)).toThrowError(code("CORE_ALGORITHM_WEAK"));
    expect(() => x509Algorithm({ oid }, rsa)).toThrowError(code("CORE_ALGORITHM_WEAK"));
    expect(() => x509Algorithm({ oid, params: parseHex(sha256) }, p256)).toThrowError(code("CORE_ALGORITHM_MISMATCH"));
  });
});
