import { cliError } from "../errors.ts";
import { commandTable } from "../command.ts";
import { isInherited, variableOf } from "../environment.ts";
import type { OutputOptions } from "../options.ts";
import { makeProgram } from "../program.ts";
import { exitCodeMeanings, helpObject } from "../render-help.ts";
import { formatJson } from "../render-json.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../render-text.ts";
import type { Command, Option } from "commander";

/** `countersign help [command or topic]`; with `--json`, one `countersign.help/v1`. */
export async function helpCommand(
  operands: readonly string[],
  options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const program = makeProgram(terminal, () => {});
  terminal.out(options.json === true ? formatJson(helpAsObject(program, operands)) : helpAsText(program, operands));
  return 0;
}

function helpAsText(program: Command, operands: readonly string[]): string {
  if (operands[0] === "exit-codes") return exitCodeTopic();
  if (operands[0] === "environment") return environmentTopic(program);
  return commandNamed(program, operands).helpInformation();
}

function helpAsObject(program: Command, operands: readonly string[]): object {
  const [topic] = operands;
  const schema = "countersign.help/v1";
  if (topic === "exit-codes") return { schema, topic, exitCodes: exitCodeMeanings };
  if (topic === "environment") return { schema, topic, variables: variablesOf(program), alsoRead };
  return helpObject(commandNamed(program, operands), operands, commandTable);
}

function exitCodeTopic(): string {
  const lines = exitCodeMeanings.map(({ code, means }) => `  ${String(code).padStart(3)}  ${means}`);
  return `Exit codes, the same for every command:\n\n${lines.join("\n")}\n`;
}

/** Each variable with the option that it sets, in the order of their names. */
function variablesOf(program: Command): readonly { readonly name: string; readonly option: string }[] {
  const rows = new Map(
    optionsOf(program)
      .filter(isInherited)
      .map((option) => [variableOf(option), option.flags]),
  );
  return [...rows]
    .map(([name, option]) => ({ name, option }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

const alsoRead: readonly { readonly name: string; readonly says: string }[] = [
  { name: "SIGSTORE_ID_TOKEN", says: "the identity token, as other Sigstore clients do" },
  { name: "GH_TOKEN, GITHUB_TOKEN, GITHUB_API_URL", says: "for --from github:OWNER/REPO" },
  {
    name: "CI, GITHUB_ACTIONS and the like",
    says: "in CI nobody is asked to sign in; where the CI gives a token, it is used",
  },
  { name: "HTTPS_PROXY, HTTP_PROXY, NO_PROXY", says: "the way to services and registries, from Node 22.21 or 24.5 on" },
  {
    name: "SSL_CERT_FILE, NODE_EXTRA_CA_CERTS",
    says: "more authorities for TLS; the first from Node 22.19 or 24.5 on",
  },
  { name: "BROWSER", says: "the program to sign in with" },
  { name: "NO_COLOR, FORCE_COLOR", says: "colour of what is written for people" },
];

function environmentTopic(program: Command): string {
  const lines = variablesOf(program).map(({ name, option }) => `  ${name.padEnd(44)} ${option}`);
  return `Every option can be set by a variable, except those that weaken a verdict; what the command line says wins.
Switches take 1 or 0, lists are separated like PATH.

${lines.join("\n")}

Also read:
${alsoRead.map(({ name, says }) => `  ${name.padEnd(44)} ${says}`).join("\n")}
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
