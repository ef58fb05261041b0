import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { catalogue, coreError, coreErrors, findingOf, maxQuotedChars, quote, TrustError } from "./errors.ts";

const text = fc.string({ unit: "binary", maxLength: 400 });

describe("quote", () => {
  test.each([
    ["line break", "a\nb", String.raw`"a\nb"`],
    ["escape sequence of a terminal", "\u001b[31m", String.raw`"\u001b[31m"`],
    ["C1 control", "\u009b31m", String.raw`"\u009b31m"`],
    ["DEL", "\u007f", String.raw`"\u007f"`],
    ["right-to-left override", "\u202egpj.exe", String.raw`"\u202egpj.exe"`],
    ["isolate", "\u2066", String.raw`"\u2066"`],
    ["Arabic letter mark", "\u061c", String.raw`"\u061c"`],
    ["zero-width space", "a\u200bb", String.raw`"a\u200bb"`],
    ["byte order mark", "\ufeff", String.raw`"\ufeff"`],
    ["no-break space", "a\u00a0b", String.raw`"a\u00a0b"`],
    ["line separator", "\u2028", String.raw`"\u2028"`],
    ["soft hyphen", "\u00ad", String.raw`"\u00ad"`],
    ["Hangul filler", "\u3164", String.raw`"\u3164"`],
    ["combining grapheme joiner", "\u034f", String.raw`"\u034f"`],
    ["variation selector", "a\ufe0f", String.raw`"a\ufe0f"`],
    ["blank Braille pattern", "\u2800", String.raw`"\u2800"`],
    ["tag character, beyond the BMP", "\u{e0041}", String.raw`"\udb40\udc41"`],
    ["private use", "\ue000", String.raw`"\ue000"`],
    ["lone high surrogate", "\ud83d", String.raw`"\ud83d"`],
    ["lone low surrogate", "\ude00", String.raw`"\ude00"`],
    ["quotation mark and backslash", '"\\', String.raw`"\"\\"`],
    ["letters of all scripts, emoji", "Grüße, 世界 😀", '"Grüße, 世界 😀"'],
    ["a command for Azure Pipelines", "a##vso[task.setvariable]b", String.raw`"a#\u0023vso[task.setvariable]b"`],
    ["one for GitHub, behind another mark", "###[set-output name=a]b", String.raw`"##\u0023[set-output name=a]b"`],
    ["marks that are none", "## [a] #[b]", '"## [a] #[b]"'],
  ])("%s", (_, hostile, expected) => expect(quote(hostile)).toBe(expected));

  test("cuts at the cap and says so", () => {
    expect(quote("x".repeat(maxQuotedChars))).toBe(`"${"x".repeat(maxQuotedChars)}"`);
    expect(quote("x".repeat(maxQuotedChars + 1))).toBe(`"${"x".repeat(maxQuotedChars)}…"`);
  });

  test("a cut inside a surrogate pair leaves no half character", () => {
    const quoted = quote(`${"x".repeat(maxQuotedChars - 1)}😀`);
    expect(quoted.isWellFormed()).toBe(true);
    expect(quoted.endsWith(String.raw`x\ud83d…"`)).toBe(true);
  });

  test("property: JSON.parse gives back the string, and nothing printed is invisible", () => {
    fc.assert(
      fc.property(text, (hostile) => {
        const quoted = quote(hostile);
        const whole = hostile.length <= maxQuotedChars ? hostile : `${hostile.slice(0, maxQuotedChars)}…`;
        expect(JSON.parse(quoted)).toBe(whole);
        expect(quoted).not.toMatch(/\p{Cc}|\p{Cf}|\p{Cs}|\p{Zl}|\p{Zp}|\p{Default_Ignorable_Code_Point}/u);
        expect(quoted.isWellFormed()).toBe(true);
      }),
    );
  });

  test("a huge string costs no more than its head", () => {
    const huge = "\u202e".repeat(20_000_000);
    const started = process.threadCpuUsage();
    for (let round = 0; round < 100; round++) quote(huge);
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(1000);
  });
});

describe("TrustError", () => {
  const entries = { TEST_BROKEN: { kind: "untrusted", says: "it is broken", fix: "mend it" } } as const;
  const testError = catalogue(entries);

  test("carries code, kind, fix, detail and cause, and reads as a sentence", () => {
    const cause = new Error("inner");
    const error = testError("TEST_BROKEN", { checked: "the thing", expected: "1", got: "2" }, cause);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "TrustError", code: "TEST_BROKEN", kind: "untrusted", fix: "mend it", cause });
    expect(error.message).toBe("it is broken: the thing, expected 1, got 2");
    expect(error.detail).toEqual({ checked: "the thing", expected: "1", got: "2" });
  });

  test.each([
    [undefined, "it is broken"],
    ["", "it is broken"],
    ["here", "it is broken: here"],
    [{}, "it is broken"],
    [{ got: "2" }, "it is broken: got 2"],
    [{ expected: "1" }, "it is broken: expected 1"],
  ])("message for detail %j", (detail, message) => expect(testError("TEST_BROKEN", detail).message).toBe(message));

  test("without a cause there is no member cause", () => {
    expect(Object.hasOwn(testError("TEST_BROKEN"), "cause")).toBe(false);
  });

  test("a detail that nobody quoted cannot forge lines or turn the terminal", () => {
    const hostile = "x\nok: verified\u001b[2J\u202e";
    for (const detail of [hostile, { checked: hostile }, { expected: hostile }, { got: hostile }]) {
      expect(testError("TEST_BROKEN", detail).message).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    }
  });

  test("quoting before does not escape twice", () => {
    expect(testError("TEST_BROKEN", { got: quote("a\nb") }).message).toBe(String.raw`it is broken: got "a\nb"`);
  });

  test("prints with its code", () => expect(inspect(testError("TEST_BROKEN"))).toContain("TEST_BROKEN"));
});

describe("findingOf", () => {
  test.each([
    ["CORE_STREAM_FAILED", "unknown"],
    ["CORE_KEY_WEAK", "fail"],
    ["CORE_DER_MALFORMED", "fail"],
    ["CORE_NOT_VERIFIED", "fail"],
  ] as const)("%s is %s", (code, level) => {
    const error = coreError(code, "here");
    expect(findingOf(error)).toEqual({ level, code, message: error.message, fix: error.fix });
  });

  test("rethrows what is not a TrustError: it is a bug, not a finding", () => {
    const bug = new TypeError("bug");
    expect(() => findingOf(bug)).toThrow(bug);
    expect(() => findingOf(Object.assign(new Error("looks alike"), { code: "CORE_KEY_WEAK" }))).toThrow("looks alike");
  });
});

test("the catalogue is well written", () => {
  for (const [code, entry] of Object.entries(coreErrors)) {
    expect(code).toMatch(/^CORE(?:_[A-Z0-9]+)+$/);
    expect(["malformed", "untrusted", "unavailable", "usage"]).toContain(entry.kind);
    expect(entry.says).not.toMatch(/\.$/);
    expect(entry.fix).not.toMatch(/\.$/);
    expect(new TrustError(code, entry).message).toBe(entry.says);
  }
});
