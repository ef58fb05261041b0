import { createHash, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { algorithmNames, algorithmOf } from "./algorithm.ts";
import { concatBytes, utf8 } from "./bytes.ts";
import { backend as web } from "./crypto.web.ts";
import { derInteger, derSequence } from "./der-writer.ts";
import { digestOf } from "./digest.ts";
import { hashNames } from "./hash.ts";
import {
  checkDigestUsable,
  generateSigner,
  generateSignerOn,
  makeVerifier,
  makeVerifierOn,
  maxWholeMessageBytes,
  parsePrivateKey,
  parsePrivateKeyOn,
  parsePublicKey,
} from "./key.ts";
import { formatPem } from "./pem.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const message = utf8("message");
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }));

describe("makeVerifier", () => {
  test("names the key by the SHA-256 of its SubjectPublicKeyInfo and keeps a copy", () => {
    const given = spki.slice();
    const verifier = makeVerifier(given);
    expect(verifier.keyid).toBe(createHash("sha256").update(spki).digest("hex"));
    given.fill(0);
    expect(verifier.spki).toEqual(spki);
  });

  test("refuses an algorithm that is unknown or not of this key", () => {
    expect(() => makeVerifier(spki, "ed448" as never)).toThrowError(code("CORE_ALGORITHM_UNKNOWN"));
    expect(() => makeVerifier(spki, "ecdsa-p384-sha384")).toThrowError(code("CORE_ALGORITHM_MISMATCH"));
    expect(makeVerifier(spki, "ecdsa-p256-sha512").algorithm.hash).toBe("sha512");
  });

  test("Ed25519 and ML-DSA look at 64 MiB and not a byte more; others at anything", async () => {
    const long = new Uint8Array(maxWholeMessageBytes + 1);
    for (const name of ["ed25519", "ml-dsa-44"] as const) {
      const signer = generateSigner(name);
      const verifier = makeVerifier(signer.spki, name);
      expect(() => verifier.verify(long, new Uint8Array(64))).toThrowError(code("CORE_TOO_LARGE"));
      expect(verifier.verify(long.subarray(1), new Uint8Array(64))).toBe(false);
      await expect(signer.sign({ message: long })).rejects.toThrowError(code("CORE_TOO_LARGE"));
    }
    expect(makeVerifier(spki).verify(long, new Uint8Array(64))).toBe(false);
  });
});

describe("S25: a digest that the algorithm cannot use", () => {
  test("is a usage error for every pair but the right one, to check and to sign", async () => {
    for (const name of algorithmNames.filter((candidate) => !candidate.startsWith("rsa"))) {
      const signer = generateSigner(name);
      for (const hash of hashNames) {
        const digest = digestOf(hash, message);
        if (hash === algorithmOf(name).hash) {
          expect(() => checkDigestUsable(signer.algorithm, digest)).not.toThrow();
          continue;
        }
        const refused = expect.objectContaining({ code: "CORE_DIGEST_UNUSABLE", kind: "usage" });
        expect(() => checkDigestUsable(signer.algorithm, digest)).toThrowError(refused);
        await expect(signer.sign({ digest })).rejects.toThrowError(refused);
      }
    }
  });
});

describe("parsePublicKey", () => {
  const pem = pair.publicKey.export({ format: "pem", type: "spki" }).toString();

  test("reads PEM as text or bytes, DER, and PKCS#1", () => {
    for (const form of [pem, utf8(pem), spki, pem.replaceAll("\n", "\r\n")]) expect(parsePublicKey(form)).toEqual(spki);
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    const expected = new Uint8Array(rsa.export({ format: "der", type: "spki" }));
    expect(parsePublicKey(rsa.export({ format: "pem", type: "pkcs1" }).toString())).toEqual(expected);
  });

  test("refuses another block, two blocks, and nonsense", () => {
    const wrongLabel = pem.replaceAll("PUBLIC KEY", "CERTIFICATE");
    expect(() => parsePublicKey(wrongLabel)).toThrowError(code("CORE_KEY_MALFORMED"));
    expect(() => parsePublicKey(pem + pem)).toThrowError(code("CORE_KEY_MALFORMED"));
    expect(() => parsePublicKey(spki.subarray(0, -1))).toThrowError(code("CORE_KEY_MALFORMED"));
    for (const text of ["", "nonsense", new Uint8Array([0xff, 0xfe])]) {
      expect(() => parsePublicKey(text)).toThrowError(expect.objectContaining({ name: "TrustError" }));
    }
  });
});

