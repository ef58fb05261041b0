import { quote, type TrustError } from "@countersign/core";
import { ociError } from "./errors.ts";

/** One place in a Dockerfile that names an image. */
export interface DockerfileUse {
  readonly image: string;
  /** `FROM`, `COPY --from`, `RUN --mount` or `syntax`. */
  readonly by: "FROM" | "COPY --from" | "RUN --mount" | "syntax";
  /** Counted from 1. */
  readonly line: number;
}

/** The largest Dockerfile that is read, in UTF-16 units. */
export const maxDockerfileChars: number = 4 * 1024 * 1024;

/**
 * The images that building a Dockerfile takes content from (Dockerfile reference; BuildKit): those of `FROM`, `COPY --from`
 * and `RUN --mount=from=`, without stages of its own and without `scratch`; and the one that `# syntax=` or the build argument
 * BUILDKIT_SYNTAX runs. Variables are those of `ARG` before the first `FROM`, and `buildArgs` where it declares them, or where
 * BuildKit itself does, such as TARGETARCH. What is no instruction is refused, and with it files in other languages that
 * `// syntax=` begins. Throws OCI_DOCKERFILE_MALFORMED, OCI_DOCKERFILE_VARIABLE.
 */
export function findDockerfileImages(
  text: string,
  buildArgs: ReadonlyMap<string, string> = new Map(),
): readonly DockerfileUse[] {
  if (text.length > maxDockerfileChars)
    throw ociError("OCI_TOO_LARGE", { checked: "Dockerfile", expected: `at most ${maxDockerfileChars} characters` });
  const { escape, syntax: written } = directivesOf(text);
  const syntax = buildArgs.get("BUILDKIT_SYNTAX") ?? written;
  const file: State = { escape, args: automaticArgs(buildArgs), buildArgs, stages: [], uses: [] };
  if (syntax !== undefined) file.uses.push({ image: syntax, by: "syntax", line: 1 });
  for (const instruction of instructionsOf(text, escape)) read(instruction, file);
  return file.uses;
}

/** BuildKit's arguments of the platforms, which nobody has to declare. */
const automatic = /^(?:TARGET|BUILD)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)$/;

function automaticArgs(buildArgs: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...buildArgs].filter(([name]) => automatic.test(name)));
}

interface Instruction {
  readonly name: string;
  readonly rest: string;
  readonly line: number;
}

interface State {
  /** What takes the meaning from the character behind it. */
  readonly escape: string;
  readonly args: Map<string, string>;
  readonly buildArgs: ReadonlyMap<string, string>;
  /** Names of stages so far, lower case; a stage without one has an empty text. */
  readonly stages: string[];
  readonly uses: DockerfileUse[];
}

/**
 * Comments of the form `# name=value` before anything else. Builders differ on whether one that comes after another comment
 * still counts, so that an `escape` there is refused.
 */
