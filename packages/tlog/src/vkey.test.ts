import {
  base64,
  concatBytes,
  generateSigner,
  hex,
  makeVerifier,
  parseHex,
  type AlgorithmName,
} from "@countersign/core";
import { describe, expect, test } from "vitest";
import { codeOfSync } from "../vectors/code-of.ts";
import { cosignerKey } from "./cosignature.ts";
import { keyHintOf, noteKey, parseTypedKey, typedKey } from "./key.ts";
import { checkNote, parseNote, signNote } from "./note.ts";
import { formatSkey, formatVkey, maxVkeyChars, noteSigner, parseSkey, parseVkey } from "./vkey.ts";

/** Verifier keys in daily use, each published by its owner. */
const published = [
  "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
  "log2025-1.rekor.sigstore.dev+cf119915+AbfK5adZJxsI323FwGD2AJJ9F4i89cfDuLdGJBIYntuO",
  "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
  "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G",
  "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
];

describe("vkeys", () => {
  test.each(published)("%s", (text) => {
    const key = parseVkey(text);
    expect(formatVkey(key)).toBe(text);
    expect(key.type).toBe(text.startsWith("witness") ? "cosignature-ed25519" : "ed25519");
  });

  test.each<[AlgorithmName, string]>([
    ["ed25519", "ed25519"],
    ["ecdsa-p256-sha256", "ecdsa"],
    ["ecdsa-p384-sha256", "ecdsa"],
    ["rsa-pkcs1-sha256", "rsa-pkcs1"],
  ])("%s: what was formatted is parsed, and verifies", async (algorithm, type) => {
    const signer = generateSigner(algorithm);
    const key = parseVkey(formatVkey(noteKey({ name: "log.example", verifier: makeVerifier(signer.spki, algorithm) })));
    expect(key).toMatchObject({ name: "log.example", type });
    const note = await signNote("text\n", [noteSigner({ name: "log.example", signer })]);
    expect(checkNote(parseNote(note), [key]).length).toBe(1);
  });

  test("an ML-DSA-44 cosigner's vkey", () => {
    const key = cosignerKey({ name: "w.example", verifier: makeVerifier(generateSigner("ml-dsa-44").spki) });
    expect(formatVkey(parseVkey(formatVkey(key)))).toBe(formatVkey(key));
    expect(parseVkey(formatVkey(key)).type).toBe("cosignature-ml-dsa-44");
  });

  const good = published[0]!;
  const [name, id, typed] = ["sum.golang.org", "033de0ae", good.slice(24)];
  test.each([
    ["nothing", "", "TLOG_KEY_MALFORMED"],
    ["no id", `${name}+${typed}`, "TLOG_KEY_MALFORMED"],
    ["no name", `+${id}+${typed}`, "TLOG_KEY_MALFORMED"],
    ["a space in the name", `a b+${id}+${typed}`, "TLOG_KEY_MALFORMED"],
    ["an id in capitals", `${name}+${id.toUpperCase()}+${typed}`, "TLOG_KEY_MALFORMED"],
    ["a short id", `${name}+${id.slice(1)}+${typed}`, "TLOG_KEY_MALFORMED"],
    ["no key", `${name}+${id}+`, "TLOG_KEY_UNSUPPORTED"],
    ["base64 without padding", `${name}+${id}+${typed}=`, "TLOG_KEY_MALFORMED"],
    ["a newline", `${good}\n`, "TLOG_KEY_MALFORMED"],
    ["a short key", `${name}+${id}+${base64(new Uint8Array(32).fill(1))}`, "TLOG_KEY_MALFORMED"],
    ["a type not known", `${name}+${id}+${base64(new Uint8Array(33).fill(9))}`, "TLOG_KEY_UNSUPPORTED"],
    ["an extension type not known", `${name}+${id}+${base64(new Uint8Array(33).fill(255))}`, "TLOG_KEY_UNSUPPORTED"],
    ["another key's id", `${name}+033de0af+${typed}`, "TLOG_KEY_ID_MISMATCH"],
    ["another name", `sum.golang.com+${id}+${typed}`, "TLOG_KEY_ID_MISMATCH"],
    ["more characters than any key has", `${"a".repeat(maxVkeyChars)}+${id}+${typed}`, "TLOG_KEY_MALFORMED"],
  ])("refuses %s", (_, text, code) => {
    expect(codeOfSync(() => parseVkey(text))).toBe(code);
  });

  test("an Ed25519 key under ECDSA's type byte is refused", () => {
    const { spki } = generateSigner("ed25519");
    const hint = hex(keyHintOf("a", "ecdsa", spki));
    expect(codeOfSync(() => parseVkey(`a+${hint}+${base64(typedKey("ecdsa", spki))}`))).toBe("TLOG_KEY_MALFORMED");
  });
});

