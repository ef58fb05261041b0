import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { shellQuoted, whole } from "./render-text.ts";
import { renderingOf } from "./rendering.ts";
import type { ReportFormat } from "./many-options.ts";
import type { Result } from "./result.ts";

const hostile =
  "a<b>&\"' ]]> -->\u0000\u001b[2J\u202e\uffff\ud800 {0} [x](javascript:y) @org www.evil.example ![](http://x/) | `c` <script>\n# h\n::set-output ##vso[task.prependpath]/x ##[set-output name=a]b ###vso[a]";
const results: readonly Result[] = [
  { name: "dist/a b.tgz", verdict: "allowed", reason: "signed by x" },
  { name: hostile, verdict: "refused", reason: hostile, code: "POLICY_IDENTITY_MISMATCH", fix: hostile },
  { name: "/abs/c", verdict: "unknown", reason: "no", code: "PIPELINE_FILE_UNREADABLE", fix: "check" },
  { name: `sha256:${"00".repeat(32)}`, verdict: "refused", reason: "no", code: "PIPELINE_NO_EVIDENCE", fix: "get" },
];
const facts = {
  summary: { total: 4, allowed: 1, refused: 2, unknown: 1 },
  exitCode: 1,
  at: "2026-01-02T03:04:05.678Z",
};

function render(format: ReportFormat, some: readonly Result[] = results): string {
  const rendering = renderingOf(format);
  if (rendering === undefined) throw new Error(format);
  return [rendering.begin, ...some.map(rendering.each), rendering.end(facts)].join("");
}

