import fc from "fast-check";
import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import { TrustError } from "@countersign/core";
import { targetSegments, type Naming } from "./target-name.ts";

const refused = expect.objectContaining({ code: "TUF_TARGET_NAME", kind: "untrusted" });

describe("a target's name as a path", () => {
  test.each(["a", "a/b/c.txt", "...", "a..b", "-", "~", "a b", "ü", "C:x", "con", "a?b", "__proto__", "toString"])(
    "%j leads to a file",
    (name) => {
      expect(targetSegments(name, "posix").join("/")).toBe(name);
    },
  );

  test.each<[string, Naming]>(
    [
      "",
      "/",
      "/etc/passwd",
      "../x",
      "a/../../x",
      "a/..",
      "./a",
      "a//b",
      "a/",
      "a\\b",
      "..\\x",
      "a\0b",
      "a\nb",
      "a\u0085",
    ]
      .concat([
        "\ud800",
        "x".repeat(256),
        "ü".repeat(128),
        ".countersign-x",
        "a/.Countersign-y/b",
        ".counter\u200bsign-x",
      ])
      .map((name): [string, Naming] => [name, "posix"])
      .concat(
        [
          "C:x",
          "C:/x",
          "a:b",
          "con",
          "CON.txt",
          "a/nul",
          "Aux.",
          "com1",
          "LPT9.tar.gz",
          "com¹",
          "a.",
          "a ",
          "a./b",
          "a*",
          "a?",
          "<",
          '"',
          "|",
        ]
          .concat(["\\\\host\\share", "conin$", "nul .txt"])
          .map((name): [string, Naming] => [name, "windows"]),
      ),
  )("%j leads to none (%s)", (name, naming) => {
    expect(() => targetSegments(name, naming)).toThrow(refused);
  });

  test("never leads out, whatever it is", () => {
    const pieces = fc.constantFrom("..", ".", "/", "\\", "a", "C:", "\0", "con", " ", "~", "%2e%2e", "//");
    const names = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(names, fc.constantFrom<Naming>("posix", "windows"), (name, naming) => {
        let path: string;
        try {
          path = targetSegments(name, naming).join("/");
        } catch (error) {
          expect(error).toBeInstanceOf(TrustError);
          return;
        }
        expect(posix.join("/out", path)).toBe(`/out/${path}`);
        expect(path).toBe(name);
      }),
      { numRuns: 500 },
    );
  });
});
