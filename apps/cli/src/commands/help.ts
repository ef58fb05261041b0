import { exitCodes } from "../exit.ts";
import { cliError } from "../errors.ts";
import { isInherited, variableOf } from "../environment.ts";
import type { OutputOptions } from "../options.ts";
import { makeProgram } from "../program.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../render-text.ts";
import type { Command, Option } from "commander";

/** `countersign help [command or topic]`. */
export async function helpCommand(
  operands: readonly string[],
  _options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const program = makeProgram(terminal, () => {});
  if (operands[0] === "exit-codes") terminal.out(exitCodeTopic);
  else if (operands[0] === "environment") terminal.out(environmentTopic(program));
  else terminal.out(commandNamed(program, operands).helpInformation());
  return 0;
}

const exitCodeTopic = `Exit codes, the same for every command:

  0  allowed, or done
  ${exitCodes.untrusted}  refused: the evidence is bad, missing its mark, or of somebody else
  ${exitCodes.usage}  wrong usage: options, operands, missing files
  ${exitCodes.unavailable}  could not tell: something was unavailable, or a bug of ours
`;

function environmentTopic(program: Command): string {
  const rows = new Map(
    optionsOf(program)
      .filter(isInherited)
      .map((option) => [variableOf(option), option.flags]),
  );
  const lines = [...rows]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([variable, flags]) => `  ${variable.padEnd(44)} ${flags}`);
  return `Every option can be set by a variable, except those that weaken a verdict; what the command line says wins.
Switches take 1 or 0, lists are separated like PATH.

${lines.join("\n")}

Also read:
  ${"SIGSTORE_ID_TOKEN".padEnd(44)} the identity token, as other Sigstore clients do
  ${"GH_TOKEN, GITHUB_TOKEN, GITHUB_API_URL".padEnd(44)} for --from github:OWNER/REPO
  ${"CI, GITHUB_ACTIONS and the like".padEnd(44)} in CI nobody is asked to sign in; where the CI gives a token, it is used
  ${"BROWSER".padEnd(44)} the program to sign in with
  ${"NO_COLOR, FORCE_COLOR".padEnd(44)} colour of what is written for people
`;
}

function optionsOf(command: Command): Option[] {
  return [...command.options.filter((option) => option.long !== "--version"), ...command.commands.flatMap(optionsOf)];
}

function commandNamed(program: Command, words: readonly string[]): Command {
  let found = program;
  for (const word of words) {
    const next = found.commands.find((command) => command.name() === word);
    if (next === undefined) throw cliError("CLI_USAGE", `there is no help about ${plain(words.join(" "))}`);
    found = next;
  }
  return found;
}
