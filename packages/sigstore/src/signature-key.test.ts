import { generateSigner, makeVerifier } from "@countersign/core";
import { outcomeOf } from "@countersign/testkit";
import { expect, test } from "vitest";
import { bundleKey, callerKey } from "./signature-key.ts";

const { spki } = generateSigner("ecdsa-p256-sha256");
const other = generateSigner("ecdsa-p256-sha256");

test("the caller's key is opened once for each algorithm", () => {
  const key = makeVerifier(spki);
  const first = callerKey(key).open("ecdsa-p256-sha256");
  expect(callerKey(key).open("ecdsa-p256-sha256")).toBe(first);
  expect(callerKey(key).open("ecdsa-p256-sha384")).not.toBe(first);
  expect(callerKey(makeVerifier(spki)).open("ecdsa-p256-sha256")).not.toBe(first);
  expect(outcomeOf(() => callerKey(key).open("ed25519"))).toBe("CORE_ALGORITHM_MISMATCH");
});

test("a key whose bytes were changed is another one", () => {
  const key = { ...makeVerifier(spki), spki: new Uint8Array(spki) };
  callerKey(key).open("ecdsa-p256-sha256");
  key.spki.set(other.spki);
  expect(callerKey(key).open("ecdsa-p256-sha256").keyid).toBe(other.keyid);
});

test("a bundle's key is opened each time", () => {
  expect(bundleKey(spki).open("ecdsa-p256-sha256")).not.toBe(bundleKey(spki).open("ecdsa-p256-sha256"));
});
