import { quote } from "@countersign/core";
import { Command, CommanderError } from "commander";
import { commandTable, type CommandRow, type Options } from "./command.ts";
import { applyEnvironment } from "./environment.ts";
import { cliError } from "./errors.ts";
import { isJsonWanted, reportFailure } from "./failure.ts";
import { attributeOf, makeOption, type Flag } from "./flag.ts";
import { outputFlags } from "./options.ts";
import { openTerminal, quietened, type Terminal } from "./terminal.ts";
import { version } from "./version.ts";

/** Runs the command line in this process and returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const terminal = openTerminal();
  try {
    return await run(argv, terminal);
  } catch (error) {
    return reportFailure(error, argv, terminal);
  }
}

/** Words of other tools are known only once one was not understood. */
async function hinted(error: unknown, argv: readonly string[]): Promise<unknown> {
  if (!(error instanceof CommanderError)) return error;
  return (await import("./elsewhere.ts")).hintFromElsewhere(error, argv);
}

/** Runs one command line. Throws what `reportFailure` knows to say. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  // What was no UTF-8 has come as this, and would name another file.
  const foreign = argv.find((word) => word.includes("\ufffd"));
  if (foreign !== undefined) throw cliError("CLI_NOT_UTF8", { got: quote(foreign) });
  if (isAboutItself(argv) && isJsonWanted(argv, terminal)) return runAboutItself(argv, terminal);
  let exitCode = 0;
  const settle = (code: number): void => {
    exitCode = code;
  };
  const program = makeProgram(terminal, settle, rowsFor(argv));
  await program.parseAsync(withoutGoBooleans(argv), { from: "user" }).catch(async (error: unknown) => {
    throw await hinted(error, argv);
  });
  return exitCode;
}

/** Whether help or the version is asked for by an option, which commander answers by itself, as text. */
function isAboutItself(argv: readonly string[]): boolean {
  const words = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  return words.includes("--help") || words.includes("-h") || isVersionWord(argv[0]);
}

function isVersionWord(word: string | undefined): boolean {
  return word === "--version" || word === "-V";
}

/** As `countersign help COMMAND --json` and `countersign version --json`. */
async function runAboutItself(argv: readonly string[], terminal: Terminal): Promise<number> {
  if (isVersionWord(argv[0]))
    return (await import("./commands/version.ts")).versionCommand([], { json: true }, terminal);
  const { helpCommand } = await import("./commands/help.ts");
  return helpCommand(pathIn(argv), { json: true }, terminal);
}

/** The words that lead to a command, or towards some, at the start of a command line. */
function pathIn(argv: readonly string[]): readonly string[] {
  const leads = (count: number): boolean => {
    const path = argv.slice(0, count).join(" ");
    return commandTable.some((row) => row.path === path || row.path.startsWith(`${path} `));
  };
  return argv.slice(0, [3, 2, 1].find((count) => count <= argv.length && leads(count)) ?? 0);
}

/** A command that is named first needs no other beside it; help and misspelt names need all. */
function rowsFor([word]: readonly string[]): readonly CommandRow[] {
  const rows = commandTable.filter((row) => row.path.split(" ")[0] === word);
  return rows.length === 0 ? commandTable : rows;
}

/** The command tree of these rows (all of them unless told otherwise), with nothing of the commands loaded. */
export function makeProgram(
  terminal: Terminal,
  settle: (exitCode: number) => void,
  rows: readonly CommandRow[] = commandTable,
): Command {
  const program = new Command("countersign");
  program
    .description(programHelp)
    .version(version, "-V, --version", "print the version")
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ helpWidth })
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      outputError: () => {},
    });
  for (const row of rows) addCommand(program, row, terminal, settle);
  return program;
}

/** Fixed, so that the commands in examples stay in one piece, in columns. */
const helpWidth = 110;

const programHelp = `Sign artifacts and decide whether a signed artifact may be trusted.

Examples:
  countersign sign release.tgz
  countersign inspect release.tgz.sigstore.json
  countersign verify release.tgz --certificate-identity WHO --certificate-oidc-issuer ISSUER

Exit code: 0 allowed, 1 refused, 2 wrong usage, 3 could not tell.`;

