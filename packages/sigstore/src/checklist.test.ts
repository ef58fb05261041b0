import { TrustError } from "@countersign/core";
import { expect, test } from "vitest";
import { makeChecklist } from "./checklist.ts";
import { sigstoreError } from "./errors.ts";

const bad = sigstoreError("SIGSTORE_SIGNATURE_INVALID");
const fail = (error: unknown) => (): never => {
  throw error;
};

test("what passed, failed and was skipped stands in order, and the first failure is the problem", () => {
  const list = makeChecklist();
  expect(list.run("one", () => ({ value: 7, detail: "seven" }))).toBe(7);
  list.skip("two[0]", sigstoreError("SIGSTORE_LOG_UNKNOWN"));
  expect(list.problem).toBeUndefined();
  expect(list.run("three", fail(bad))).toBeUndefined();
  list.fail("four", sigstoreError("SIGSTORE_LOG_PROMISE"));
  expect(list.problem).toBe(bad);
  expect(list.checks.map(({ name, result, code }) => [name, result, code])).toEqual([
    ["one", "passed", undefined],
    ["two[0]", "skipped", "SIGSTORE_LOG_UNKNOWN"],
    ["three", "failed", "SIGSTORE_SIGNATURE_INVALID"],
    ["four", "failed", "SIGSTORE_LOG_PROMISE"],
  ]);
  expect(list.skipped("two[")?.code).toBe("SIGSTORE_LOG_UNKNOWN");
  expect(list.skipped("three")).toBeUndefined();
});

test("usage errors and what is no TrustError go on to the caller", () => {
  const list = makeChecklist();
  expect(() => list.run("usage", fail(sigstoreError("SIGSTORE_KEY_NEEDED")))).toThrow(TrustError);
  expect(() => list.run("bug", fail(new RangeError("ours")))).toThrow(RangeError);
  expect(list.checks).toEqual([]);
});
