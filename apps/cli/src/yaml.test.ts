import { describe, expect, test } from "vitest";
import { parseYaml } from "./yaml.ts";

const values = (text: string): readonly unknown[] => parseYaml(text, "x.yaml").map(({ value }) => value);
const refused = expect.objectContaining({ name: "TrustError", code: "CLI_YAML_MALFORMED" }) as Error;

const evil = "spec: {containers: [{name: a, image: evil}]}";

describe("YAML that kubectl would read in another way is refused", () => {
  // Each was tried with the decoder of k8s.io/apimachinery 0.34.1, to which the second image is the one that runs.
  test.each([
    ["a carriage return ends a comment", `kind: Pod\n# x\r${evil}\n`],
    ["so does U+0085", `kind: Pod\n# x\u0085${evil}\n`],
    ["so does U+2028", `kind: Pod\n# x\u2028${evil}\n`],
    ["so does U+2029", `kind: Pod\n# x\u2029${evil}\n`],
    ["a merge key writes over what stands before it", "image: good\n<<: {image: evil}\n"],
    ["also in a list of aliases", "a: &a {image: evil}\nb:\n  image: good\n  <<: [*a]\n"],
    ["two merge keys", "<<: {image: good}\n<<: {image: evil}\n"],
    ["a tag that makes a text vanish", "kind: Pod\nimage: !!merge evil\n"],
    ["a tag that makes a merge key of a text", '"!!merge": x\n!!merge "<<": {image: evil}\n'],
    ["one object of JSON after another", '{"kind":"ConfigMap"}\n{"kind":"Pod"}'],
    ["a member twice, once escaped", '{"image": good, "im\\x61ge": evil}'],
  ])("%s", (_, text) => {
    expect(() => values(text)).toThrow(refused);
  });

  test("what both read in the same way is read", () => {
    expect(values("a: &a {image: x, n: 1}\nb:\n  <<: *a\n  n: 2\nc: *a\r\n")).toEqual([
      { a: { image: "x", n: 1 }, b: { image: "x", n: 2 }, c: { image: "x", n: 1 } },
    ]);
    expect(values('a: "\\u2028\\r"\n---\n---\nb: !!str 1\n')).toEqual([{ a: "\u2028\r" }, null, { b: "1" }]);
  });
});
