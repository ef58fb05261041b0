import { formatJson } from "./render-json.ts";
import { formatGitlab } from "./render-gitlab.ts";
import { formatJunit } from "./render-junit.ts";
import { formatMarkdown } from "./render-markdown.ts";
import { formatSarif } from "./render-sarif.ts";
import type { ReportFormat } from "./many-options.ts";
import type { Result, Summary } from "./result.ts";

/** What a rendering is told of the run besides the results. */
export interface RunFacts {
  readonly summary: Summary;
  readonly exitCode: number;
  /** ISO 8601 UTC. */
  readonly at: string;
}

/** A report of many results for programs: text that is written before, for each, and after. */
export interface Rendering {
  readonly begin: string;
  readonly each: (result: Result) => string;
  readonly end: (facts: RunFacts) => string;
}

/** The rendering of a format; undefined for text, which goes to standard error. */
export function renderingOf(format: ReportFormat): Rendering | undefined {
  if (format === "text") return undefined;
  if (format === "json") return jsonRendering();
  return format === "jsonl" ? linesRendering : keptRendering(wholeFormats[format]);
}

const linesRendering: Rendering = {
  begin: "",
  each: (result) => formatJson(result, "one-line"),
  end: (facts) => formatJson({ schema: "countersign.summary/v1", ...facts }, "one-line"),
};

/** Formats a whole report once all is known. */
export type WholeFormat = (results: readonly Result[], facts: RunFacts) => string;

const wholeFormats = {
  junit: formatJunit,
  sarif: formatSarif,
  markdown: formatMarkdown,
  gitlab: formatGitlab,
} as const;

/** One object, written piece by piece: ten thousand reports are never held at a time. */
function jsonRendering(): Rendering {
  let separator = "";
  return {
    begin: '{\n"schema": "countersign.reports/v1",\n"results": [',
    each(result) {
      const text = `${separator}\n${formatJson(result).trimEnd()}`;
      separator = ",";
      return text;
    },
    end: ({ summary, exitCode, at }) =>
      `\n],\n"summary": ${formatJson(summary).trimEnd()},\n"exitCode": ${exitCode},\n"at": ${JSON.stringify(at)}\n}\n`,
  };
}

function keptRendering(format: WholeFormat): Rendering {
  const results: Result[] = [];
  return {
    begin: "",
    // Without the report, of which there may be ten thousand.
    each({ name, verdict, reason, code, fix }) {
      results.push({ name, verdict, reason, ...(code !== undefined && { code }), ...(fix !== undefined && { fix }) });
      return "";
    },
    end: (facts) => format(results, facts),
  };
}
