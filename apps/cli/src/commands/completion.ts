import { cliError } from "../errors.ts";
import { formatCompletion, isShellName, shellNames } from "../completion.ts";
import type { OutputOptions } from "../options.ts";
import { makeProgram } from "../program.ts";
import { formatJson } from "../render-json.ts";
import { plain } from "../render-text.ts";
import type { Terminal } from "../terminal.ts";

/** `countersign completion SHELL`. */
export async function completionCommand(
  operands: readonly string[],
  options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const [name = ""] = operands;
  if (!isShellName(name)) {
    throw cliError("CLI_OPTION_VALUE", {
      checked: "the shell to complete for",
      expected: shellNames.join(", "),
      got: plain(name),
    });
  }
  const program = makeProgram(terminal, () => {});
  const script = formatCompletion(program, name);
  terminal.out(
    options.json === true ? formatJson({ schema: "countersign.completion/v1", shell: name, script }) : script,
  );
  return 0;
}
