import { describe, expect, test } from "vitest";
import { utf8 } from "./bytes.ts";
import { maxJsonBytes, maxJsonDepth, maxJsonDepthCeiling, parseJson } from "./json.ts";
import { refuse, isAccepted } from "./json.contract.ts";

describe("caps", () => {
  const nested = (depth: number, open = "[", close = "]"): string => open.repeat(depth) + close.repeat(depth);

  test("depth: the cap itself passes, one more does not", () => {
    expect(isAccepted(nested(maxJsonDepth))).toBe(true);
    refuse(nested(maxJsonDepth + 1), "CORE_JSON_DEPTH");
    const object = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
    expect(isAccepted(object(maxJsonDepth))).toBe(true);
    refuse(object(maxJsonDepth + 1), "CORE_JSON_DEPTH");
    refuse("[[1]]", "CORE_JSON_DEPTH", { maxDepth: 1 });
    refuse("[]", "CORE_JSON_DEPTH", { maxDepth: 0 });
    expect(parseJson("1", { maxDepth: 0 })).toBe(1);
    expect(isAccepted(`[${"[],".repeat(1000)}[]]`)).toBe(true);
  });

  test.each(["[", '{"a":', '[{"a":'])("millions of %s end in an error, not in an exhausted stack", (open) => {
    refuse(open.repeat(1_000_000), "CORE_JSON_DEPTH");
    refuse(open.repeat(1_000_000), "CORE_JSON_DEPTH", { maxDepth: Number.POSITIVE_INFINITY });
    refuse(open.repeat(1_000_000), "CORE_JSON_DEPTH", { maxDepth: 1_000_000 });
  });

  test("the ceiling of the depth can be used", () => {
    expect(() => parseJson(nested(maxJsonDepthCeiling), { maxDepth: maxJsonDepthCeiling })).not.toThrow();
  });

  test("size counts bytes, also of a string", () => {
    expect(parseJson('"é"', { maxBytes: 4 })).toBe("é");
    refuse('"é"', "CORE_TOO_LARGE", { maxBytes: 3 });
    refuse(utf8('"é"'), "CORE_TOO_LARGE", { maxBytes: 3 });
    expect(parseJson('"😀"', { maxBytes: 6 })).toBe("😀");
    refuse('"😀"', "CORE_TOO_LARGE", { maxBytes: 5 });
    refuse("", "CORE_JSON_MALFORMED", { maxBytes: 0 });
    refuse("1", "CORE_TOO_LARGE", { maxBytes: 0 });
    refuse(new Uint8Array(maxJsonBytes + 1), "CORE_TOO_LARGE");
    refuse(" ".repeat(maxJsonBytes + 1), "CORE_TOO_LARGE");
  });
});

describe("linear time on hostile input", () => {
  const size = 4_000_000;
  test.each<[string, () => string]>([
    ["one long string", () => `"${"a".repeat(size)}"`],
    ["one long string without an end", () => `"${"a".repeat(size)}`],
    ["one long string of escapes", () => `"${String.raw`\u0061`.repeat(size / 6)}"`],
    ["backslashes without an end", () => `"${"\\".repeat(size)}`],
    ["one long string beyond the BMP", () => `"${"😀".repeat(size / 4)}"`],
    ["strings that are just not plain", () => `[${'"é😀",'.repeat(size / 12)}1]`],
    ["one long number", () => "1".repeat(size)],
    ["one long fraction", () => `0.${"1".repeat(size)}`],
    ["one long exponent", () => `1e${"0".repeat(size)}1`],
    ["minus signs", () => "-".repeat(size)],
    ["white space", () => `${" ".repeat(size)}1`],
    ["white space everywhere", () => `[${"1 , ".repeat(size / 4)}1]`],
    ["many names", () => `{${Array.from({ length: 300_000 }, (_, at) => `"n${at}":1`).join(",")}}`],
    [
      "many numbers as names, falling",
      () => `{${Array.from({ length: 300_000 }, (_, at) => `"${900_000 - at * 3}":1`).join(",")}}`,
    ],
    [
      "many numbers as names, far apart",
      () => `{${Array.from({ length: 200_000 }, (_, at) => `"${(at * 20_011) % 4_294_967_295}":1`).join(",")}}`,
    ],
    ["many empty objects", () => `[${"{},".repeat(size / 3)}{}]`],
    ["opening quotation marks", () => '"'.repeat(size)],
  ])("%s", (_, make) => {
    const text = make();
    const started = process.threadCpuUsage();
    isAccepted(text);
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(3000);
  });
});
