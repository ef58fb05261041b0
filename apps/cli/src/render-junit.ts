import { visible } from "./render-json.ts";
import type { WholeFormat } from "./rendering.ts";
import type { Result } from "./result.ts";

/** JUnit's XML, as CI systems read it: a case for each artifact, a failure if refused, an error if it could not be told. */
export const formatJunit: WholeFormat = (results, { summary, at }) => {
  const counts = `tests="${summary.total}" failures="${summary.refused}" errors="${summary.unknown}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="countersign verify" ${counts}>`,
    `  <testsuite name="countersign verify" ${counts} skipped="0" timestamp="${at.slice(0, 19)}">`,
    ...results.map(caseOf),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
};

function caseOf({ name, verdict, reason, code = "", fix = "" }: Result): string {
  const head = `    <testcase classname="countersign.verify" name="${xml(name)}"`;
  if (verdict === "allowed") return `${head}><system-out>${xml(reason)}</system-out></testcase>`;
  const tag = verdict === "refused" ? "failure" : "error";
  return `${head}><${tag} type="${xml(code)}" message="${xml(reason)}">${xml(fix)}</${tag}></testcase>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\n": "&#10;",
};

/** Text for content and attributes; what XML cannot carry at all stands there as a visible escape. */
function xml(text: string): string {
  return visible(text).replace(/[&<>"'\n]/g, (char) => entities[char] ?? "");
}