test.each(Array.from({ length: 12 }, (_, at) => 92 + at))(
  "what is shown whole has no command either, from %d on",
  (at) => {
    const name = `${"x".repeat(at)}##vso[task.prependpath]/x${"y".repeat(300)}`;
    expect(whole(name)).not.toContain("##");
    expect(whole(name)).toMatch(/^x+#\\u0023vso\[.*y{300}$/);
    expect(shellQuoted(`${name} z`)).toMatch(/^'x+#\\u0023vso\[.*y{300} z'$/);
  },
);

describe("hostile text", () => {
  test.each(["json", "jsonl", "junit", "sarif", "markdown", "gitlab"] as const)(
    "%s shows nothing invisible",
    (format) => {
      expect(render(format)).not.toMatch(/[\0-\u0009\u000b-\u001f\u007f-\u00a0\u202e\uffff]|\p{Cs}/u);
    },
  );

  test.each(["json", "jsonl", "junit", "sarif", "markdown", "gitlab"] as const)(
    "%s has no command for a CI system",
    (format) => {
      expect(render(format)).not.toMatch(/##[\w.-]*\[/);
      expect(render(format)).not.toMatch(/^\s*::/m);
    },
  );

  test("Markdown: no mark of it is left that means something", () => {
    const [row = ""] = render("markdown")
      .split("\n")
      .filter((line) => line.includes("refused</") || line.includes("❌"));
    const cells = row.replaceAll(/<\/?code>/g, "").replaceAll(/&#\d+;/g, "");
    expect(cells.split("|")).toHaveLength(5);
    expect(cells).not.toMatch(/[`@[\]()<>!*_#:.]/);
    expect(render("markdown")).toContain("### countersign verify: 1 of 4 allowed");
  });

  test("a long Markdown report is cut, and says how much of it", () => {
    const many = Array.from({ length: 600 }, () => results[0] as Result);
    expect(render("markdown", many)).toContain("and 100 more, 0 of them not allowed");
    const long = Array.from({ length: 100 }, () => ({ ...(results[1] as Result), name: "_".repeat(4000) }));
    const text = render("markdown", long);
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024);
    expect(text).toMatch(/^and (\d+) more, \1 of them not allowed$/m);
  });
});

/** Python's own parser, which every Python has; the check is honest only if there is one. */
const python = hasPython();

function hasPython(): boolean {
  try {
    execFileSync("python3", ["-c", "import xml.etree.ElementTree"]);
    return true;
  } catch {
    return false;
  }
}

describe("JUnit", () => {
  test("counts and one case each", () => {
    const text = render("junit");
    expect(text).toContain('<testsuites name="countersign verify" tests="4" failures="2" errors="1">');
    expect(text.match(/<testcase /g)).toHaveLength(4);
    expect(text.match(/<failure /g)).toHaveLength(2);
    expect(text.match(/<error /g)).toHaveLength(1);
  });

  test.skipIf(!python)("is well-formed XML, and says what was meant", () => {
    const program = [
      "import sys, json, xml.etree.ElementTree as E",
      "r = E.fromstring(sys.stdin.buffer.read())",
      "print(json.dumps([[c.get('name'), [(k.tag, k.get('type'), k.get('message'), k.text) for k in c]] for c in r.iter('testcase')]))",
    ].join("\n");
    const cases = JSON.parse(execFileSync("python3", ["-c", program], { input: render("junit") }).toString()) as [
      string,
      [string, string, string, string][],
    ][];
    expect(cases.map(([name]) => name)).toEqual(results.map(({ name }) => expectedText(name)));
    expect(cases[1]?.[1]).toEqual([
      ["failure", "POLICY_IDENTITY_MISMATCH", expectedText(hostile), expectedText(hostile)],
    ]);
    expect(cases[2]?.[1][0]?.[0]).toBe("error");
  });
});

function expectedText(text: string): string {
  return text
    .replaceAll("\u0000", "\\u0000")
    .replaceAll("\u001b", "\\u001b")
    .replaceAll("\u202e", "\\u202e")
    .replaceAll("\uffff", "\\uffff")
    .replaceAll("\ud800", "\\ud800")
    .replace(/##(?=\w*\[)/g, "#\\u0023");
}

describe("SARIF 2.1.0", () => {
  interface Sarif {
    readonly $schema: string;
    readonly version: string;
    readonly runs: readonly {
      readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] } };
      readonly invocations: readonly { readonly toolExecutionNotifications?: readonly object[] }[];
      readonly properties: { readonly summary: object };
      readonly results: readonly {
        readonly ruleId: string;
        readonly ruleIndex: number;
        readonly kind: string;
        readonly level: string;
        readonly message: { readonly text: string };
        readonly partialFingerprints: { readonly primaryLocationLineHash: string };
        readonly locations: readonly {
          readonly physicalLocation: {
            readonly artifactLocation: { readonly uri: string };
            readonly region: { readonly startLine: number };
          };
        }[];
      }[];
    }[];
  }
  const [sarif, [run]] = [JSON.parse(render("sarif")) as Sarif, (JSON.parse(render("sarif")) as Sarif).runs];

  test("the members that the specification requires", () => {
    expect(sarif).toMatchObject({ version: "2.1.0", runs: [{ tool: { driver: { name: "countersign" } } }] });
    expect(sarif.$schema).toMatch(/sarif-schema-2\.1\.0\.json$/);
    for (const { ruleId, ruleIndex, message } of run?.results ?? []) {
      expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
      expect(message.text).not.toBe("");
    }
  });

  test("what was allowed is no result, since GitHub makes an alert of each; it is counted", () => {
    const kinds = run?.results.map(({ kind, level }) => `${kind} ${level}`);
    expect(kinds).toEqual(["fail error", "open none", "fail error"]);
    expect(run?.properties.summary).toEqual(facts.summary);
  });

  test("places are relative or file URIs with a line, and a message has no placeholder or link that was not ours", () => {
    const names = ["dist/a b.tgz", "./c", ...results.slice(2).map(({ name }) => name), "-", "back\\slash", hostile];
    const some = names.map((name) => ({ ...(results[1] as Result), name }));
    const [first] = (JSON.parse(render("sarif", some)) as Sarif).runs;
    const places = first?.results.map(({ locations }) => locations[0]?.physicalLocation);
    const uris = places?.map((place) => place?.artifactLocation.uri) ?? [];
    const digest = `sha256%3A${"00".repeat(32)}`;
    expect(uris.slice(0, 6)).toEqual(["dist/a%20b.tgz", "c", "file:///abs/c", digest, "-", "back%5Cslash"]);
    for (const uri of uris) expect(uri).toMatch(/^(?:file:\/\/\/)?[A-Za-z0-9%./!'()*~_-]*$/);
    expect(places?.every((place) => place?.region.startLine === 1)).toBe(true);
    expect(run?.results[0]?.message.text).toContain("{{0}} \\[x\\](javascript:y)");
  });

  test("alerts of one run and the next are the same ones", () => {
    const prints = run?.results.map((result) => result.partialFingerprints.primaryLocationLineHash);
    expect(new Set(prints).size).toBe(3);
    expect(render("sarif")).toContain(`"primaryLocationLineHash": "${prints?.[0]}"`);
  });

  test("no more results than GitHub takes, and how many are left out", () => {
    const many = Array.from({ length: 25_003 }, () => results[2] as Result);
    const [first] = (JSON.parse(render("sarif", many)) as Sarif).runs;
    expect(first?.results).toHaveLength(25_000);
    const text = "3 more that were not allowed are left out";
    expect(first?.invocations[0]?.toolExecutionNotifications).toEqual([{ level: "warning", message: { text } }]);
  });
});

test("GitLab: an issue for each that was not allowed, with fingerprints of their own", () => {
  const issues = JSON.parse(render("gitlab")) as { fingerprint: string; severity: string; location: object }[];
  expect(issues.map(({ severity }) => severity)).toEqual(["blocker", "major", "blocker"]);
  expect(new Set(issues.map(({ fingerprint }) => fingerprint)).size).toBe(3);
  expect(issues[1]?.location).toEqual({ path: "/abs/c", lines: { begin: 1 } });
});
