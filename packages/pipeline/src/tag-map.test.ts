import { parseDigest, utf8 } from "@countersign/core";
import { parseRepository } from "@countersign/oci";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatTagMap, maxMappedTags, parseTagMap, tagMapTarget, type TagMap } from "./tag-map.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const good = { schema: "countersign.tag-map/v1", repository: "ghcr.io/acme/app", tags: { "1.0": digest } };
const read = (value: unknown): TagMap => parseTagMap(utf8(JSON.stringify(value)));
const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });

test("a map is read, and its target is named after the repository", () => {
  const map = read(good);
  expect(map.repository).toEqual({ registry: "ghcr.io", repository: "acme/app" });
  expect([...map.tags]).toEqual([["1.0", digest]]);
  expect(tagMapTarget(map.repository)).toBe("images/ghcr.io/acme/app.json");
  expect(tagMapTarget(parseRepository("app"))).toBe("images/docker.io/library/app.json");
  expect(tagMapTarget(parseRepository("localhost:5000/app"))).toBe("images/localhost_5000/app.json");
  expect(tagMapTarget(parseRepository("[::1]:5000/app"))).toBe("images/[__1]_5000/app.json");
});

test("what was formatted is read back, whatever the tags are called", () => {
  const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);
  const tags = fc.uniqueArray(fc.oneof(tag, fc.constantFrom("__proto__", "constructor", "1", "10", "2")), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(tags, (names) => {
      const map: TagMap = {
        repository: parseRepository("ghcr.io/acme/app"),
        tags: new Map(names.map((name) => [name, parseDigest(digest)])),
      };
      expect(parseTagMap(formatTagMap(map))).toEqual(map);
    }),
  );
});

test.each([
  ["another schema", { ...good, schema: "countersign.tag-map/v2" }],
  ["no tags", { ...good, tags: undefined }],
  ["a list of tags", { ...good, tags: [] }],
  ["a member that nobody knows", { ...good, until: "2030-01-01T00:00:00Z" }],
  ["a repository in another spelling", { ...good, repository: "app" }],
  ["a repository with a tag", { ...good, repository: "ghcr.io/acme/app:1.0" }],
  ["a name that is none", { ...good, repository: "ghcr.io/../app" }],
  ["a tag that is none", { ...good, tags: { "a b": digest } }],
  ["a digest that is none", { ...good, tags: { "1.0": "sha256:ab" } }],
  ["a number for a digest", { ...good, tags: { "1.0": 1 } }],
  [
    "more tags than the limit",
    { ...good, tags: Object.fromEntries(Array.from({ length: maxMappedTags + 1 }, (_, n) => [`t${n}`, digest])) },
  ],
])("refused: %s", (_, value) => {
  expect(() => read(value)).toThrow(code("PIPELINE_TAG_MAP_MALFORMED"));
});

test("refused: a tag twice", () => {
  const text = JSON.stringify(good).replace(`"1.0"`, `"1.0":"sha256:${"00".repeat(32)}","1.0"`);
  expect(() => parseTagMap(utf8(text))).toThrow(code("CORE_JSON_DUPLICATE"));
});
