import type { Command, Option } from "commander";

/** The shells there is a completion for. */
export const shellNames = ["bash", "zsh", "fish", "powershell"] as const;
export type ShellName = (typeof shellNames)[number];

/** Whether this is a shell there is a completion for. */
export function isShellName(name: string): name is ShellName {
  return (shellNames as readonly string[]).includes(name);
}

/** The completion script of a command tree; it offers commands, options, fixed values and file names, and runs nothing. */
export function formatCompletion(program: Command, shell: ShellName): string {
  const nodes = nodesOf(program, []);
  return formatters[shell](program.name(), nodes);
}

/** One command with what can follow it. */
interface Node {
  /** Words after the program's name; empty for the program itself. */
  readonly path: readonly string[];
  readonly commands: readonly { readonly name: string; readonly says: string }[];
  readonly options: readonly Offer[];
}

interface Offer {
  readonly short?: string;
  readonly long: string;
  readonly says: string;
  readonly value: "none" | "file" | "directory" | "text" | readonly string[];
}

type Formatter = (name: string, nodes: readonly Node[]) => string;
const formatters: Readonly<Record<ShellName, Formatter>> = {
  bash: formatBash,
  zsh: formatZsh,
  fish: formatFish,
  powershell: formatPowershell,
};

function nodesOf(command: Command, path: readonly string[]): Node[] {
  const commands = command.commands.map((child) => ({
    name: child.name(),
    says: child.summary() || child.description(),
  }));
  const node: Node = { path, commands, options: command.options.map(offerOf) };
  const operands =
    command.name() === "completion" ? shellNames.map((name) => ({ name, says: `the script for ${name}` })) : [];
  return [
    { ...node, commands: [...commands, ...operands] },
    ...command.commands.flatMap((child) => nodesOf(child, [...path, child.name()])),
  ];
}

function offerOf(option: Option): Offer {
  const short = option.short === undefined ? {} : { short: option.short };
  return { ...short, long: option.long ?? option.flags, says: option.description, value: valueOf(option) };
}

function valueOf(option: Option): Offer["value"] {
  if (option.isBoolean()) return "none";
  if (option.argChoices !== undefined) return option.argChoices;
  if (/<(?:file|path)(?:\.\.\.)?>/.test(option.flags)) return "file";
  return option.flags.includes("<dir>") ? "directory" : "text";
}

/** What the shells test for: `COMMAND…`, each word that is a command moving one step down the tree. */
function pathsOf(nodes: readonly Node[]): string[] {
  return nodes.filter((node) => node.path.length > 0).map((node) => node.path.join(" "));
}

function wordsOf(node: Node): string[] {
  return [...node.commands.map((command) => command.name), ...node.options.map((option) => option.long), "--help"];
}

function valueRows(nodes: readonly Node[]): Offer[] {
  const rows = new Map(
    nodes.flatMap((node) => node.options).map((option) => [`${option.long} ${String(option.value)}`, option]),
  );
  return [...rows.values()].filter((option) => option.value !== "none");
}

function namesOf(option: Offer): string {
  return [...(option.short === undefined ? [] : [option.short]), option.long].join("|");
}

function formatBash(name: string, nodes: readonly Node[]): string {
  return `# bash completion for ${name}
_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" i words=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
      ${pathsOf(nodes)
        .map((path) => `"${path}"`)
        .join("|")}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$previous" in
${valueRows(nodes)
  .map((option) => `    ${namesOf(option)}) ${bashValue(option)}; return ;;`)
  .join("\n")}
  esac
  case "$path" in
${nodes.map((node) => `    "${node.path.join(" ")}") words="${wordsOf(node).join(" ")}" ;;`).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`;
}

function bashValue(option: Offer): string {
  if (option.value === "directory") return 'COMPREPLY=($(compgen -d -- "$current"))';
  if (option.value === "file") return 'COMPREPLY=($(compgen -f -- "$current"))';
  return typeof option.value === "string" ? ":" : `COMPREPLY=($(compgen -W "${option.value.join(" ")}" -- "$current"))`;
}

