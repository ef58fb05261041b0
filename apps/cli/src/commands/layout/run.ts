import { carryOutStep, linkFileName, writeLink } from "@countersign/in-toto/node";
import { checkDirectory } from "../../input.node.ts";
import { recordedVariables, reportLink, runBindingOf, stepNameOf } from "../../evidence.ts";
import { readInTotoSigner } from "../../layout-key.ts";
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
  const signer = await readInTotoSigner(options.key, options, terminal);
  const { keyid } = signer.key;
  // What would stop the link from being written is found before the command has run.
  linkFileName(step, keyid);
  const directory = checkDirectory(options.metadataDir ?? ".", "metadata directory");
  const variables = recordedVariables(options, terminal);
  const outcome = await carryOutStep(stepRunOf(step, command, options, terminal), () => terminal.now());
  const link = { ...outcome.link, environment: { ...variables, ...runBindingOf(options, terminal.now()) } };
  const path = await writeLink(link, { signer, directory, form: options.dsse === true ? "dsse" : "metablock" });
  reportLink({ ...outcome, link, path, keyid }, options, terminal);
  return outcome.exitCode;
}
