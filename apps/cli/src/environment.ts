import { delimiter } from "node:path";
import type { Command, Option } from "commander";
import { quote } from "@countersign/core";
import { cliError } from "./errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The variable that mirrors an option: `--trusted-root` → `COUNTERSIGN_TRUSTED_ROOT`. */
export function variableOf(option: Option): string {
  return `COUNTERSIGN_${(option.long ?? "").replace(/^--/, "").replaceAll("-", "_").toUpperCase()}`;
}

/** Whether a variable switches something on. Throws CLI_ENVIRONMENT_VALUE on anything but 1, true, yes, 0, false, no or nothing. */
export function isSwitchedOn(env: Environment, variable: string): boolean {
  const value = env[variable] ?? "";
  if (value === "") return false;
  if (/^(1|true|yes)$/i.test(value)) return true;
  if (/^(0|false|no)$/i.test(value)) return false;
  throw cliError("CLI_ENVIRONMENT_VALUE", { checked: variable, expected: "1 or 0", got: quote(value) });
}

/** Whether a variable may set the option: what weakens a verdict is said where it is used, and never inherited. */
export function isInherited(option: Option): boolean {
  return !/^--(?:danger|insecure|allow)-|^--(?:compat|at|tag-map-at|ignore-missing)$/.test(option.long ?? "");
}

/**
 * Fills in from the environment what the command line left open. The command line wins: a variable is passed over
 * if its option, or one that cannot stand beside it, was given. Lists are separated like PATH.
 */
export function applyEnvironment(command: Command, env: Environment): void {
  const given = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === "cli");
  for (const option of command.options.filter(isInherited)) {
    if (given.includes(option) || given.some((other) => isConflict(option, other))) continue;
    const value = valueOf(option, env);
    if (value !== undefined) command.setOptionValueWithSource(option.attributeName(), value, "env");
  }
  checkConflicts(command);
}

function valueOf(option: Option, env: Environment): unknown {
  const variable = variableOf(option);
  if (option.isBoolean()) return isSwitchedOn(env, variable) ? true : undefined;
  const value = env[variable];
  if (value === undefined || value === "") return undefined;
  try {
    return parse(option, value);
  } catch (error) {
    throw cliError(
      "CLI_ENVIRONMENT_VALUE",
      { checked: variable, got: `${quote(value)} (${(error as Error).message})` },
      error,
    );
  }
}

function parse(option: Option, value: string): unknown {
  const parser = option.parseArg as (value: string, previous: unknown) => unknown;
  const first = parser(value, undefined);
  return Array.isArray(first) ? value.split(delimiter).filter((part) => part !== "") : first;
}

function checkConflicts(command: Command): void {
  const set = command.options.filter((option) => command.getOptionValue(option.attributeName()) !== undefined);
  for (const option of set) {
    const other = set.find((candidate) => isConflict(option, candidate));
    if (other !== undefined) {
      throw cliError("CLI_OPTION_CONFLICT", {
        checked: `${option.long} (or $${variableOf(option)})`,
        got: `${other.long} as well`,
      });
    }
  }
}

function isConflict(one: Option, other: Option): boolean {
  return conflictsOf(one).includes(other.attributeName()) || conflictsOf(other).includes(one.attributeName());
}

/** commander keeps this list but does not name it in its types. */
function conflictsOf(option: Option): readonly string[] {
  return (option as Option & { readonly conflictsWith: readonly string[] }).conflictsWith;
}
