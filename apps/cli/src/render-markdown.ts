import { visible } from "./render-json.ts";
import type { WholeFormat } from "./rendering.ts";
import type { Result } from "./result.ts";

/** The most rows of a summary. */
const maxRows = 500;
/** The most that all rows may take, in bytes: of a summary above 1 MiB GitHub shows nothing, and names can be long. */
const maxBytes = 1_000_000;

/** A table for the summary of a CI job (`>> "$GITHUB_STEP_SUMMARY"`) or a merge request. What was not allowed comes first. */
export const formatMarkdown: WholeFormat = (results, { summary }) => {
  const against = results.filter(({ verdict }) => verdict !== "allowed");
  const rows = [...against, ...results.filter(({ verdict }) => verdict === "allowed")];
  const shown = rowsOf(rows);
  const rest = rows.length - shown.length;
  return [
    `### countersign verify: ${summary.allowed} of ${summary.total} allowed`,
    "",
    `${summary.refused} refused, ${summary.unknown} could not be told.`,
    "",
    "| verdict | artifact | why |",
    "| --- | --- | --- |",
    ...shown,
    ...(rest > 0 ? ["", `and ${rest} more, ${Math.max(0, against.length - shown.length)} of them not allowed`] : []),
    "",
  ].join("\n");
};

function rowsOf(results: readonly Result[]): readonly string[] {
  const rows: string[] = [];
  let left = maxBytes;
  for (const result of results.slice(0, maxRows)) {
    const row = rowOf(result);
    left -= Buffer.byteLength(row) + 1;
    if (left < 0) return rows;
    rows.push(row);
  }
  return rows;
}

const words = { allowed: "✅ allowed", refused: "❌ refused", unknown: "⚠️ could not tell" } as const;

function rowOf({ name, verdict, reason, code }: Result): string {
  const why = code === undefined ? inert(reason) : `${inert(reason)} ${inert(code)}`;
  return `| ${words[verdict]} | ${inert(name)} | ${why} |`;
}

/**
 * As code, every mark of punctuation as a number: no link (GitHub makes one of `www.` too), mention, image, tag or further
 * column can come out of it. At most an e-mail address becomes one that writes to it.
 */
function inert(text: string): string {
  const body = visible(text).replace(/[!-,./:-@[-`{-~\n]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<code>${body}</code>`;
}
