import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkPages, type ReadmeResult } from "./check-readme.ts";
import { parseBlocks, parseLinks } from "./readme-block.ts";
import { parseCi } from "./readme-ci.ts";
import { defaultSubject } from "./readme-play.ts";
import { startTokenServer, tokenRequestVariables, type LocalWorld } from "./readme-world.ts";
import { repositoryRoot } from "./report.ts";

const fence = "```";

function block(language: string, text: string, mark?: string): string {
  return `${mark === undefined ? "" : `<!-- test: ${mark} -->\n`}${fence}${language}\n${text}\n${fence}\n`;
}

describe("parseBlocks", () => {
  test("language, text, line and marks", () => {
    const page = `# A\n\n${block("sh", "true\nfalse", "env=local expect-exit=1 subject=a@b.c")}`;
    const [found] = parseBlocks("A.md", page);
    expect(found).toMatchObject({ page: "A.md", line: 4, language: "sh", text: "true\nfalse\n" });
    expect(found?.marks).toMatchObject({ isLocal: true, exit: 1, subject: "a@b.c" });
  });

  test("a list, a longer fence and tildes", () => {
    const page = `1. ${fence}sh\n   true\n   ${fence}\n\n${fence}${fence}text\n${fence}\n${fence}${fence}\n~~~json\n{}\n~~~\n`;
    expect(parseBlocks("A.md", page).map(({ text }) => text)).toEqual(["true\n", `${fence}\n`, "{}\n"]);
  });

  test("a comment elsewhere on the page is not a mark", () => {
    const page = `<!-- test: expect-exit=1 -->\n\nWords.\n\n${block("sh", "true")}`;
    expect(parseBlocks("A.md", page)[0]?.marks.exit).toBe(0);
  });

  test.each(["expect-exit=x", "env=remote", "file=../a", "file=/a", "skip because I like it", "skip", "rum"])(
    "the mark %s is refused",
    (mark) => {
      expect(() => parseBlocks("A.md", block("sh", "true", mark))).toThrow(/^A\.md:2: /);
    },
  );

  test("an open fence is refused", () => {
    expect(() => parseBlocks("A.md", `${fence}sh\ntrue\n`)).toThrow("A.md:1: the fence is never closed");
  });
});

test("links are those to files", () => {
  const page = `[a](docs/a.md) [b](docs/b.md#part) [c](https://c.example) [d](#here) \`[e](e.md)\`\n\n${block("md", "[f](f.md)")}`;
  expect(parseLinks(page)).toEqual(["docs/a.md", "docs/b.md"]);
});

