import { join } from "node:path";
import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { formatLink } from "./link.ts";
import { linkFileName, readLinkFile, removeLinkFile, unfinishedFileName, writeLinkFile } from "./link-file.node.ts";
import { parseMetadata } from "./metadata.ts";
import { recordArtifacts } from "./record.node.ts";
import { writeLink } from "./run.node.ts";
import { formatMetadata, signMetadata } from "./sign.ts";
import { checkSignature } from "./signature.ts";
import type { InTotoSigner } from "./key-file.ts";
import type { Link } from "./link.ts";
import type { LinkTarget, StepRun, WrittenLink } from "./run.node.ts";

/** A step that takes more than one command, between its start and its stop. */
export type SessionStart = Pick<StepRun, "step" | "materials" | "record" | "environment">;
/** Its end. */
export type SessionStop = Pick<StepRun, "step" | "products" | "record"> & {
  /** Added to what the start said of the environment. */
  readonly environment?: StepRun["environment"];
};

/** As `LinkTarget`, with the whole key: what the start signed is verified at the stop. */
export interface SessionTarget extends LinkTarget {
  readonly signer: InTotoSigner;
}

/**
 * Records materials and writes them, signed, as `.STEP.KEYID8.link-unfinished`, in place of an earlier start of the same
 * step and key. Rejects with the errors of `recordArtifacts`, INTOTO_NAME_UNSAFE and INTOTO_LINK_UNWRITABLE.
 */
export async function startRecord(start: SessionStart, target: SessionTarget): Promise<WrittenLink> {
  const { signer, form = "metablock", directory = "." } = target;
  const name = unfinishedFileName(start.step, signer.key.keyid);
  const { artifacts, skipped } = await recordArtifacts(start.materials ?? [], start.record);
  const link: Link = {
    name: start.step,
    materials: artifacts,
    products: new Map(),
    byproducts: {},
    command: [],
    environment: start.environment ?? {},
  };
  const file = await signMetadata(formatLink(link), [signer], form);
  return { link, skipped, exitCode: 0, path: writeLinkFile(directory, name, formatMetadata(file)) };
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
  const { artifacts, skipped } = await recordArtifacts(stop.products ?? [], stop.record);
  const environment = { ...started.environment, ...stop.environment };
  const link: Link = { ...started, products: artifacts, environment };
  const written = await writeLink(link, target);
  removeLinkFile(path);
  return { link, skipped, exitCode: 0, path: written };
}

function readUnfinished(path: string, step: string, signer: InTotoSigner, nowMs: number): Link {
  const metadata = parseMetadata(readLinkFileOf(path, step), "strict");
  checkSignature(metadata, signer.key, nowMs);
  if (metadata.type !== "link" || metadata.link.name !== step)
    throw inTotoError("INTOTO_RECORD_NOT_STARTED", { checked: quote(path), expected: `a link of ${quote(step)}` });
  return metadata.link;
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
