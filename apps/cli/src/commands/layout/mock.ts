import { mockStep } from "@countersign/in-toto/node";
import { recordedVariables, reportLink, stepNameOf } from "../../evidence.ts";
import { checkDirectory } from "../../input.node.ts";
import { stepRunOf } from "../../step-run.ts";
import type { EvidenceOptions } from "../../evidence-options.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign layout mock`: as `run`, with nobody's signature. The exit code is the command's own. */
export async function layoutMockCommand(
  command: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as EvidenceOptions;
  const run = stepRunOf(stepNameOf(options), command, options, terminal);
  const directory = checkDirectory(options.metadataDir ?? ".", "metadata directory");
  const environment = recordedVariables(options, terminal);
  const made = await mockStep({ ...run, environment }, directory, () => terminal.now());
  reportLink(made, options, terminal);
  return made.exitCode;
}