describe("parseCi", () => {
  test("a workflow's steps with the variables of all levels", () => {
    const file = parseCi(`
env: { A: "1" }
permissions: { id-token: write }
jobs:
  release:
    env: { B: "\${{ github.ref_name }}" }
    steps:
      - uses: actions/checkout@v5
      - run: echo "\${{ github.sha }}"
        env: { A: "2" }
`);
    expect(file.hasToken).toBe(true);
    expect(file.steps).toEqual([
      { name: `echo "${"1".repeat(40)}"`, script: `echo "${"1".repeat(40)}"`, variables: { A: "2", B: "v1.2.3" } },
    ]);
  });

  test("without id-token: write there is no token", () => {
    expect(parseCi("permissions: { id-token: read }\njobs: { a: { steps: [{ run: ls }] } }").hasToken).toBe(false);
  });

  test("a GitLab job's scripts in one shell", () => {
    const file = parseCi(
      "sign:\n  id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }\n  before_script: ls\n  script: [pwd, id]\n",
    );
    expect(file).toMatchObject({ kind: "gitlab", hasToken: true, steps: [{ name: "sign", script: "ls\npwd\nid" }] });
  });

  test.each([
    ["an unknown action", "jobs: { a: { steps: [{ uses: acme/magic@v1 }] } }", /cannot play "uses: acme\/magic@v1"/],
    [
      "an unknown expression",
      "jobs: { a: { steps: [{ run: '${{ secrets.KEY }}' }] } }",
      /does not know \$\{\{ secrets.KEY/,
    ],
    ["a key twice", "a: 1\na: 2\n", /unique/],
  ])("%s is refused", (_title, text, says) => {
    expect(() => parseCi(text)).toThrow(says);
  });
});

describe("checkPages", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "readme-test-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A stand-in for the local Sigstore: its tokens are the subject itself. */
  async function startFake(): Promise<LocalWorld> {
    const token = (subject: string): Promise<string> => Promise.resolve(`token for ${subject}`);
    const server = await startTokenServer(token);
    return {
      variables: { COUNTERSIGN_TRUSTED_ROOT: "/root.json", COUNTERSIGN_SIGNING_CONFIG: "/config.json" },
      issuer: "http://127.0.0.1:1",
      token,
      githubVariables: (subject) => tokenRequestVariables(server, subject),
      close: () => void server.close(),
    };
  }

  async function check(...blocks: readonly string[]): Promise<ReadmeResult> {
    const page = join(folder, "page.md");
    writeFileSync(page, blocks.join("\nWords between.\n\n"));
    return checkPages(repositoryRoot, [page], startFake);
  }

  test("blocks of a page share a folder, which is fresh", async () => {
    const result = await check(block("sh", "test ! -e a; echo 1 > a"), block("bash", 'test "$(cat a)" = 1'));
    expect(result).toEqual({ problems: [], skipped: [], passed: 2 });
    expect((await check(block("sh", "test ! -e a"))).problems).toEqual([]);
  });

  test.each([
    ["a failing command", block("sh", "false\ntrue"), "sh: exit code 1 instead of 0"],
    ["a failing pipe", block("sh", "false | cat"), "exit code 1 instead of 0"],
    ["an unexpected success", block("sh", "true", "expect-exit=1"), "exit code 0 instead of 1"],
    ["a failing console line", block("console", "$ echo a \\\n   b\na b\n$ false"), "console: exit code 1"],
    ["broken JSON", block("json", "{,}"), "json: "],
    ["broken YAML", block("yaml", "a: [1"), "yaml: "],
    ["a type error", block("ts", "const a: string = 1;"), "TS2322"],
    ["a name that core does not export", block("ts", 'import { noSuchName } from "@countersign/core";'), "TS2305"],
    ["a run that throws", block("js", "throw new Error('no');", "run"), "exit code 1 instead of 0"],
    [
      "a failing step",
      block("yaml", "jobs: { a: { steps: [{ name: build, run: exit 3 }] } }"),
      'step "build": exit code 3',
    ],
    ["a language nobody checks", block("cobol", "STOP RUN."), 'the language "cobol"'],
    ["no language", block("", "words"), 'the language ""'],
    ["a link to nowhere", "[a](nowhere.md)\n", "links to nowhere.md, which is not there"],
    ["a failing setup", block("sh", "true", "before\nexit 4\n"), "before: exit code 4"],
    [
      "a release of a file that is not there",
      block("sh", "gh release upload v1 missing.txt"),
      "no such file: missing.txt",
    ],
    ["a wrong mark", block("sh", "true", "nonsense"), 'unknown mark "nonsense"'],
  ])("%s is a problem", async (_title, page, says) => {
    const { problems, passed } = await check(page);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(says);
    expect(passed).toBe(0);
  });

  test("good blocks of every kind pass", async () => {
    const blocks = [
      block("sh", "exit 7", "expect-exit=7"),
      block("console", "$ echo a > b\n$ cat b\na"),
      block("json", '{ "a": 1 }', "file=deep/a.json"),
      block("yaml", "a: 1"),
      block(
        "ts",
        'import { TrustError } from "@countersign/core";\nexport type E = TrustError;\nprocess.exitCode = 0;',
      ),
      block("js", 'import { readFileSync } from "node:fs";\nJSON.parse(readFileSync("deep/a.json", "utf8"));', "run"),
      block("text", "$ output only"),
      block("sh", "cat made", "before\necho 1 > made\n"),
      block("sh", "npm install --global countersign && gh release upload v1 b"),
    ];
    expect(await check(...blocks)).toEqual({ problems: [], skipped: [], passed: blocks.length });
  });

  test("a skipped block is not run, and is counted with its reason", async () => {
    const result = await check(block("sh", "false", "skip because it needs root to install a package"));
    expect(result.problems).toEqual([]);
    expect(result.skipped).toEqual([expect.stringContaining("it needs root to install a package")]);
  });

  test("env=local gives the local root, a token for the subject, and its issuer for the public ones", async () => {
    const script = `test "$COUNTERSIGN_TRUSTED_ROOT" = /root.json
test "$SIGSTORE_ID_TOKEN" = "token for a@b.c"
test https://gitlab.com = http://127.0.0.1:1
test https://gitlab.com/acme != http://127.0.0.1:1/acme`;
    expect(await check(block("sh", script, "env=local subject=a@b.c"))).toMatchObject({ problems: [], passed: 1 });
    expect((await check(block("sh", 'test -z "${SIGSTORE_ID_TOKEN-}"'))).problems).toEqual([]);
  });

  test("a workflow gets GitHub's token endpoint only with id-token: write", async () => {
    const ask = `node -e '
      const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = process.env;
      const answer = await fetch(url + "&audience=sigstore", { headers: { authorization: "bearer " + token } });
      console.log((await answer.json()).value);' > token`;
    const workflow = (permission: string): string =>
      `permissions: { id-token: ${permission} }\njobs:\n  a:\n    steps:\n      - run: |\n          ${ask.replaceAll("\n", "\n          ")}`;
    const good = await check(
      block("yaml", workflow("write")),
      block("sh", `test "$(cat token)" = "token for ${defaultSubject}"`),
    );
    expect(good).toMatchObject({ problems: [], passed: 2 });
    expect((await check(block("yaml", workflow("read")))).problems).toHaveLength(1);
  });

  test("a GitLab job with id_tokens gets its variable", async () => {
    const job = (tokens: string): string => `sign:\n  ${tokens}script:\n    - test -n "$SIGSTORE_ID_TOKEN"\n`;
    expect(
      (await check(block("yaml", job("id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }\n  ")))).problems,
    ).toEqual([]);
    expect((await check(block("yaml", job("")))).problems).toHaveLength(1);
    expect((await check(block("yaml", job(""), "env=local"))).problems).toHaveLength(1);
  });
});
