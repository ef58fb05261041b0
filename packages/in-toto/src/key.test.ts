import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { formatPem, hex, type JsonObject } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { parseKeyFile, parseSignerFile, maxKeyFileBytes, publicKeyOf, readP224Signer } from "./key-file.ts";
import { backend as webBackend } from "./p224.web.ts";
import { checkSignature, type SignedBytes } from "./signature.ts";
import { currentKeyId, keyIdsOf, legacyKeyId } from "./key-id.ts";
import { algorithmOfScheme, schemeOfAlgorithm } from "./key-scheme.ts";
import { isOwnKeyId, parseLayoutKey, readListedKey, type LayoutKey } from "./key.ts";
import { formatSigstoreKey, sigstoreKeyId } from "./sigstore-key.ts";
import { bytesOf, codeOf, hasGoldenData, readGolden } from "./sample.contract.ts";
import { pemOf } from "./key-pem.contract.ts";

const ed25519 = "7d12e5d179d511e2b6142117fb71dce626f4ffc867e08a51ec3a531b65d58121";
const parts = { keytype: "ed25519", scheme: "ed25519", public: ed25519 };
const json: JsonObject = { keytype: "ed25519", scheme: "ed25519", keyval: { public: ed25519 } };
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const ec = (namedCurve: string): KeyObject => generateKeyPairSync("ec", { namedCurve }).privateKey;

