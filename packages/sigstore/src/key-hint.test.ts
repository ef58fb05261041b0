import { createHash } from "node:crypto";
import { makeKeyPair } from "@countersign/local-sigstore";
import { outcomeOf } from "@countersign/testkit";
import { expect, test } from "vitest";
import { checkKeyHint } from "./key-hint.ts";

const { spki } = makeKeyPair("p256");
const digest = createHash("sha256").update(spki);
const base64 = digest.copy().digest("base64");
const hex = digest.copy().digest("hex");

test.each([
  ["", "accepted"],
  [base64, "accepted"],
  [hex, "accepted"],
  [`sha256:${hex}`, "accepted"],
  [`SHA256:${base64.replace(/=+$/, "")}`, "accepted"],
  [base64.slice(0, -1), "SIGSTORE_KEY_HINT"],
  [hex.toUpperCase(), "SIGSTORE_KEY_HINT"],
  [base64.slice(0, 10), "SIGSTORE_KEY_HINT"],
  ["my-key", "SIGSTORE_KEY_HINT"],
])("S18: the hint %j: %s", (hint, outcome) => {
  expect(outcomeOf(() => checkKeyHint(hint, spki))).toBe(outcome);
});
