import type { Command, Option } from "commander";
import type { CommandRow } from "./command.ts";
import { isInherited, variableOf } from "./environment.ts";
import { exitCodes } from "./exit.ts";
import type { Flag } from "./flag.ts";

/** What each exit code means, for every command. */
export const exitCodeMeanings: readonly { readonly code: number; readonly means: string }[] = [
  { code: 0, means: "allowed, or done" },
  { code: exitCodes.untrusted, means: "refused: the evidence is bad, missing its mark, or of somebody else" },
  { code: exitCodes.usage, means: "wrong usage: options, operands, missing files" },
  { code: exitCodes.unavailable, means: "could not tell: something was unavailable, or a bug of ours" },
  { code: 130, means: "ended by Ctrl-C; other signals end with 128 and their number, 143 for SIGTERM" },
];

/** A `countersign.help/v1`: the command at `path` (none: the program) with all below it, and what the exit codes mean. */
export function helpObject(command: Command, path: readonly string[], rows: readonly CommandRow[]): object {
  return { schema: "countersign.help/v1", ...commandObject(command, path, rows), exitCodes: exitCodeMeanings };
}

function commandObject(command: Command, path: readonly string[], rows: readonly CommandRow[]): object {
  const row = rows.find((each) => each.path === path.join(" "));
  const [says = ""] = command.description().split("\n\n");
  return {
    command: path.join(" "),
    usage: ["countersign", ...path, command.usage()].join(" "),
    says,
    operands: command.registeredArguments.map((operand) => ({
      name: operand.name(),
      required: operand.required,
      many: operand.variadic,
    })),
    options: command.options.filter(({ hidden }) => !hidden).map((option) => optionObject(option, row?.flags ?? [])),
    examples: examplesIn(command.description()),
    commands: command.commands.map((below) => commandObject(below, [...path, below.name()], rows)),
  };
}

function optionObject(option: Option, flags: readonly Flag[]): object {
  const value = /[<[](.*?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1];
  const isMany = flags.find((flag) => flag.flags === option.flags)?.takes === "many";
  return {
    name: option.long ?? option.flags,
    ...(option.short !== undefined && { short: option.short }),
    ...(value !== undefined && { value }),
    says: option.description,
    ...(option.argChoices !== undefined && { choices: option.argChoices }),
    many: isMany || option.variadic,
    ...(isInherited(option) && option.long !== "--version" && { variable: variableOf(option) }),
  };
}

/** Examples stand two spaces in; what continues one after a backslash stands further in. */
function examplesIn(description: string): readonly string[] {
  const [, text = ""] = description.split("\n\nExamples:\n");
  const [block = ""] = text.split("\n\n");
  return block === "" ? [] : block.split(/\n {2}(?! )/).map((example) => example.trim());
}
