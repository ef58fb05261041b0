import type { Json } from "../json.ts";
import { resource, type ResourceDescriptor } from "./resource.ts";
import { list, name, oneOf, optional, record, uri, type Shape } from "./shape.ts";

/** What one run of a test suite came to (in-toto test result 0.1). */
export interface TestResult {
  readonly result: "PASSED" | "WARNED" | "FAILED";
  readonly configuration: readonly ResourceDescriptor[];
  readonly url?: string;
  readonly passedTests?: readonly string[];
  readonly warnedTests?: readonly string[];
  readonly failedTests?: readonly string[];
}

const tests: Shape<TestResult> = record<TestResult>({
  result: oneOf("PASSED", "WARNED", "FAILED"),
  configuration: list(resource),
  url: optional(uri),
  passedTests: optional(list(name)),
  warnedTests: optional(list(name)),
  failedTests: optional(list(name)),
});

/**
 * Reads a test result (in-toto test-result.md). Unknown members are kept. Does not compare `result` with the lists: the
 * specification lets a suite pass although single tests failed. Throws CORE_PREDICATE_MALFORMED.
 */
export function parseTestResult(predicate: Json): TestResult {
  return tests(predicate, "predicate");
}

/** A test result whose `result` follows from its lists: the worst of them that is not empty. */
export function makeTestResult(parts: Omit<TestResult, "result">): TestResult {
  const isSome = (names: readonly string[] | undefined): boolean => names !== undefined && names.length > 0;
  const result = isSome(parts.failedTests) ? "FAILED" : isSome(parts.warnedTests) ? "WARNED" : "PASSED";
  return parseTestResult({ result, ...parts } as unknown as Json);
}
