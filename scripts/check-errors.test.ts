import { describe, expect, test } from "vitest";
import { checkErrors, codesInTest, codesInVector, readExpectedCodes } from "./check-errors.ts";
import { formatErrorPage, parseErrorPage, readCatalogues, type ErrorRow } from "./error-page.ts";
import { repositoryRoot } from "./report.ts";

const folder = "packages/tlog";
const root: ErrorRow = {
  folder,
  code: "TLOG_ROOT",
  kind: "untrusted",
  says: "roots differ",
  fix: "ask the log | a mirror",
};
const note: ErrorRow = { folder, code: "TLOG_NOTE", kind: "malformed", says: "not a note", fix: "fetch it again" };
const rows = [root, note];
const page = formatErrorPage(rows);
const expected = new Set(["TLOG_ROOT", "TLOG_NOTE"]);

describe("the catalogue and the page", () => {
  test("agree", () => {
    expect(checkErrors(rows, { page, expected })).toEqual([]);
    expect(parseErrorPage(page)).toEqual(["TLOG_ROOT", "TLOG_NOTE"]);
    expect(page).toContain("| `TLOG_ROOT` | untrusted | 1 | roots differ | ask the log \\| a mirror |");
  });

  test.each<[string, readonly ErrorRow[], Partial<Parameters<typeof checkErrors>[1]>, string]>([
    ["undocumented", rows, { page: formatErrorPage([root]) }, "TLOG_NOTE is missing in docs/errors.md"],
    ["documented only", [root], {}, "docs/errors.md: TLOG_NOTE is in no catalogue"],
    ["untested", rows, { expected: new Set(["TLOG_ROOT"]) }, "TLOG_NOTE is expected by no test and no vector"],
    ["stale words", [{ ...root, fix: "wait" }, note], {}, "docs/errors.md: the words differ"],
    ["twice", [...rows, { ...note, folder: "packages/core" }], {}, "packages/core/src/errors.ts: TLOG_NOTE is in two"],
    ["misspelt", [{ ...root, code: "TlogRoot" }], {}, "TlogRoot is not spelt"],
    ["unknown kind", [{ ...root, kind: "bad" }, note], {}, "TLOG_ROOT has no exit code for its kind bad"],
    ["full stop", [{ ...root, says: "roots differ." }, note], {}, "TLOG_ROOT says nothing or ends in a full stop"],
    ["no fix", [{ ...root, fix: "" }, note], {}, "TLOG_ROOT gives no fix"],
  ])("%s is a problem", (_title, changed, evidence, problem) => {
    expect(checkErrors(changed, { page, expected, ...evidence }).join("\n")).toContain(problem);
  });
});

test("codes in a test are its strings, not its comments", () => {
  const text = '// TLOG_A\ncheck("TLOG_B", { code: `x TLOG_C`, TLOG_D: 1 }, { "TLOG_E": 1 });';
  expect(codesInTest("a.test.ts", text).toSorted()).toEqual(["TLOG_B", "TLOG_C", "TLOG_D", "TLOG_E"]);
});

test("codes in a vector stand under expect", () => {
  const vector = { note: "TLOG_A", expect: "TLOG_B", cases: [{ expect: { code: "TLOG_C" } }, { expect: ["TLOG_D"] }] };
  expect(codesInVector(vector)).toEqual(["TLOG_B", "TLOG_C", "TLOG_D"]);
});

test("the repository's own catalogues and tests are found", async () => {
  const codes = (await readCatalogues(repositoryRoot)).map((row) => row.code);
  expect(codes).toContain("CORE_JSON_DEPTH");
  expect(readExpectedCodes(repositoryRoot).size).toBeGreaterThan(0);
});
