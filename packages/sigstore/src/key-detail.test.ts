import { generateSigner } from "@countersign/core";
import { expect, test } from "vitest";
import { codeOf, keys } from "../vectors/format-sample.ts";
import { algorithmOfKeyDetails, keyDetailsOf, makeDetailedVerifier } from "./key-detail.ts";

const bytes = (key: keyof typeof keys): Uint8Array => new Uint8Array(keys[key].bytes);

test.each([
  ["ecdsa-p256-sha256", "PKIX_ECDSA_P256_SHA_256"],
  ["ecdsa-p384-sha384", "PKIX_ECDSA_P384_SHA_384"],
  ["ecdsa-p384-sha256", "PKIX_ECDSA_P384_SHA_256"],
  ["ecdsa-p521-sha512", "PKIX_ECDSA_P521_SHA_512"],
  ["ed25519", "PKIX_ED25519"],
  ["ed25519ph", "PKIX_ED25519_PH"],
  ["rsa-pkcs1-sha256", "PKIX_RSA_PKCS1V15_3072_SHA256"],
  ["ml-dsa-65", "ML_DSA_65"],
] as const)("%s has the name %s, and back", (algorithm, name) => {
  const { spki } = generateSigner(algorithm);
  expect(keyDetailsOf(algorithm, spki)).toBe(name);
  expect(algorithmOfKeyDetails(name)).toBe(algorithm);
  expect(makeDetailedVerifier(spki, name).algorithm.name).toBe(algorithm);
});

test("names the size of an RSA key, or only that it is one", () => {
  expect(keyDetailsOf("rsa-pkcs1-sha256", bytes("rsa"))).toBe("PKIX_RSA_PKCS1V15_2048_SHA256");
  expect(keyDetailsOf("rsa-pss-sha256", bytes("rsa"))).toBe("PKIX_RSA_PSS_2048_SHA256");
});

test("refuses what the enum cannot say, and names it does not know", () => {
  expect(codeOf(() => keyDetailsOf("ecdsa-p256-sha512", bytes("p256")))).toBe("SIGSTORE_KEY_DETAILS");
  expect(codeOf(() => keyDetailsOf("rsa-pkcs1-sha512", bytes("rsa")))).toBe("SIGSTORE_KEY_DETAILS");
  expect(codeOf(() => algorithmOfKeyDetails("PKIX_NEW_THING"))).toBe("SIGSTORE_KEY_DETAILS");
  expect(codeOf(() => algorithmOfKeyDetails("__proto__"))).toBe("SIGSTORE_KEY_DETAILS");
});

test("refuses a key that is not what its name says", () => {
  expect(codeOf(() => makeDetailedVerifier(bytes("p256"), "PKIX_ECDSA_P384_SHA_384"))).toBe("CORE_ALGORITHM_MISMATCH");
  expect(codeOf(() => makeDetailedVerifier(bytes("rsa"), "PKIX_RSA_PKCS1V15_3072_SHA256"))).toBe(
    "SIGSTORE_KEY_DETAILS",
  );
  expect(codeOf(() => makeDetailedVerifier(bytes("p256"), "PKIX_RSA_PKCS1V15_2048_SHA256"))).toBe(
    "SIGSTORE_KEY_DETAILS",
  );
});
