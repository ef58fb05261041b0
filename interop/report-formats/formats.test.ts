import { afterAll, describe, expect, test } from "vitest";
import { renderingOf } from "../../apps/cli/src/rendering.ts";
import type { Result } from "../../apps/cli/src/result.ts";
import { findJunitJudge, findSarifJudge, peerFolder, type Found } from "./peer.ts";

/** `npm run interop:report-formats` sets it: to fetch the judges takes a network. */
const isAsked = process.env["COUNTERSIGN_INTEROP"] === "report-formats";
const { folder, remove } = isAsked ? peerFolder() : { folder: "", remove: (): void => {} };
afterAll(remove);
const notAsked: Found = { missing: "not asked for" };

const lone = "\ud800";
/** Names and reasons as nobody would choose them who means well. */
const hostile: readonly string[] = [
  "a]]>b<![CDATA[c]]>",
  "<&>\"'\u0000\u0001\b\t\n\r\u001b[31m\u007f\u0085\u00a0",
  `${lone}a${lone}/\udc00`,
  "\u202e\u2028\ufeff\ufffe\uffff\u{10ffff}",
  "{0} {1} [x](javascript:y) [[]] \\ %41 %zz ?q#f",
  "C:\\dir\\file",
  "//host/share",
  "../../up/./here//twice",
  ".",
  "file:///etc/passwd",
  "http://[bad",
  "a:b",
  " ",
  "x".repeat(70_000),
  "ü/".repeat(2000),
];
const named = (name: string): readonly Result[] => [
  { name, verdict: "refused", reason: name, code: "POLICY_IDENTITY_MISMATCH", fix: name },
  { name, verdict: "unknown", reason: name, code: "CLI_FILE_UNREADABLE", fix: name },
  { name, verdict: "allowed", reason: name },
  { name, verdict: "refused", reason: name },
];
const plain = ["dist/app.tgz", "/abs/app.tgz", "-", `sha256:${"00".repeat(32)}`];
const reports: Readonly<Record<string, readonly Result[]>> = {
  "of nothing": [],
  accepted: plain.map((name) => ({ name, verdict: "allowed", reason: "signed by ada@example.com" })),
  refused: plain.map((name) => ({ name, verdict: "refused", reason: "no", code: "PIPELINE_NO_EVIDENCE", fix: "give" })),
  undecidable: plain.map((name) => ({ name, verdict: "unknown", reason: "no", code: "PIPELINE_NO_TRUST", fix: "try" })),
  mixed: [...plain, "dist/app.tgz"].flatMap(named),
  "with hostile names": hostile.flatMap(named),
};

function render(format: "sarif" | "junit", results: readonly Result[]): string {
  const count = (verdict: string): number => results.filter((each) => each.verdict === verdict).length;
  const [allowed, refused, unknown] = [count("allowed"), count("refused"), count("unknown")];
  const summary = { total: results.length, allowed, refused, unknown };
  const rendering = renderingOf(format);
  const end = rendering?.end;
  for (const result of results) rendering?.each(result);
  return end?.({ summary, exitCode: refused > 0 ? 1 : 0, at: "2026-01-02T03:04:05.678Z" }) ?? "";
}

/** What the judge says of SARIF that nobody reads: that we have no web page. */
const isMinor = (said: string): boolean => said.startsWith("SARIF2005 ");

function describeFormat(format: "sarif" | "junit", found: Found, broken: readonly (readonly [string, string])[]): void {
  if ("missing" in found) process.stdout.write(`skipped: ${format}: ${found.missing}\n`);
  const judge = "judge" in found ? found.judge : (): readonly string[] => [];
  describe.skipIf("missing" in found)(format, { timeout: 300_000 }, () => {
    test.each(Object.entries(reports))("a report %s is right", (_, results) => {
      expect(judge(render(format, results)).filter((said) => !isMinor(said))).toEqual([]);
    });

    test.each(broken)("the judge refuses a report with %s in the place of %s", (right, wrong) => {
      const report = render(format, reports["mixed"] ?? []);
      expect(report).toContain(right);
      expect(judge(report.replace(right, wrong)).filter((said) => !isMinor(said))).not.toEqual([]);
    });
  });
}

describeFormat("sarif", isAsked ? findSarifJudge(folder) : notAsked, [
  ['"kind": "fail"', '"kind": "failed"'],
  ['"version": "2.1.0",', ""],
  ['"startLine": 1', '"startLine": 0'],
]);
describeFormat("junit", isAsked ? findJunitJudge(folder) : notAsked, [
  ["<failure ", "<failed "],
  [' name="dist/app.tgz"', ""],
  ["</testsuites>", ""],
]);
