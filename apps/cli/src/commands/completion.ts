import { cliError } from "../errors.ts";
import { formatCompletion, isShellName, shellNames } from "../completion.ts";
import type { OutputOptions } from "../options.ts";
import { makeProgram } from "../program.ts";
import { plain } from "../render-text.ts";
import type { Terminal } from "../terminal.ts";

/** `countersign completion SHELL`. */
export async function completionCommand(
  operands: readonly string[],
  _options: OutputOptions,
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
  terminal.out(
    formatCompletion(
      makeProgram(terminal, () => {}),
      name,
    ),
  );
  return 0;
}
