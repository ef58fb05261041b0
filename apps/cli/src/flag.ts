import { InvalidArgumentError, Option } from "commander";

/** One option of the command line, as data; `<file>` and `<dir>` in `flags` also tell the completion what to offer. */
export interface Flag {
  readonly flags: string;
  readonly says: string;
  readonly group: Group;
  readonly choices?: readonly string[];
  /** Long names that cannot stand beside this one. */
  readonly conflicts?: readonly string[];
  readonly takes?: "many" | "days" | "port" | "seconds" | "count" | "threads";
  /** Another spelling of the option of this long name, to which its value goes. */
  readonly sameAs?: string;
  /** Understood but not shown: spellings of other tools. */
  readonly isHidden?: true;
}

export type Group =
  | "Identity:"
  | "Trust:"
  | "Signing:"
  | "Statement:"
  | "Output:"
  | "Registry:"
  | "Server:"
  | "Inspections:"
  | "Run:"
  | "Step:"
  | "Artifacts:"
  | "Layout:"
  | "Repository:";

/** The commander option of a flag. A value may be given once (unless it takes many) and is never empty. */
export function makeOption(flag: Flag): Option {
  const option = new Option(flag.flags, flag.says).helpGroup(flag.group);
  if (flag.isHidden === true) option.hideHelp();
  if (flag.conflicts !== undefined) option.conflicts(flag.conflicts.map(attributeOf));
  if (flag.choices !== undefined) option.choices([...flag.choices]);
  if (!option.isBoolean()) option.argParser(parserOf(flag));
  return option;
}

/** The property in which commander keeps an option: `trusted-root` → `trustedRoot`. */
export function attributeOf(long: string): string {
  return long.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

type Parser = (value: string, previous: unknown) => unknown;

function parserOf(flag: Flag): Parser {
  const parse = valueParserOf(flag);
  return (value, previous) => {
    if (value === "") throw new InvalidArgumentError("It is empty.");
    if (flag.takes === "many") return [...((previous as readonly unknown[] | undefined) ?? []), parse(value)];
    if (previous !== undefined) throw new InvalidArgumentError("It is given twice.");
    return parse(value);
  };
}

function valueParserOf(flag: Flag): (value: string) => unknown {
  if (flag.choices !== undefined) return (value) => parseChoice(value, flag.choices ?? []);
  if (flag.takes === "days") return (value) => parseWhole(value, maxDays);
  if (flag.takes === "seconds") return (value) => parseWhole(value, maxSeconds);
  if (flag.takes === "count") return (value) => parseWhole(value, maxCount);
  if (flag.takes === "threads") return (value) => parseWhole(value, maxCount, 1);
  if (flag.takes === "port") return (value) => parseWhole(value, maxPort);
  return (value) => value;
}

const maxDays = 36_500;
const maxPort = 65_535;
const maxCount = 256;
const maxSeconds = 86_400;

function parseWhole(value: string, max: number, min = 0): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : Infinity;
  if (number < min || number > max) throw new InvalidArgumentError(`It is no whole number from ${min} to ${max}.`);
  return number;
}

function parseChoice(value: string, choices: readonly string[]): string {
  if (!choices.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
  return value;
}
