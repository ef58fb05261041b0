import { describe, expect, test } from "vitest";
import { digestOf, utf8 } from "@countersign/core";
import { tufError } from "./errors.ts";
import { findByMap, parseMap, type RepositoryMap } from "./map.ts";
import type { TrustedTarget } from "./trusted-target.ts";

const plain = {
  repositories: { a: ["https://a.example/"], b: ["https://b.example/"], c: ["https://c.example/"] },
  mapping: [
    { paths: ["both/*"], repositories: ["a", "b"], threshold: 2, terminating: true },
    { paths: ["two/*"], repositories: ["a", "b", "c"], threshold: 2 },
    { paths: ["*", "two/*"], repositories: ["c"], threshold: 1 },
  ],
};

function mapOf(value: unknown): RepositoryMap {
  return parseMap(utf8(JSON.stringify(value)));
}

/** What a repository says of one file, by its content. */
function said(content: string): TrustedTarget {
  const bytes = utf8(content);
  return { name: "x", length: bytes.length, digests: [digestOf("sha256", bytes)] } as unknown as TrustedTarget;
}

/** `!` stands for a repository that cannot be asked. */
async function find(name: string, says: Readonly<Record<string, string>>): Promise<readonly string[] | undefined> {
  const found = await findByMap(mapOf(plain), name, async (repository) => {
    const content = says[repository];
    if (content === "!") throw tufError("TUF_FETCH_UNAVAILABLE", repository);
    return content === undefined ? undefined : said(content);
  });
  return found?.repositories;
}

describe("a map of repositories (TAP 4)", () => {
  test("takes what enough repositories agree on", async () => {
    expect(await find("both/x", { a: "1", b: "1" })).toEqual(["a", "b"]);
    expect(await find("two/x", { a: "2", b: "1", c: "1" })).toEqual(["b", "c"]);
    expect(await find("x", { a: "1", c: "2" })).toEqual(["c"]);
  });

  test("ends at a terminating row, and goes on after another", async () => {
    await expect(find("both/x", { a: "1", b: "2", c: "1" })).rejects.toMatchObject({ code: "TUF_MAP_DISAGREEMENT" });
    const lone = await find("both/x", { a: "1" }).catch((error: unknown) => error);
    expect(lone).toMatchObject({ code: "TUF_MAP_DISAGREEMENT" });
    expect(String(lone)).toMatch(
      /"both\/x", expected the same from 2 of "a", "b", got "a" sha256:[0-9a-f]{64}; "b" nothing/,
    );
    expect(await find("both/x", { c: "1" })).toBeUndefined();
    expect(await find("two/x", { a: "1", b: "2", c: "3" })).toEqual(["c"]);
    await expect(find("two/x", { a: "1", b: "2" })).rejects.toMatchObject({ code: "TUF_MAP_DISAGREEMENT" });
    expect(await find("none/x", { a: "1", b: "1", c: "1" })).toBeUndefined();
  });

  test("does without a repository that cannot be asked only if enough others agree", async () => {
    expect(await find("two/x", { a: "!", b: "1", c: "1" })).toEqual(["b", "c"]);
    await expect(find("two/x", { a: "!", b: "1", c: "2" })).rejects.toMatchObject({ code: "TUF_FETCH_UNAVAILABLE" });
    await expect(find("both/x", { a: "!", b: "1" })).rejects.toMatchObject({ code: "TUF_FETCH_UNAVAILABLE" });
  });

  test("asks all repositories of a row if it names no threshold", () => {
    const [row] = mapOf({ ...plain, mapping: [{ paths: ["*"], repositories: ["a", "b"] }] }).mapping;
    expect(row).toMatchObject({ threshold: 2, terminating: false });
  });

  test.each([
    ["no JSON", "{"],
    ["no repositories", { ...plain, repositories: {} }],
    ["a repository without mirrors", { ...plain, repositories: { ...plain.repositories, a: [] } }],
    ["a name that leads elsewhere", { repositories: { "../a": ["https://a.example/"] }, mapping: [] }],
    ["a mirror that is no text", { ...plain, repositories: { ...plain.repositories, a: [1] } }],
    ["a stranger", { ...plain, mapping: [{ paths: ["*"], repositories: ["z"] }] }],
    ["a threshold of none", { ...plain, mapping: [{ paths: ["*"], repositories: ["a"], threshold: 0 }] }],
    [
      "a threshold that cannot be met",
      { ...plain, mapping: [{ paths: ["*"], repositories: ["a", "a"], threshold: 2 }] },
    ],
    ["no paths", { ...plain, mapping: [{ paths: [], repositories: ["a"] }] }],
  ])("with %s is refused", (_, value) => {
    const bytes = utf8(typeof value === "string" ? value : JSON.stringify(value));
    expect(() => parseMap(bytes)).toThrow(expect.objectContaining({ code: "TUF_MAP_MALFORMED", kind: "usage" }));
  });
});
