import { join } from "node:path";
import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { formatLink } from "./link.ts";
import { linkFileName, readLinkFile, removeLinkFile, unfinishedFileName, writeLinkFile } from "./link-file.node.ts";
import { parseMetadata, type Metadata } from "./metadata.ts";
import { recordArtifacts } from "./record.node.ts";
import { writeLink } from "./run.node.ts";
import { formatMetadata, signMetadata, type OpenPgpSigner } from "./sign.ts";
import { checkSignature } from "./signature.ts";
import type { InTotoSigner } from "./key-file.ts";
import type { Link } from "./link.ts";
import type { LinkTarget, StepOutcome, StepRun, WrittenLink } from "./run.node.ts";

/** A step that takes more than one command, between its start and its stop. */
export type SessionStart = Pick<StepRun, "step" | "materials" | "record" | "environment">;
/** Its end. */
export type SessionStop = Pick<StepRun, "step" | "products" | "record"> & {
  /** Added to what the start said of the environment. */
  readonly environment?: StepRun["environment"];
};

/** As `LinkTarget`, with the whole key: what the start signed is verified at the stop. */
export interface SessionTarget extends LinkTarget {
  readonly signer: InTotoSigner | OpenPgpSigner;
}

/** Records materials, in a link that nobody has signed yet. Rejects with the errors of `recordArtifacts`. */
export async function beginRecord(start: SessionStart): Promise<StepOutcome> {
  const { artifacts, skipped } = await recordArtifacts(start.materials ?? [], start.record);
  const { step: name, environment = {} } = start;
  const link: Link = { name, materials: artifacts, products: new Map(), byproducts: {}, command: [], environment };
  return { link, skipped, exitCode: 0 };
}

/** Adds products to the link that `beginRecord` made; whoever calls has proved whose it is. Rejects with the errors of `recordArtifacts`. */
export async function finishRecord(stop: SessionStop, started: Link): Promise<StepOutcome> {
  const { artifacts, skipped } = await recordArtifacts(stop.products ?? [], stop.record);
  const environment = { ...started.environment, ...stop.environment };
  return { link: { ...started, products: artifacts, environment }, skipped, exitCode: 0 };
}

/**
 * Records materials and writes them, signed, as `.STEP.KEYID8.link-unfinished`, in place of an earlier start of the same
 * step and key. Rejects with the errors of `recordArtifacts`, INTOTO_NAME_UNSAFE and INTOTO_LINK_UNWRITABLE.
 */
export async function startRecord(start: SessionStart, target: SessionTarget): Promise<WrittenLink> {
  const { signer, form = "metablock", directory = "." } = target;
  const name = unfinishedFileName(start.step, signer.key.keyid);
  const outcome = await beginRecord(start);
  const file = await signMetadata(formatLink(outcome.link), [signer], form);
  return { ...outcome, path: writeLinkFile(directory, name, formatMetadata(file)) };
}

/**
 * Takes up the unfinished link of the same step and key, proves that this key signed it, adds products, writes the finished
 * link and removes the unfinished one. Nothing says what happened in between. `nowMs` is for keys that expire.
 * Rejects with INTOTO_RECORD_NOT_STARTED, INTOTO_LINK_UNREADABLE, the errors of `parseMetadata`, `checkSignature`,
 * `recordArtifacts` and `writeLink`.
 */
export async function stopRecord(stop: SessionStop, target: SessionTarget, nowMs: number): Promise<WrittenLink> {
  const { signer, directory = "." } = target;
  linkFileName(stop.step, signer.key.keyid);
  const path = join(directory, unfinishedFileName(stop.step, signer.key.keyid));
  const started = readUnfinished(path, stop.step, signer, nowMs);
  const outcome = await finishRecord(stop, started);
  const written = await writeLink(outcome.link, target);
  removeLinkFile(path);
  return { ...outcome, path: written };
}

function readUnfinished(path: string, step: string, signer: SessionTarget["signer"], nowMs: number): Link {
  const metadata = parseMetadata(readLinkFileOf(path, step), "strict");
  checkSignature(metadata, signer.key, nowMs);
  return startedLinkOf(metadata, path, step);
}

/** The link in an unfinished one whose signature was proved. Throws INTOTO_RECORD_NOT_STARTED for one of another step. */
export function startedLinkOf(metadata: Metadata, path: string, step: string): Link {
  if (metadata.type === "link" && metadata.link.name === step) return metadata.link;
  throw inTotoError("INTOTO_RECORD_NOT_STARTED", { checked: quote(path), expected: `a link of ${quote(step)}` });
}

function readLinkFileOf(path: string, step: string): Uint8Array {
  try {
    return readLinkFile(path);
  } catch (error) {
    const { cause } = error as Error;
    if ((cause as NodeJS.ErrnoException | undefined)?.code !== "ENOENT") throw error;
    throw inTotoError("INTOTO_RECORD_NOT_STARTED", { checked: `step ${quote(step)}`, expected: quote(path) }, error);
  }
}
