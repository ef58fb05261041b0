import { findKubernetesImages, formatPath } from "@countersign/oci";
import { describe, expect, test } from "vitest";
import { pinImages, type ImageUse } from "./image-pin.ts";
import { parseYaml } from "./yaml.ts";

const [digest, file] = [`sha256:${"a".repeat(64)}`, "x.yaml"];

function pin(text: string): string {
  const uses = parseYaml(text, file).flatMap(({ value, rangeOf }, document): ImageUse[] =>
    findKubernetesImages(value).uses.map(({ image, path }) => ({
      file,
      where: formatPath(path),
      image,
      at: { document, path, range: rangeOf(path) },
    })),
  );
  return pinImages({ file, text, uses, digests: new Map([["app:1", digest]]) });
}

const pod = (container: string, before = ""): string =>
  `${before}kind: Pod\nspec:\n  containers:\n    - ${container}\n`;
const unpinned = expect.objectContaining({ name: "TrustError", code: "CLI_IMAGE_UNPINNED" }) as Error;

describe("digests written into manifests", () => {
  test.each([
    ["plain", pod("image: app:1 # app:1 as tested")],
    ["in quotes", pod('"image": "app:1"')],
    ["as JSON", '{"kind":"Pod","spec":{"containers":[{"image":"app:1"}]}}'],
    ["folded", pod("image: >-\n        app:1")],
    ["with other ends of lines", pod("image: app:1").replaceAll("\n", "\r\n")],
    ["by an alias of another container", pod("image: &i app:1\n    - image: *i")],
    ["by a merge key, from another container", pod("&c {image: app:1, name: a}\n    - {<<: *c, name: b}")],
    ["in the second document", `kind: ConfigMap\ndata: { image: app:1 }\n---\n${pod("image: app:1")}`],
  ])("%s, once and nothing else", (_, text) => {
    const at = text.includes("---") ? text.lastIndexOf("app:1") : text.indexOf("app:1");
    const expected = `${text.slice(0, at)}app:1@${digest}${text.slice(at + "app:1".length)}`;
    expect(pin(text)).toBe(expected);
    expect(pin(expected)).toBe(expected);
  });

  test.each([
    ["escaped", pod('image: "app\\u003a1"')],
    ["folded inside quotes", pod('image: "app\\\n        :1"')],
    ["by an alias of a text for something else", pod("image: *i", "note: &i app:1\n")],
    ["by a merge key, from something else", pod("<<: *c", "note: &c { image: app:1 }\n")],
  ])("%s: refused, since something else would change, or nothing", (_, text) => {
    expect(() => pin(text)).toThrow(unpinned);
  });
});