function formatZsh(name: string, nodes: readonly Node[]): string {
  return `#compdef ${name}
# zsh completion for ${name}
_${name}() {
  local previous="\${words[CURRENT-1]}" place="" word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${place:+$place }$word" in
      ${pathsOf(nodes)
        .map((path) => `"${path}"`)
        .join("|")}) place="\${place:+$place }$word" ;;
    esac
  done
  case "$previous" in
${valueRows(nodes)
  .map((option) => `    ${namesOf(option)}) ${zshValue(option)}; return ;;`)
  .join("\n")}
  esac
  local -a offers
  case "$place" in
${nodes.map((node) => `    "${node.path.join(" ")}") offers=(${zshOffers(node)}) ;;`).join("\n")}
  esac
  _describe '${name}' offers
  _files
}
if [ "\${funcstack[1]}" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function zshValue(option: Offer): string {
  if (option.value === "directory") return "_files -/";
  if (option.value === "file") return "_files";
  return typeof option.value === "string" ? ":" : `compadd ${option.value.join(" ")}`;
}

function zshOffers(node: Node): string {
  const commands = node.commands.map((command) => `${command.name}:${command.says}`);
  const options = node.options.map((option) => `${option.long}:${option.says}`);
  return [...commands, ...options].map(singleQuoted).join(" ");
}

function formatFish(name: string, nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node) => fishLines(name, node));
  return `# fish completion for ${name}\n${lines.join("\n")}\n`;
}

function fishLines(name: string, node: Node): string[] {
  const inside = node.path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const outside =
    node.commands.length === 0
      ? []
      : [`not __fish_seen_subcommand_from ${node.commands.map((command) => command.name).join(" ")}`];
  const commandWhen = [...inside, ...outside].join("; and ");
  const optionWhen = inside.length === 0 ? commandWhen : inside.join("; and ");
  return [
    ...node.commands.map(
      (command) => `complete -c ${name} -n '${commandWhen}' -f -a ${command.name} -d ${singleQuoted(command.says)}`,
    ),
    ...node.options.map((option) => `complete -c ${name} -n '${optionWhen}' ${fishOption(option)}`),
  ];
}

function fishOption(option: Offer): string {
  const short = option.short === undefined ? "" : `-s ${option.short.slice(1)} `;
  return `${short}-l ${option.long.slice(2)} ${fishValue(option)}-d ${singleQuoted(option.says)}`;
}

function fishValue(option: Offer): string {
  if (option.value === "none") return "";
  if (option.value === "directory") return "-x -a '(__fish_complete_directories)' ";
  if (option.value === "file") return "-r ";
  return option.value === "text" ? "-x " : `-x -a '${(option.value as readonly string[]).join(" ")}' `;
}

function formatPowershell(name: string, nodes: readonly Node[]): string {
  return `# PowerShell completion for ${name}
Register-ArgumentCompleter -Native -CommandName ${name} -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $offers = @{
${nodes.map((node) => `    '${node.path.join(" ")}' = @(${wordsOf(node).map(powershellQuoted).join(", ")})`).join("\n")}
  }
  $values = @{
${valueRows(nodes)
  .filter((option) => typeof option.value !== "string")
  .map((option) => `    '${option.long}' = @(${(option.value as readonly string[]).map(powershellQuoted).join(", ")})`)
  .join("\n")}
  }
  $path = ''
  $previous = ''
  foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
    $word = $element.Extent.Text
    if ($element.Extent.EndOffset -ge $cursorPosition -and $word -eq $wordToComplete) { break }
    $next = if ($path) { "$path $word" } else { $word }
    if ($offers.ContainsKey($next)) { $path = $next }
    $previous = $word
  }
  $words = if ($values.ContainsKey($previous)) { $values[$previous] } else { $offers[$path] }
  $words | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
}

function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}

function powershellQuoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