describe("parsePrivateKey", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;

  test("reads PKCS#8, SEC1 (with its parameters before it) and PKCS#1, and signs", async () => {
    const sec1 = pair.privateKey.export({ format: "pem", type: "sec1" }).toString();
    const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    const texts = [pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString(), sec1, parameters + sec1];
    texts.push(
      rsa.export({ format: "pem", type: "pkcs1" }).toString(),
      rsa.export({ format: "pem", type: "pkcs8" }).toString(),
    );
    for (const text of texts) {
      const signer = parsePrivateKey(text);
      const signature = await signer.sign({ message });
      const key = createPublicKey({ key: Buffer.from(signer.spki), format: "der", type: "spki" });
      expect(verify("sha256", message, key, signature)).toBe(true);
    }
  });

  test("signs by another algorithm of the same key on request", async () => {
    const signer = parsePrivateKey(rsa.export({ format: "pem", type: "pkcs8" }).toString(), "rsa-pss-sha512");
    const signature = await signer.sign({ digest: digestOf("sha512", message) });
    expect(makeVerifier(signer.spki, "rsa-pss-sha512").verify(message, signature)).toBe(true);
    const pem = pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    expect(() => parsePrivateKey(pem, "ed25519")).toThrowError(code("CORE_ALGORITHM_MISMATCH"));
  });

  test("refuses encrypted keys and says so", () => {
    const cipher = { cipher: "aes-256-cbc", passphrase: "secret" } as const;
    const pkcs8 = pair.privateKey.export({ format: "pem", type: "pkcs8", ...cipher }).toString();
    const sec1 = pair.privateKey.export({ format: "pem", type: "sec1", ...cipher }).toString();
    const cosign = pkcs8.replaceAll("ENCRYPTED PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY");
    for (const text of [pkcs8, sec1, cosign]) {
      expect(() => parsePrivateKey(text)).toThrowError(code("CORE_PRIVATE_KEY_ENCRYPTED"));
    }
  });

  test("repeats nothing of a damaged key in any error", () => {
    const pem = pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    const body = pem.split("\n")[1] as string;
    const bad = [
      pem.replace("MIG", "MI-"),
      pem.replace(body, body.slice(4)),
      pem + pem,
      body,
      "",
      pem.replace(body, ""),
      pem.slice(0, 80),
    ];
    const longer = concatBytes(pair.privateKey.export({ format: "der", type: "pkcs8" }), Uint8Array.of(0));
    bad.push(formatPem("PRIVATE KEY", longer), pem.replaceAll("PRIVATE KEY", "EC PRIVATE KEY"));
    bad.push(pem.replaceAll("PRIVATE KEY", "RSA PRIVATE KEY"), pem.replaceAll("PRIVATE KEY", "PUBLIC KEY"));
    for (const text of bad) {
      const error = caught(() => parsePrivateKey(text));
      expect(error).toEqual(code("CORE_PRIVATE_KEY_MALFORMED"));
      expect(error).not.toHaveProperty("cause");
      const words = `${error.message} ${JSON.stringify(error)}`;
      for (let i = 0; i + 6 <= body.length; i++) expect(words).not.toContain(body.slice(i, i + 6));
    }
  });

  test("signs nothing with numbers that do not belong together, and says no more than that", async () => {
    const jwk = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
    const of = (text: string | undefined): bigint =>
      BigInt(`0x${Buffer.from(text ?? "", "base64url").toString("hex")}`);
    const { n, e, d, q, dp, dq, qi } = jwk;
    const numbers = [0n, of(n), of(e), of(d), 0n, ...[q, dp, dq, qi].map(of)];
    const signer = parsePrivateKey(formatPem("RSA PRIVATE KEY", derSequence(...numbers.map(derInteger))));
    for (const input of [{ message }, { digest: digestOf("sha256", message) }]) {
      const error: unknown = await signer.sign(input).catch((problem: unknown) => problem);
      expect(error).toEqual(code("CORE_PRIVATE_KEY_MALFORMED"));
      expect(error).not.toHaveProperty("cause");
    }
  });

  test("refuses a private key whose public half is too weak or of an unknown kind", () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
    expect(() => parsePrivateKey(weak.export({ format: "pem", type: "pkcs8" }).toString())).toThrowError(
      code("CORE_KEY_WEAK"),
    );
    const other = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey;
    const text = other.export({ format: "pem", type: "pkcs8" }).toString();
    expect(() => parsePrivateKey(text)).toThrowError(code("CORE_KEY_UNSUPPORTED"));
  });
});

describe("the web backend", () => {
  test("verifies, and says that it cannot sign", () => {
    const pem = pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    expect(() => generateSignerOn(web, "ed25519")).toThrowError(code("CORE_SIGNER_UNAVAILABLE"));
    expect(() => parsePrivateKeyOn(web, pem)).toThrowError(code("CORE_SIGNER_UNAVAILABLE"));
    expect(makeVerifierOn(web, spki).keyid).toBe(makeVerifier(spki).keyid);
  });
});

function caught(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}