function addCommand(program: Command, row: CommandRow, terminal: Terminal, settle: (exitCode: number) => void): void {
  const words = row.path.split(" ");
  const name = words.pop() ?? row.path;
  const command = words
    .reduce(subcommand, program)
    .command(row.operands === undefined ? name : `${name} ${row.operands}`);
  command.summary(row.says).helpGroup(row.group).description(descriptionOf(row));
  for (const flag of [...row.flags, ...outputFlags]) command.addOption(makeOption(flag));
  command.action(async () => {
    applyEnvironment(command, terminal.env);
    const action = await row.load();
    const options = inOneSpelling(row.flags, command.opts<Options>());
    settle(await action(command.args, options, options.quiet === true ? quietened(terminal) : terminal));
  });
}

/** The options with what other spellings were given in its one place. */
function inOneSpelling(flags: readonly Flag[], options: Options): Options {
  const spelled: Record<string, unknown> = { ...options };
  for (const { flags: written, sameAs } of flags) {
    const name = /--([a-z-]+)/.exec(written)?.[1];
    if (sameAs === undefined || name === undefined) continue;
    const [value, others] = [spelled[attributeOf(name)], spelled[attributeOf(sameAs)]];
    if (value === undefined) continue;
    spelled[attributeOf(sameAs)] = Array.isArray(value)
      ? [...((others as unknown[] | undefined) ?? []), ...value]
      : value;
    delete spelled[attributeOf(name)];
  }
  return spelled as Options;
}

/** What the words that only lead to commands stand for. */
const branches: Readonly<Record<string, string>> = {
  bundle: "Bundles: look at them, bring older forms into the current one",
  key: "Keys to sign with: make, take over, look at",
  dev: "A whole Sigstore on this machine, for tests and trials",
  image: "Container images: verify before deploy, sign, attest",
  layout: "in-toto: who must do which steps of a product, and whether they did",
  trust: "Which logs and authorities count: keep them up to date, make, explain, check",
  repo: "A repository of software updates (TUF), from its author's side",
  update: "Software updates from a TUF repository: trust it, fetch, verify",
  record: "A step of several commands, recorded between start and stop",
};

const branchGroups: Readonly<Record<string, string>> = {
  bundle: "Look closer:",
  dev: "A Sigstore of your own:",
  image: "Container images:",
  key: "Keys:",
  repo: "Software updates:",
  trust: "Set up:",
  update: "Software updates:",
};

function subcommand(parent: Command, name: string): Command {
  const present = parent.commands.find((command) => command.name() === name);
  if (present !== undefined) return present;
  return parent
    .command(name)
    .description(branchDescription(name))
    .helpGroup(branchGroups[name] ?? "Supply chains:")
    .helpCommand(false);
}

function descriptionOf(row: CommandRow): string {
  return withExamples(`${row.says}.`, row.examples);
}

/** The first example of each of the first few commands below a word. */
function branchDescription(name: string): string {
  const below = commandTable.filter((row) => row.path.split(" ").slice(0, -1).includes(name));
  const examples = below.flatMap((row) => row.examples.slice(0, 1));
  return withExamples(`${branches[name] ?? name}.`, examples.slice(0, maxBranchExamples));
}

const maxBranchExamples = 4;

function withExamples(says: string, examples: readonly string[]): string {
  return `${says}\n\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}`;
}

const goCommands: ReadonlySet<string> = new Set(["sign-blob", "verify-blob", "attest-blob", "verify-blob-attestation"]);

/**
 * cosign's users write `--yes=true`: a switch is on or absent here. One that is not known stays as it is, to be refused:
 * whoever says no to something must not get it since the word was passed over.
 */
function withoutGoBooleans(argv: readonly string[]): string[] {
  const words = argv[0] === "image" ? argv.slice(0, 2).join(" ") : argv[0];
  const row = commandTable.find(({ path }) => path === words);
  if (row === undefined || !(goCommands.has(row.path) || argv[0] === "image")) return [...argv];
  const switches = new Set(row.flags.concat(outputFlags).flatMap(({ flags }) => switchesOf(flags)));
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  return argv.flatMap((word, index) => {
    const [, name = "", value] = /^(--[a-z0-9-]+)=(true|false)$/.exec(word) ?? [];
    if (index >= end || !switches.has(name)) return [word];
    if (value === "true") return [name];
    // What is always so cannot be said no to, but for the log, which has an option of its own.
    return name === "--tlog-upload" ? ["--danger-no-log"] : /^--(?:new-bundle-format|check-claims)$/.test(name) ? [word] : []; // prettier-ignore
  });
}

/** The long name of a flag that takes no value: `-y, --yes`. */
function switchesOf(flags: string): readonly string[] {
  return /[<[]/.test(flags) ? [] : (flags.match(/--[a-z0-9-]+/g) ?? []);
}
