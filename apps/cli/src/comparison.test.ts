import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { commandTable } from "./command.ts";
import { outputFlags } from "./options.ts";

const page = readFileSync(fileURLToPath(new URL("../../../docs/comparison.md", import.meta.url)), "utf8");
const paths = new Set(commandTable.map(({ path }) => path));
const flags = new Set(
  [...commandTable.flatMap((row) => row.flags), ...outputFlags].map((flag) => /--[a-z0-9-]+/.exec(flag.flags)?.[0]),
);

/** The table rows of the page, as their cells. */
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| -"))
  .map((line) => line.slice(2, -2).split(" | "));
/** What stands in code spans of the page. */
const spans = rows.flatMap((cells) => [...(cells[1] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""));

/** The command that some words begin with: the longest path of the table. */
function commandOf(words: readonly string[]): string | undefined {
  const longest = [...words.keys()].toReversed().map((at) => words.slice(0, at + 1).join(" "));
  return longest.find((path) => paths.has(path));
}

describe("docs/comparison.md", () => {
  test("names only commands that are in the table", () => {
    const named = [...page.matchAll(/\bcountersign ((?:[a-z-]+ ?)+)/g)].map((match) => (match[1] ?? "").trim());
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((words) => commandOf(words.split(" ")) === undefined)).toEqual([]);
  });

  test("names only options that a command has", () => {
    const named = spans.flatMap((span) => span.match(/--[a-z0-9-]+/g) ?? []);
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((flag) => !flags.has(flag))).toEqual([]);
  });

  test("says in each row how to see it, or why not", () => {
    const answers = rows.filter((cells) => !["here", undefined].includes(cells[1])).map((cells) => cells[1] ?? "");
    expect(answers.length).toBeGreaterThan(55);
    const isReasoned = (answer: string): boolean => !/^no\b/.test(answer) || /^no(: |, not yet)/.test(answer);
    expect(answers.filter((answer) => answer === "" || !isReasoned(answer))).toEqual([]);
  });

  test("answers all fifteen wishes of users", () => {
    const wishes = rows.flatMap((cells) => /^(\d+)\. /.exec(cells[0] ?? "")?.[1] ?? []);
    expect(wishes).toEqual(Array.from({ length: 15 }, (_, at) => String(at + 1)));
  });
});