describe("signer keys", () => {
  /** The pair that the documentation of Go's note package uses. */
  const skey = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
  const vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

  test("the published pair belongs together", async () => {
    const note = await signNote("text\n", [parseSkey(skey)]);
    expect(checkNote(parseNote(note), [parseVkey(vkey)]).length).toBe(1);
  });

  test("format and parse are inverse", () => {
    const seed = new Uint8Array(32).fill(7);
    expect(parseSkey(formatSkey("a.example", seed)).keyHint.length).toBe(4);
    expect(codeOfSync(() => formatSkey("a.example", seed.subarray(1)))).toBe("TLOG_KEY_MALFORMED");
    expect(codeOfSync(() => formatSkey("a b", seed))).toBe("TLOG_KEY_MALFORMED");
  });

  test.each([
    ["a vkey", vkey, "TLOG_KEY_MALFORMED"],
    ["another id", skey.replace("c74f20a3", "c74f20a4"), "TLOG_KEY_ID_MISMATCH"],
    ["another type", `PRIVATE+KEY+PeterNeumann+c74f20a3+${base64(new Uint8Array(33).fill(2))}`, "TLOG_KEY_UNSUPPORTED"],
    ["bad base64", `${skey}=`, "TLOG_KEY_MALFORMED"],
  ])("refuses %s, and never repeats the key", (_, text, code) => {
    const error = catchError(() => parseSkey(text));
    expect(error).toMatchObject({ code });
    expect(String((error as Error).message)).not.toContain("AYEKFALV");
  });
});

describe("key hints", () => {
  test("ECDSA: the hash of the SPKI alone, as in Rekor v1", () => {
    const spki = parseHex(
      "3059301306072a8648ce3d020106082a8648ce3d03010703420004d86d98fb6b5a6dd4d5e41706881231d1af5f005c2b9016e62d21ad92ce0bdea5fac98634cee7c19bc10ef52eedb06e9f48a7bab76f45c8e9dba0b3da7d5ba0f2",
    );
    expect(hex(keyHintOf("any name", "ecdsa", spki))).toBe(hex(keyHintOf("other", "ecdsa", spki)));
  });

  test("a key of another family signs no notes", () => {
    expect(codeOfSync(() => noteKey({ name: "a", verifier: makeVerifier(generateSigner("ml-dsa-44").spki) }))).toBe(
      "TLOG_KEY_UNSUPPORTED",
    );
    expect(codeOfSync(() => noteKey({ name: "a+b", verifier: makeVerifier(generateSigner("ed25519").spki) }))).toBe(
      "TLOG_KEY_MALFORMED",
    );
  });

  test("typed keys come apart again", () => {
    const { spki } = generateSigner("ed25519");
    for (const type of ["ed25519", "cosignature-ed25519", "ecdsa", "rsa-pkcs1"] as const)
      expect(parseTypedKey(typedKey(type, spki))).toEqual({ type, spki });
    expect(codeOfSync(() => parseTypedKey(concatBytes(Uint8Array.of(4), spki)))).toBe("TLOG_KEY_MALFORMED");
  });
});

function catchError(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
