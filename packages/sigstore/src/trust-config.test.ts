import { parseJson, TrustError, utf8, type JsonObject } from "@countersign/core";
import { expect, test } from "vitest";
import { parseTrustConfig, trustConfigMediaType } from "./trust-config.ts";

const whole: JsonObject = { mediaType: trustConfigMediaType, trustedRoot: { a: "1" }, signingConfig: { b: ["2"] } };

function codeOf(value: unknown): string {
  try {
    parseTrustConfig(typeof value === "string" ? utf8(value) : utf8(JSON.stringify(value)));
    return "nothing";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

test("both documents come out as they went in", () => {
  const { trustedRoot, signingConfig } = parseTrustConfig(utf8(JSON.stringify(whole)));
  expect(parseJson(trustedRoot)).toEqual({ a: "1" });
  expect(parseJson(signingConfig)).toEqual({ b: ["2"] });
});

test.each<[string, unknown]>([
  ["no JSON", "{"],
  ["a member twice", `{"mediaType":"${trustConfigMediaType}","trustedRoot":{},"trustedRoot":{},"signingConfig":{}}`],
  ["a trusted root alone", { mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1" }],
  ["no media type", { ...whole, mediaType: undefined }],
  ["no trusted root", { ...whole, trustedRoot: undefined }],
  ["no signing config", { ...whole, signingConfig: undefined }],
  ["a trusted root that is a list", { ...whole, trustedRoot: [] }],
  ["a member that is not known", { ...whole, more: 1 }],
  ["a list", []],
])("refused: %s", (_, value) => {
  expect(codeOf(value)).toBe("SIGSTORE_TRUST_CONFIG_MALFORMED");
});
