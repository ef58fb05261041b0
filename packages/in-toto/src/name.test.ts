import { expect, test } from "vitest";
import { checkArtifactPath, checkName, maxNameChars } from "./name.ts";
import { codeOf } from "./sample.contract.ts";

test.each(["build", "write-code", "a.b", "...", "ä 🙂", "x".repeat(maxNameChars)])(
  "I5: %.20s can name a step",
  (name) => {
    expect(checkName(name)).toBe(name);
  },
);

const unsafeNames = [
  "",
  ".",
  "..",
  "a/b",
  "/a",
  "a\\b",
  "a\0",
  "a\n",
  "\u0085",
  "\u007f",
  "\ud800",
  "x".repeat(maxNameChars + 1),
];
test.each(unsafeNames)("I5: %j cannot", (name) => {
  expect(codeOf(() => checkName(name))).toBe("INTOTO_NAME_UNSAFE");
});

test.each(["a", "a/b", "...", ".git/x", "a/..b", "..a", "a b/ü", "new\nline", "file:a"])(
  "I5: %j can be an artifact",
  (path) => {
    expect(checkArtifactPath(path)).toBe(path);
  },
);

const unsafePaths = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "./a",
  "a/.",
  "a/./b",
  "..",
  "../a",
  "a/..",
  "a/../b",
  "a\\b",
  "a\0b",
];
test.each(unsafePaths)("I5: %j cannot", (path) => {
  expect(codeOf(() => checkArtifactPath(path))).toBe("INTOTO_NAME_UNSAFE");
});
