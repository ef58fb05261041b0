import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { utf8 } from "./bytes.ts";
import { TrustError } from "./errors.ts";
import { parseJson, type Json, type JsonLimits } from "./json.ts";

/** It is refused with this code. */
export function refuse(input: string | Uint8Array, code = "CORE_JSON_MALFORMED", limits?: JsonLimits): void {
  try {
    parseJson(input, limits);
  } catch (error) {
    expect(error).toBeInstanceOf(TrustError);
    expect(error).toMatchObject({ code, kind: "malformed" });
    return;
  }
  expect.unreachable(`accepted ${String(input.slice(0, 60))}`);
}

/** By node's own comparison: Vitest's takes a member named constructor for the constructor. */
export function expectSame(value: unknown, expected: unknown, where = ""): void {
  expect(isDeepStrictEqual(value, expected), where).toBe(true);
}

/** Both ways in must agree. */
export function accept(text: string): Json {
  const value = parseJson(text);
  expectSame(parseJson(utf8(text)), value);
  return value;
}

/** True, a TrustError, or the test fails: nothing else may come out. */
export function isAccepted(input: string | Uint8Array): boolean {
  try {
    parseJson(input);
    return true;
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}