describe("a plain key", () => {
  test("without an id has the legacy one, or that under which it is listed", () => {
    const legacy = "70027b3196d548e4e60103011aa020e76b867734c714a2e4ca519c7fb5eeb05a";
    expect(legacyKeyId(parts)).toBe(legacy);
    expect(parseLayoutKey(json)).toMatchObject({ keyid: legacy, ids: [legacy], scheme: "ed25519" });
    expect(parseLayoutKey(json, "ab").keyid).toBe("ab");
    expect(isOwnKeyId(parseLayoutKey(json))).toBe(true);
    expect(isOwnKeyId(parseLayoutKey({ ...json, keyid: currentKeyId(parts) }))).toBe(true);
    expect(isOwnKeyId(parseLayoutKey(json, "ab"))).toBe(false);
  });

  test("I4: under two ids is one key", () => {
    const [a, b] = [
      parseLayoutKey(json, "aa"),
      parseLayoutKey({ ...json, keyval: { public: ed25519.toUpperCase() } }, "bb"),
    ];
    expect(a.materialId).toBe(b.materialId);
  });

  test("of ECDSA is without its last newline, and known under in-toto-golang's id too", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const key = publicKeyOf(publicKey.export({ format: "der", type: "spki" }));
    expect(key).toMatchObject({ scheme: "ecdsa-sha2-nistp384", json: { keyval: { public: key.public.trim() } } });
    // It takes every curve for P-256, and hashes as the curve asks; the reference hashes as the scheme says.
    const theirs = { ...key.json, keyid: undefined, scheme: "ecdsa-sha2-nistp256" };
    const keyid = legacyKeyId({ keytype: "ecdsa", scheme: theirs.scheme, public: key.public });
    const listed = { ...theirs, keyid };
    expect(key.ids).toContain(keyid);
    const read = readListedKey(listed, keyid, "strict");
    expect(read).toMatchObject({ keyid, check: { verifier: { algorithm: { name: "ecdsa-p384-sha384" } } } });
    expect(read.materialId).toBe(key.materialId);
    const asReference = readListedKey(listed, keyid, "compat");
    expect(asReference).toMatchObject({ check: { verifier: { algorithm: { name: "ecdsa-sha2-nistp256" } } } });
    expect(asReference.materialId).toBe(key.materialId);
    const signature = new Uint8Array(sign("sha256", bytesOf("x"), privateKey));
    const isGood = ({ check }: LayoutKey): boolean =>
      check.kind === "plain" && check.verifier.verify(bytesOf("x"), signature);
    expect([isGood(asReference), isGood(read)]).toEqual([true, false]);
    const other = { ...listed, scheme: "ecdsa-sha2-nistp521" };
    expect(codeOf(() => readListedKey(other, keyid, "strict"))).not.toBe("taken");
  });

  test.each<[JsonObject, string]>([
    [{ ...json, keytype: "rsa" }, "INTOTO_KEY_UNSUPPORTED"],
    [{ ...json, scheme: "ed448" }, "INTOTO_KEY_UNSUPPORTED"],
    [{ ...json, keytype: "ecdsa", scheme: "ecdsa-sha2-nistp192" }, "INTOTO_KEY_UNSUPPORTED"],
    [{ ...json, scheme: 1 }, "INTOTO_KEY_MALFORMED"],
    [{ ...json, keyval: { public: "7d" } }, "INTOTO_KEY_MALFORMED"],
    [{ ...json, keyval: { public: ed25519, private: "00" } }, "INTOTO_KEY_MALFORMED"],
    [{ ...json, keyval: {} }, "INTOTO_KEY_MALFORMED"],
    [{}, "INTOTO_KEY_MALFORMED"],
    [{ keytype: "rsa", scheme: "rsassa-pss-sha256", keyval: { public: "-----BEGIN" } }, "CORE_PEM_MALFORMED"],
  ])("%j is refused", (value, code) => {
    expect(codeOf(() => parseLayoutKey(value))).toBe(code);
  });

  test.each(["Fulcio", "fulcio"])("may be a Sigstore identity of scheme %s", (scheme) => {
    const who = { identity: "ada@example.com", issuer: "https://issuer.example" };
    const listed = { keytype: "sigstore-oidc", scheme, keyval: who };
    const key = parseLayoutKey({ ...listed, keyid: sigstoreKeyId(who, scheme) });
    expect(key).toMatchObject({ materialId: formatSigstoreKey(who).keyid, check: { kind: "sigstore", identity: who } });
    expect(isOwnKeyId(key)).toBe(true);
    // Computed by Python's json and hashlib.
    expect(parseLayoutKey(listed).keyid).toBe("4dca23278981f00c58c963172da86d47d1428781ea6420bcf36a414de389392d");
    expect(isOwnKeyId(parseLayoutKey(listed, "ab"))).toBe(false);
    for (const keyval of [{ identity: "a" }, { ...who, identity: "" }, { ...who, public: "" }, { ...who, issuer: 1 }])
      expect(codeOf(() => parseLayoutKey({ ...listed, keyval }))).toBe("INTOTO_KEY_MALFORMED");
    for (const more of [{ scheme: "FULCIO" }, { expires: "2050-01-01T00:00:00Z" }])
      expect(codeOf(() => parseLayoutKey({ ...listed, ...more }))).toBe("INTOTO_KEY_MALFORMED");
  });

  test("may be on P-224", async () => {
    const pair = generateKeyPairSync("ec", { namedCurve: "secp224r1" });
    const pem = (key: KeyObject, type: "spki" | "pkcs8"): string =>
      key.export({ format: "pem", type } as never) as string;
    const key = parseKeyFile(bytesOf(pem(pair.publicKey, "spki")));
    expect(key).toMatchObject({ keytype: "ecdsa", scheme: "ecdsa-sha2-nistp224" });
    const { key: own, signer } = parseSignerFile(bytesOf(pem(pair.privateKey, "pkcs8")));
    expect(own.materialId).toBe(key.materialId);
    expect(readP224Signer(bytesOf(pem(pair.privateKey, "pkcs8")))?.key.keyid).toBe(key.keyid);
    const sig = await signer.sign({ message: bytesOf("message") });
    const signed = (mode: "strict" | "compat", bytes: Uint8Array): SignedBytes => ({
      form: "metablock",
      mode,
      signatures: [{ keyid: key.keyid, sig: bytes, json: {} }],
      signedBytes: () => bytesOf("message"),
    });
    expect(codeOf(() => checkSignature(signed("strict", sig), key, 0))).toBe("taken");
    expect(codeOf(() => checkSignature(signed("strict", sig.with(9, (sig[9] ?? 0) ^ 1)), key, 0))).toBe(
      "INTOTO_SIGNATURE_BAD",
    );
    expect(codeOf(() => checkSignature(signed("strict", bytesOf("garbage")), key, 0))).toBe("INTOTO_SIGNATURE_BAD");
    // As the reference, which knows no such scheme.
    expect(codeOf(() => checkSignature(signed("compat", sig), key, 0))).toBe("INTOTO_KEY_UNSUPPORTED");
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
    expect(codeOf(() => parseLayoutKey({ ...key.json, keyval: { public: pem(other, "spki") } }))).toBe(
      "INTOTO_KEY_MALFORMED",
    );
    const off = formatPem(
      "PUBLIC KEY",
      new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" })).fill(1, -8),
    );
    expect(codeOf(() => parseKeyFile(bytesOf(off)))).toBe("INTOTO_KEY_MALFORMED");
    expect(codeOf(() => webBackend.openKey(new Uint8Array(0)))).toBe("INTOTO_KEY_UNSUPPORTED");
    expect(webBackend.openSecretKey("")).toBeUndefined();
    expect(readP224Signer(bytesOf("-----BEGIN"))).toBeUndefined();
  });

  test("schemes and algorithms lead to each other", () => {
    for (const name of ["rsassa-pss-sha256", "rsassa-pss-sha384", "rsassa-pss-sha512", "rsa-pkcs1v15-sha256"]) {
      expect(schemeOfAlgorithm(algorithmOfScheme("rsa", name))).toEqual({ keytype: "rsa", scheme: name });
    }
    for (const bits of ["256", "384", "521"]) {
      const scheme = `ecdsa-sha2-nistp${bits}`;
      expect(algorithmOfScheme(scheme, scheme)).toBe(algorithmOfScheme("ecdsa", scheme));
      expect(schemeOfAlgorithm(algorithmOfScheme("ecdsa", scheme))).toEqual({ keytype: "ecdsa", scheme });
    }
    expect(codeOf(() => schemeOfAlgorithm("ml-dsa-44"))).toBe("INTOTO_KEY_UNSUPPORTED");
  });
});

