import fc from "fast-check";
import { expect, test } from "vitest";
import { parseChallenges } from "./challenge.ts";

test("reads schemes and parameters, quoted and bare, several in one header", () => {
  const header =
    'Bearer realm="https://a.example/t?x=1,2",service=reg,scope="repository:a/b:pull,push" , Basic realm="a \\"b\\""';
  expect(parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])).toEqual([
    ["bearer", { realm: "https://a.example/t?x=1,2", service: "reg", scope: "repository:a/b:pull,push" }],
    ["basic", { realm: 'a "b"' }],
  ]);
});

test("the first of two equal parameters counts, and rubbish ends the list", () => {
  expect(parseChallenges('Bearer realm="a", realm="b" "').map((each) => each.parameters.get("realm"))).toEqual(["a"]);
  expect(parseChallenges("")).toEqual([]);
  expect(parseChallenges('"')).toEqual([]);
});

test("any header is read to its end", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (header) => {
      expect(parseChallenges(header).every(({ scheme }) => scheme.length > 0)).toBe(true);
    }),
  );
});
