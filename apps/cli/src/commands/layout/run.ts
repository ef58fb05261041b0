import { carryOutStep } from "@countersign/in-toto/node";
import { recordedVariables, reportLink, runBindingOf, stepNameOf } from "../../evidence.ts";
import { makeLinkSigning } from "../../link-signing.ts";
import { stepRunOf } from "../../step-run.ts";
import type { EvidenceOptions } from "../../evidence-options.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign layout run`: carries out a step and signs its link. The exit code is the command's own. */
export async function layoutRunCommand(
  command: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as EvidenceOptions;
  const step = stepNameOf(options);
  // What would stop the link from being written is found before the command has run.
  const sign = await makeLinkSigning(step, options, terminal);
  const variables = recordedVariables(options, terminal);
  const outcome = await carryOutStep(stepRunOf(step, command, options, terminal), () => terminal.now());
  const link = { ...outcome.link, environment: { ...variables, ...runBindingOf(options, terminal.now()) } };
  reportLink({ ...outcome, link, ...(await sign(link)) }, options, terminal);
  return outcome.exitCode;
}
