import { describeBundle } from "@countersign/pipeline";
import { readBundles } from "../../bundle-file.ts";
import type { OutputOptions } from "../../options.ts";
import { formatJson } from "../../render-json.ts";
import type { Terminal } from "../../terminal.ts";
import { formatDescription, inspectCommand, verifyCommandFor } from "../inspect.ts";

/** `countersign bundle inspect FILE`: what one bundle claims, or each line of a .jsonl file, marked as unverified. */
export async function bundleInspectCommand(
  operands: readonly string[],
  options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const [path = ""] = operands;
  if (!path.endsWith(".jsonl")) return inspectCommand(operands, options, terminal);
  const described = readBundles([path]).map(({ source, bytes }) => ({ source, description: describeBundle(bytes) }));
  if (options.json === true)
    terminal.out(
      formatJson({
        schema: "countersign.descriptions/v1",
        verified: false,
        bundles: described.map(({ source, description }) => ({ source, ...description })),
      }),
    );
  else
    for (const { source, description } of described)
      terminal.out(`${formatDescription(source, description, verifyCommandFor(path, description))}\n`);
  return 0;
}