function directivesOf(text: string): { readonly escape: string; readonly syntax?: string } {
  let escape = "\\";
  let syntax: string | undefined;
  let isFirst = true;
  for (const [at, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (!/^\s*#/.test(line)) break;
    const [, word = "", value = ""] = /^\s*#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*([^]+?)\s*$/.exec(line) ?? [];
    const name = word.toLowerCase();
    if (name === "escape" && (!isFirst || (value !== "`" && value !== "\\")))
      throw malformed(at + 1, "# escape= with ` or \\, before all other comments", quote(line));
    isFirst &&= ["escape", "syntax", "check"].includes(name);
    if (name === "escape") escape = value;
    // Whatever stands behind the image's name is for the image.
    if (name === "syntax") syntax = value.split(" ")[0];
  }
  return { escape, ...(syntax !== undefined && { syntax }) };
}

/** Builders and we could differ on what these are at either end of a line, and so on where an instruction begins. */
const oddSpace =
  /^[ \t]*[\v\f\r\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]|[\v\f\r\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff][ \t]*$/;

/** Lines joined where one ends in the escape character, but not in two; comments and here-documents are left out. */
function instructionsOf(text: string, escape: string): readonly Instruction[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const odd = lines.findIndex((line) => oddSpace.test(line));
  if (odd !== -1) throw malformed(odd + 1, "blanks and tabs only around a line", quote(lines[odd] ?? ""));
  const continuation = escape === "`" ? /(?:^|[^`])`[ \t]*$/ : /(?:^|[^\\])\\[ \t]*$/;
  const found: Instruction[] = [];
  for (let at = 0; at < lines.length;) {
    let start = at;
    let joined = "";
    let isOpen = true;
    while (isOpen && at < lines.length) {
      const line = lines[at++] ?? "";
      if (/^[ \t]*#/.test(line) || (joined !== "" && line.trim() === "")) continue;
      if (joined === "") start = at - 1;
      isOpen = continuation.test(line);
      joined += isOpen ? line.slice(0, line.lastIndexOf(escape)) : line;
    }
    const match = /^\s*([A-Za-z]+)(?:\s+([\s\S]*))?$/.exec(joined);
    if (match === null) {
      if (joined.trim() === "") continue;
      throw malformed(start + 1, "an instruction", quote(joined));
    }
    const instruction = { name: (match[1] ?? "").toUpperCase(), rest: (match[2] ?? "").trim(), line: start + 1 };
    found.push(instruction);
    at = afterHereDocuments(instruction, lines, at);
  }
  return found;
}

/** RUN, COPY and ADD may be followed by here-documents, whose lines are no instructions. */
function afterHereDocuments({ name, rest, line }: Instruction, lines: readonly string[], at: number): number {
  if (name !== "RUN" && name !== "COPY" && name !== "ADD") return at;
  let next = at;
  for (const { dash, word } of hereDocumentsOf(rest, line)) {
    for (;;) {
      if (next >= lines.length) throw malformed(line, `the end of here-document ${quote(word)}`, "the end of the file");
      const text = lines[next++] ?? "";
      if ((dash === "-" ? text.replace(/^\t+/, "") : text) === word) break;
    }
  }
  return next;
}

/**
 * As BuildKit finds them: only a whole word `<<NAME` begins one, never a part of a word or of a quoted text. What it could read
 * in another way is refused, for whatever we take for a document's text we do not look into.
 */
function hereDocumentsOf(rest: string, line: number): readonly { readonly dash: string; readonly word: string }[] {
  if (!/(?:^|\s)\d*<<-?[^<\s]/.test(rest)) return [];
  const form = /(?:"(?:[^"\\]|\\[^])*"|'[^']*'|\\[^]|[^\s"'\\])+/g;
  const isOdd =
    rest.replace(form, "").trim() !== "" || /\$\{(?![A-Za-z_][A-Za-z0-9_]*(?::[-+?][^${}"'\\]*)?\})/.test(rest);
  const begun = (rest.match(form) ?? []).flatMap((word) => {
    const [, dash = "", name] = /^\d*<<(-?)([^<]+)$/.exec(word) ?? [];
    return name === undefined ? [] : [{ dash, word: unquote(name) }];
  });
  const isPlain = begun.every(({ word }) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(word));
  if (isPlain && !isOdd) return begun;
  throw malformed(line, "a here-document that can be read in one way only", quote(rest));
}

function read(instruction: Instruction, file: State): void {
  const { name, rest, line } = instruction;
  if (name === "ONBUILD") {
    const match = /^([A-Za-z]+)(?:\s+([\s\S]*))?$/.exec(rest);
    if (match !== null) read({ name: (match[1] ?? "").toUpperCase(), rest: match[2] ?? "", line }, file);
    return;
  }
  if (name === "ARG" && file.stages.length === 0) readArgs(rest, file, line);
  if (name === "FROM") readFrom(rest, file, line);
  if (name === "COPY") readCopy(rest, file, line);
  if (name === "RUN") readRun(rest, file, line);
}

function readArgs(rest: string, file: State, line: number): void {
  for (const word of wordsOf(rest)) {
    const equals = word.indexOf("=");
    const name = equals === -1 ? word : word.slice(0, equals);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw malformed(line, "ARG NAME or ARG NAME=VALUE", quote(word));
    const given = file.buildArgs.get(name);
    if (given !== undefined) file.args.set(name, given);
    else if (equals !== -1) file.args.set(name, expand(unquote(word.slice(equals + 1)), file, line));
  }
}

function readFrom(rest: string, file: State, line: number): void {
  const words = splitFlags(rest, file, line)
    .after.split(/[\t\v\f\r ]+/)
    .filter((word) => word !== "");
  const [image, as, name, ...more] = words;
  if (image === undefined || more.length > 0 || (as !== undefined && (as.toLowerCase() !== "as" || name === undefined)))
    throw malformed(line, "FROM IMAGE [AS NAME]", quote(rest));
  const expanded = expand(unquote(image), file, line);
  if (expanded === "") throw ociError("OCI_DOCKERFILE_VARIABLE", { checked: `line ${line}`, got: quote(image) });
  if (expanded !== "scratch" && !file.stages.includes(expanded.toLowerCase()))
    file.uses.push({ image: expanded, by: "FROM", line });
  file.stages.push((name ?? "").toLowerCase());
}

function readCopy(rest: string, file: State, line: number): void {
  for (const flag of splitFlags(rest, file, line).flags)
    if (flag.startsWith("--from=")) useFrom(flag.slice("--from=".length), "COPY --from", file, line);
}

function readRun(rest: string, file: State, line: number): void {
  for (const flag of splitFlags(rest, file, line).flags) {
    if (!flag.startsWith("--mount=")) continue;
    const froms = flag
      .slice("--mount=".length)
      .split(",")
      .filter((part) => /^from=/i.test(part));
    for (const part of froms) useFrom(part.slice("from=".length), "RUN --mount", file, line);
  }
}

/** A stage by name or by number, or an image. */
function useFrom(text: string, by: DockerfileUse["by"], file: State, line: number): void {
  const source = unquote(text);
  if (source.includes("$"))
    throw ociError("OCI_DOCKERFILE_VARIABLE", {
      checked: `line ${line}`,
      expected: "a name without variables",
      got: quote(source),
    });
  if (source === "") throw malformed(line, "a stage or an image after from=", "nothing");
  const isStage =
    file.stages.includes(source.toLowerCase()) || (/^\d+$/.test(source) && Number(source) < file.stages.length);
  if (!isStage && source !== "scratch") file.uses.push({ image: source, by, line });
}

/**
 * The `--name=value` words that an instruction begins with, and what follows them, as BuildKit takes them apart: quotes and
 * escapes are taken out, also inside a word. It goes by bytes, some of which it takes for blanks where they are parts of a
 * character, and lets an open quote end with the line: both are refused.
 */
function splitFlags(rest: string, { escape }: State, line: number): { flags: readonly string[]; after: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < rest.length && isBlank(rest[at])) at++;
    // A word that begins with a quote is no flag to BuildKit; as one it hides nothing.
    if (!/^["'\\`]*-["'\\`]*-/.test(rest.slice(at, at + 16))) return { flags, after: rest.slice(at) };
    let word = "";
    let quoted = "";
    for (; at < rest.length && (quoted !== "" || !isBlank(rest[at])); at++) {
      let char = rest[at] as string;
      if (char > "\u007f") throw malformed(line, "flags in ASCII", quote(rest));
      if (char === quoted) quoted = "";
      else if (quoted === "" && (char === '"' || char === "'")) quoted = char;
      else {
        if (char === escape) char = rest[++at] ?? "";
        word += char;
      }
    }
    if (quoted !== "") throw malformed(line, `the end of what ${quoted} begins`, quote(rest));
    if (word === "--") return { flags, after: rest.slice(at) };
    flags.push(word);
  }
}

function isBlank(char: string | undefined): boolean {
  return char !== undefined && /[\t\n\v\f\r ]/.test(char);
}

/** Words divided by blanks; quotes keep blanks in a word and stay on it. */
function wordsOf(text: string): readonly string[] {
  return text.match(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+/g) ?? [];
}

function unquote(word: string): string {
  return word.replace(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
    (_, double: string | undefined, single: string | undefined) => double ?? single ?? "",
  );
}

/** `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`; any other form is refused. */
function expand(text: string, file: State, line: number): string {
  const refuse = (): TrustError => ociError("OCI_DOCKERFILE_VARIABLE", { checked: `line ${line}`, got: quote(text) });
  const expanded = text.replace(
    /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:[-+])([^${}]*))?\})/g,
    (_, ...groups: (string | undefined)[]) => {
      const [bare, braced, operator, word = ""] = groups;
      const value = file.args.get(bare ?? braced ?? "") ?? "";
      if (operator === ":-") return value === "" ? word : value;
      if (operator === ":+") return value === "" ? "" : word;
      if (value === "") throw refuse();
      return value;
    },
  );
  if (expanded.includes("$")) throw refuse();
  return expanded;
}

function malformed(line: number, expected: string, got: string): TrustError {
  return ociError("OCI_DOCKERFILE_MALFORMED", { checked: `line ${line}`, expected, got });
}
