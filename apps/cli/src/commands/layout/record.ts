import { startRecord, stopRecord, type SessionTarget } from "@countersign/in-toto/node";
import { recordedVariables, recordOptionsOf, reportLink, runBindingOf, stepNameOf } from "../../evidence.ts";
import { checkDirectory } from "../../input.node.ts";
import { readStepSigner } from "../../layout-key.ts";
import { isKeyless } from "../../link-signing.ts";
import type { SessionStart, SessionStop, WrittenLink } from "@countersign/in-toto/node";
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
  const environment = recordedVariables(options, terminal);
  const start = { step, materials: options.materials ?? [], record: recordOptionsOf(options, terminal), environment };
  reportLink(await startAs(start, options, terminal), options, terminal);
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
  const environment = { ...recordedVariables(options, terminal), ...runBindingOf(options, terminal.now()) };
  const stop = { step, products: options.products ?? [], record: recordOptionsOf(options, terminal), environment };
  reportLink(await stopAs(stop, options, terminal), options, terminal);
  return 0;
}

type Recorded = WrittenLink & { readonly keyid: string };

async function startAs(start: SessionStart, options: EvidenceOptions, terminal: Terminal): Promise<Recorded> {
  if (isKeyless(options)) {
    const { startAsIdentity } = await import("../../record-keyless.ts");
    return startAsIdentity(start, options, terminal);
  }
  const target = await targetOf(options, terminal);
  return { ...(await startRecord(start, target)), keyid: target.signer.key.keyid };
}

async function stopAs(stop: SessionStop, options: EvidenceOptions, terminal: Terminal): Promise<Recorded> {
  if (isKeyless(options)) {
    const { stopAsIdentity } = await import("../../record-keyless.ts");
    return stopAsIdentity(stop, options, terminal);
  }
  const target = await targetOf(options, terminal);
  return { ...(await stopRecord(stop, target, terminal.now().getTime())), keyid: target.signer.key.keyid };
}

async function targetOf(options: EvidenceOptions, terminal: Terminal): Promise<SessionTarget> {
  const directory = checkDirectory(options.metadataDir ?? ".", "metadata directory");
  const signer = await readStepSigner(options, terminal);
  return { signer, directory, form: options.dsse === true ? "dsse" : "metablock" };
}
