import { formatCanonicalJson, utf8 } from "@countersign/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { artifactStates, listArtifacts, type ArtifactList } from "./artifact-list.ts";
import { readArtifacts } from "./artifacts.ts";
import { compareStringBytes } from "./canonical-bytes.ts";
import { formatHashes, type Hashes } from "./hashes.ts";
import { codeOf } from "./sample.contract.ts";

const names = ["absent", "different", "same"] as const;

/** As a link has them. */
function fromBytes(artifacts: ReadonlyMap<string, Hashes>): ArtifactList {
  const json = Object.fromEntries([...artifacts].map(([path, hashes]) => [path, JSON.parse(hashes) as string]));
  return listArtifacts(readArtifacts(formatCanonicalJson(json), 0, "compat").artifacts);
}

const path = fc.string({ unit: fc.constantFrom("a", "b", "/", '"', "\\", "!", "~", "é", "🙂", "\n"), maxLength: 4 });
const hashes = fc.constantFrom({ sha256: "0a" }, { sha256: "0b" }, { sha256: "0a", sha512: "0c" }).map(formatHashes);
const artifacts = fc.array(fc.tuple(path, hashes)).map((entries) => new Map(entries));

test("lists from a link and from a map compare as maps do", () => {
  const property = fc.property(
    artifacts,
    artifacts,
    fc.boolean(),
    fc.boolean(),
    (one, other, isOneRead, isOtherRead) => {
      const list = isOneRead ? fromBytes(one) : listArtifacts(one);
      const found = isOtherRead ? fromBytes(other) : listArtifacts(other);
      expect(new Map(list)).toEqual(one);
      const states = list.statesIn(found);
      for (const [entry, key] of [...list.keys()].entries()) {
        const expected = other.has(key) ? (other.get(key) === one.get(key) ? "same" : "different") : "absent";
        expect([names[states[entry] ?? 9], names[list.stateIn(found, entry)]]).toEqual([expected, expected]);
        expect([list.find(key), list.pathAt(entry), list.hashesAt(entry)]).toEqual([entry, key, one.get(key)]);
      }
      for (const key of other.keys()) expect([list.has(key), list.get(key)]).toEqual([one.has(key), one.get(key)]);
    },
  );
  fc.assert(property, { numRuns: 2000 });
  expect(artifactStates).toEqual({ absent: 0, different: 1, same: 2 });
});

test("strings are in order of their code points, whatever is escaped", () => {
  const bytesOf = (text: string): Parameters<typeof compareStringBytes>[0] => {
    const bytes = utf8(`${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`);
    return { bytes, from: 0, to: bytes.length - 1 };
  };
  const property = fc.property(path, path, (a, b) => {
    const slow = Buffer.compare(Buffer.from(a), Buffer.from(b));
    expect(Math.sign(compareStringBytes(bytesOf(a), bytesOf(b)))).toBe(slow);
  });
  fc.assert(property, { numRuns: 3000 });
});

describe("a path that is no Unicode text", () => {
  const lone = "a\ud800";

  test("is not taken for its replacement character", () => {
    const list = listArtifacts(new Map([["a\ufffd", formatHashes({ sha256: "0a" })]]));
    expect([list.find(lone), list.find("a\ufffd")]).toEqual([-1, 0]);
  });

  test("cannot be in a list", () => {
    const map = new Map([[lone, formatHashes({ sha256: "0a" })]]);
    expect(codeOf(() => listArtifacts(map))).toBe("INTOTO_LINK_MALFORMED");
  });
});
