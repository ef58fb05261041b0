/** One fenced block of a Markdown page, with what the comment before it asks of the test. */
export interface Block {
  readonly page: string;
  /** The line of the opening fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  readonly marks: Marks;
}

/** What `<!-- test: … -->` just before a fence says. */
export interface Marks {
  /** Runs beside a local Sigstore: its trusted root, signing config and an identity token are in the environment. */
  readonly isLocal: boolean;
  /** Who the identity token speaks for. */
  readonly subject: string | undefined;
  /** The exit code that the block must end with. */
  readonly exit: number;
  /** The block is also written to this file of the page's folder. */
  readonly file: string | undefined;
  /** A ts or js block that is run, not only type-checked. */
  readonly isRun: boolean;
  /** Why the block is not run. */
  readonly skip: string | undefined;
  /** Shell lines that a reader does not see, run before the block. */
  readonly before: string;
}

/** The reasons for which a block may be skipped. */
export const skipReasons: RegExp = /^it (needs (root|the public network|a cluster)|is run by \.ci\/run)\b/;

/** Every fenced block of a page (CommonMark fences, also inside lists). Throws a plain Error on a mark it does not know. */
export function parseBlocks(page: string, markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const fence = /^( *(?:[-*] +|\d+\. +)?)(`{3,}|~{3,}) *([^`\s]*)/.exec(lines[at] ?? "");
    if (fence === null) continue;
    const end = closingLine(lines, at, fence[2] ?? "```");
    if (end === -1) throw new Error(`${page}:${at + 1}: the fence is never closed`);
    const text = lines.slice(at + 1, end).map(unindent((fence[1] ?? "").length));
    const marks = parseMarks(`${page}:${at + 1}`, lines.slice(0, at));
    blocks.push({ page, line: at + 1, language: fence[3] ?? "", text: `${text.join("\n")}\n`, marks });
    at = end;
  }
  return blocks;
}

/** The files that a page links to, relative to the page: not addresses, not places on the page itself, not code. */
export function parseLinks(markdown: string): readonly string[] {
  const words = markdown.replace(/^ *(`{3,}|~{3,})[\s\S]*?^ *\1/gm, "").replace(/`[^`\n]*`/g, "");
  const targets = [...words.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
  return targets.filter((target) => !/^[a-z]+:/i.test(target));
}

const noMarks: Marks = {
  isLocal: false,
  subject: undefined,
  exit: 0,
  file: undefined,
  isRun: false,
  skip: undefined,
  before: "",
};

function closingLine(lines: readonly string[], start: number, fence: string): number {
  const closing = new RegExp(`^ *${fence[0]}{${fence.length},} *$`);
  return lines.findIndex((line, at) => at > start && closing.test(line));
}

function unindent(width: number): (line: string) => string {
  return (line) => line.slice(Math.min(width, line.length - line.trimStart().length));
}

/** The comment that ends on the nearest line above which is not blank. */
function parseMarks(where: string, above: readonly string[]): Marks {
  const text = above.join("\n").trimEnd();
  const start = text.lastIndexOf("<!--");
  if (start === -1 || !text.endsWith("-->")) return noMarks;
  const comment = text.slice(start + 4, -3).trim();
  if (!comment.startsWith("test:")) return noMarks;
  const [head = "", ...before] = comment.slice("test:".length).split("\n");
  return { ...parseHead(where, head.trim()), before: before.join("\n") };
}

function parseHead(where: string, head: string): Marks {
  const skip = /^skip because (.*)$/.exec(head)?.[1];
  if (skip === undefined)
    return head.split(/\s+/).reduce((marks, word) => ({ ...marks, ...parseWord(where, word) }), noMarks);
  if (!skipReasons.test(skip)) throw new Error(`${where}: "${skip}" is no reason to skip, see scripts/readme-block.ts`);
  return { ...noMarks, skip };
}

function parseWord(where: string, word: string): Partial<Marks> {
  const [name = "", value = ""] = word.split(/=(.*)/s);
  if (word === "" || word === "before") return {};
  if (word === "run") return { isRun: true };
  if (word === "env=local") return { isLocal: true };
  if (name === "subject" && value !== "") return { subject: value };
  if (name === "file" && /^[\w.][\w./-]*$/.test(value) && !value.includes("..")) return { file: value };
  if (name === "expect-exit" && /^\d{1,3}$/.test(value)) return { exit: Number(value) };
  throw new Error(`${where}: unknown mark "${word}"`);
}