describe("key files", () => {
  test.each<[string, KeyObject, string]>([
    ["RSA", rsa, "rsassa-pss-sha256"],
    ["P-256", ec("P-256"), "ecdsa-sha2-nistp256"],
    ["P-384", ec("P-384"), "ecdsa-sha2-nistp384"],
    ["P-521", ec("P-521"), "ecdsa-sha2-nistp521"],
    ["Ed25519", generateKeyPairSync("ed25519").privateKey, "ed25519"],
  ])("%s in PEM, and what its private half signs", async (_, secret, scheme) => {
    const pem = pemOf(secret);
    const key = parseKeyFile(bytesOf(pem.public));
    expect(key).toMatchObject({ scheme, json: { keyid: key.keyid } });
    expect(key.ids).toEqual(keyIdsOf(key));
    expect(parseLayoutKey(key.json).keyid).toBe(key.keyid);
    const { key: own, signer } = parseSignerFile(bytesOf(pem.private));
    expect(own.ids).toEqual(key.ids);
    const message = bytesOf("hello");
    const signature = await signer.sign({ message });
    expect(key.check.kind === "plain" && key.check.verifier.verify(message, signature)).toBe(true);
  });

  test("PKCS#1 public keys are the same keys", () => {
    const key = parseKeyFile(bytesOf(pemOf(rsa, "pkcs1").public));
    expect(key.ids).toEqual(parseKeyFile(bytesOf(pemOf(rsa).public)).ids);
    expect(publicKeyOf(new Uint8Array(createPublicKey(rsa).export({ format: "der", type: "spki" }))).keyid).toBe(
      key.keyid,
    );
  });

  test("securesystemslib's JSON, private and public", async () => {
    const secret = generateKeyPairSync("ed25519").privateKey;
    const { d = "", x = "" } = secret.export({ format: "jwk" });
    const [seed, text] = [d, x].map((each) => Buffer.from(each, "base64url").toString("hex"));
    const value = { keytype: "ed25519", scheme: "ed25519", keyid: "abcd", keyval: { public: text, private: seed } };
    const { key, signer } = parseSignerFile(bytesOf(JSON.stringify(value)));
    expect(key.ids[0]).toBe("abcd");
    expect(key.ids).toContain(legacyKeyId({ ...parts, public: String(text) }));
    expect(JSON.stringify(key)).not.toContain(seed);
    const signature = await signer.sign({ message: bytesOf("x") });
    const open = parseKeyFile(bytesOf(JSON.stringify({ ...value, keyval: { public: text } })));
    expect(open.check.kind === "plain" && open.check.verifier.verify(bytesOf("x"), signature)).toBe(true);
    const pem = pemOf(ec("P-256"));
    const ecdsa = { keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", keyval: pem };
    expect(parseSignerFile(bytesOf(JSON.stringify(ecdsa))).key.public).toBe(pem.public);
  });

  test.each<[string, string]>([
    ["{", "INTOTO_JSON_MALFORMED"],
    ["{}", "INTOTO_KEY_MALFORMED"],
    ["", "CORE_PEM_MALFORMED"],
    ["-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n", "INTOTO_KEY_MALFORMED"],
    [" ".repeat(maxKeyFileBytes + 1), "INTOTO_TOO_LARGE"],
  ])("%.40j is no public key", (text, code) => {
    expect(codeOf(() => parseKeyFile(bytesOf(text)))).toBe(code);
  });

  test.each<[string, string]>([
    ["{", "INTOTO_PRIVATE_KEY_MALFORMED"],
    [JSON.stringify({ ...json, keyval: { public: ed25519, private: "zz" } }), "INTOTO_PRIVATE_KEY_MALFORMED"],
    [
      JSON.stringify({ ...json, keyval: { public: ed25519, private: "00".repeat(32) } }),
      "INTOTO_PRIVATE_KEY_MALFORMED",
    ],
    [JSON.stringify(json), "INTOTO_PRIVATE_KEY_MALFORMED"],
    ["hello", "CORE_PRIVATE_KEY_MALFORMED"],
    [pemOf(rsa).public, "CORE_PRIVATE_KEY_MALFORMED"],
  ])("%.60j is no private key", (text, code) => {
    expect(codeOf(() => parseSignerFile(bytesOf(text)))).toBe(code);
  });
});

describe.skipIf(!hasGoldenData)("the reference's and in-toto-golang's key files", () => {
  test.each(["alice", "bob", "carl", "dana", "erin", "mallory", "oscar"])("%s, both halves", async (name) => {
    const key = parseKeyFile(readGolden(`golden/keys/${name}.pub`));
    const { key: own, signer } = parseSignerFile(readGolden(`golden/keys/${name}`));
    expect(own.keyid).toBe(key.keyid);
    const signature = await signer.sign({ message: bytesOf(name) });
    expect(key.check.kind === "plain" && key.check.verifier.verify(bytesOf(name), signature)).toBe(true);
  });

  test.each([
    ["alice", "taken"],
    ["carol", "taken"],
    ["dan", "taken"],
    ["frank", "taken"],
    ["grace", "taken"],
    ["heidi", "taken"],
    // secp256k1.
    ["erin", "CORE_KEY_UNSUPPORTED"],
  ])("%s: %s", (name, code) => {
    expect(codeOf(() => parseKeyFile(readGolden(`golang/${name}.pub`)))).toBe(code);
  });

  test("private halves make the public ones", () => {
    for (const name of ["dan", "carol", "frank", "grace"]) {
      const { privateKey } = { privateKey: createPrivateKey(Buffer.from(readGolden(`golang/${name}`))) };
      const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
      expect(parseKeyFile(readGolden(`golang/${name}.pub`)).materialId).toBe(
        hex(new Uint8Array(createHash("sha256").update(spki).digest())),
      );
    }
  });
});
