import { CommanderError } from "commander";
import { quote, TrustError } from "@countersign/core";
import { commandTable } from "./command.ts";
import { isSwitchedOn } from "./environment.ts";
import { cliError, cliErrors } from "./errors.ts";
import { exitCodes } from "./exit.ts";
import { commandIn, formatFailureJson } from "./render-json.ts";
import { formatFailureText } from "./render-text.ts";
import type { Terminal } from "./terminal.ts";
import { Unfinished } from "./unfinished.ts";

/** Says what went wrong, as JSON too if that was asked for, and returns the exit code: that of its kind unless given. Never throws. */
export function reportFailure(error: unknown, argv: readonly string[], terminal: Terminal, given?: number): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  if (isBareHelp(error)) return 2;
  const { failure: thrown, done } = error instanceof Unfinished ? error : { failure: error };
  const failure = pointed(failureOf(thrown), argv);
  const exitCode = given ?? exitCodes[failure.kind];
  const isLines = isFormat(argv, "jsonl");
  if (isLines || isJsonWanted(argv, terminal)) {
    const bare = withoutTokens(formatFailureJson(failure, argv, terminal.now(), exitCode));
    const json = done?.inJson(bare) ?? bare;
    attempt(() => terminal.out(isLines ? `${JSON.stringify(JSON.parse(json))}\n` : json));
  }
  attempt(() => terminal.err(withoutTokens(formatFailureText(failure, terminal)) + (done?.inText() ?? "")));
  if (argv.includes("--debug") && thrown instanceof Error)
    attempt(() => terminal.err(withoutTokens(`${thrown.stack ?? ""}\n${causeOf(thrown)}`)));
  return exitCode;
}

/** A token or PIN in the wrong place of a command line comes back in messages about it, also cut. */
export function withoutTokens(text: string): string {
  return text.replace(/eyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g, "(a token)").replace(/(pin-value=)[^&;\s"'\\]+/gi, "$1…");
}

/** commander has printed the help already, because no command was given. */
function isBareHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === "commander.help";
}

/** The TrustError that stands for anything thrown: usage errors of commander, our own errors, and bugs. */
function failureOf(error: unknown): TrustError {
  if (error instanceof TrustError) return error;
  if (error instanceof CommanderError) return usageError(error);
  const output = outputProblem(error);
  if (output !== undefined) return output;
  return cliError(
    "CLI_BUG",
    { got: quote(error instanceof Error ? `${error.name}: ${error.message}` : String(error)) },
    error,
  );
}

/** The help to look at is that of the command that was called. */
function pointed(failure: TrustError, argv: readonly string[]): TrustError {
  const { code, kind, detail, cause } = failure;
  if (code !== "CLI_USAGE" && code !== "CLI_OPTION_VALUE") return failure;
  const command = commandIn(argv);
  if (!commandTable.some(({ path }) => `${path} `.startsWith(`${command} `))) return failure;
  const fix = failure.fix.replace(/^see countersign (?:--help|help)/, `see countersign ${command} --help`);
  return new TrustError(code, { kind, says: cliErrors[code]?.says ?? "", fix }, detail, cause);
}

function usageError(error: CommanderError): TrustError {
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const said = quote(message).slice(1, -1).replaceAll('\\"', '"');
  const made = cliError("CLI_USAGE", said);
  return suggestion === undefined
    ? made
    : new TrustError(
        made.code,
        { kind: made.kind, says: "the command line is not understood", fix: tidy(suggestion) },
        said,
      );
}

function tidy(suggestion: string): string {
  return suggestion.replace(/^\((.*)\)$/, "$1").replace(/^Did/, "did");
}

/** A full disk behind standard output is not a bug of ours. */
function outputProblem(error: unknown): TrustError | undefined {
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  if (syscall !== "write" || typeof code !== "string") return undefined;
  return cliError("CLI_OUTPUT_FAILED", { got: code }, error);
}

/** Whether a program reads along: by an option anywhere, or by the variable. */
export function isJsonWanted(argv: readonly string[], terminal: Terminal): boolean {
  if (optionsIn(argv).includes("--json") || isFormat(argv, "json")) return true;
  try {
    return isSwitchedOn(terminal.env, "COUNTERSIGN_JSON");
  } catch {
    return false;
  }
}

function isFormat(argv: readonly string[], name: string): boolean {
  const words = optionsIn(argv);
  return words.some((word, at) => word === `--format=${name}` || (word === name && words[at - 1] === "--format"));
}

function optionsIn(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  return end === -1 ? argv : argv.slice(0, end);
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? `caused by ${error.cause.stack ?? error.cause.message}\n` : "";
}

function attempt(write: () => void): void {
  try {
    write();
  } catch {
    // The stream itself is what is broken: the exit code still tells.
  }
}
