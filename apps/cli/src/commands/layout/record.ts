import { startRecord, stopRecord, type SessionTarget } from "@countersign/in-toto/node";
import { recordedVariables, recordOptionsOf, reportLink, runBindingOf, stepNameOf } from "../../evidence.ts";
import { checkDirectory } from "../../input.node.ts";
import { readInTotoSigner } from "../../layout-key.ts";
import type { EvidenceOptions } from "../../evidence-options.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign layout record start`: writes the unfinished link. */
export async function recordStartCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as EvidenceOptions;
  const step = stepNameOf(options);
  const target = await targetOf(options, terminal);
  const environment = recordedVariables(options, terminal);
  const start = { step, materials: options.materials ?? [], record: recordOptionsOf(options), environment };
  reportLink({ ...(await startRecord(start, target)), keyid: target.signer.key.keyid }, options, terminal);
  return 0;
}

/** `countersign layout record stop`: writes the finished one in its place. */
export async function recordStopCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as EvidenceOptions;
  const step = stepNameOf(options);
  const target = await targetOf(options, terminal);
  const now = terminal.now();
  const environment = { ...recordedVariables(options, terminal), ...runBindingOf(options, now) };
  const stop = { step, products: options.products ?? [], record: recordOptionsOf(options), environment };
  reportLink({ ...(await stopRecord(stop, target, now.getTime())), keyid: target.signer.key.keyid }, options, terminal);
  return 0;
}

async function targetOf(options: EvidenceOptions, terminal: Terminal): Promise<SessionTarget> {
  const directory = checkDirectory(options.metadataDir ?? ".", "metadata directory");
  const signer = await readInTotoSigner(options.key, options, terminal);
  return { signer, directory, form: options.dsse === true ? "dsse" : "metablock" };
}
