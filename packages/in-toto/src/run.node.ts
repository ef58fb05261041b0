import { runCommand } from "./command.node.ts";
import { formatLink } from "./link.ts";
import { linkFileName, mockFileName, writeLinkFile } from "./link-file.node.ts";
import { checkName } from "./name.ts";
import { recordArtifacts } from "./record.node.ts";
import { formatMetadata, signMetadata } from "./sign.ts";
import type { JsonObject } from "@countersign/core";
import type { CommandOptions, CommandResult } from "./command.node.ts";
import type { Link } from "./link.ts";
import type { RecordOptions } from "./record.node.ts";
import type { MetadataSigner, SignedFile } from "./sign.ts";
import type { Skipped } from "./walk.node.ts";

/** A step that is carried out, or that nobody needs a command for. */
export interface StepRun {
  readonly step: string;
  /** Recorded before the command; default: nothing. */
  readonly materials?: readonly string[];
  /** Recorded after it; default: nothing. */
  readonly products?: readonly string[];
  /** Program and words; empty or absent: nothing is run, for instance for a review. */
  readonly command?: readonly string[];
  /** How artifacts are recorded; `memory` and `nowMs` are `runStep`'s own. */
  readonly record?: Omit<RecordOptions, "memory" | "nowMs">;
  readonly run?: CommandOptions;
  /** For the link as they are: what the caller chooses to say of the environment, also a run binding (`formatRunBinding`). */
  readonly environment?: JsonObject;
}

/** How a link is signed and where it goes. */
export interface LinkTarget {
  readonly signer: MetadataSigner;
  /** Default: `metablock`. */
  readonly form?: SignedFile["form"];
  /** Where the link is written; must exist. Default: the current directory. */
  readonly directory?: string;
}

/** A step that was carried out. */
export interface StepOutcome {
  readonly link: Link;
  /** What the caller should end with: the command's own exit code, 0 if there was none. */
  readonly exitCode: number;
  /** What was met and not recorded. */
  readonly skipped: readonly Skipped[];
}

/** A link on disk. */
export interface WrittenLink extends StepOutcome {
  readonly path: string;
}

/**
 * Carries out a step: records materials, runs the command, records products (what did not change since is not hashed
 * again), and says so in a link that nobody has signed yet. `now` is the clock, for that reuse. A command that fails gives
 * a link too, with its return value. Rejects with the errors of `recordArtifacts` and `runCommand`; then there is no link.
 */
export async function carryOutStep(run: StepRun, now: () => Date): Promise<StepOutcome> {
  checkName(run.step);
  const before = await recordArtifacts(run.materials ?? [], { ...run.record, nowMs: now().getTime() });
  const command = run.command ?? [];
  const result = command.length === 0 ? undefined : await runCommand(command, run.run);
  const after = await recordArtifacts(run.products ?? [], { ...run.record, memory: before.memory });
  const link: Link = {
    name: run.step,
    materials: before.artifacts,
    products: after.artifacts,
    byproducts: result === undefined ? {} : byproductsOf(result),
    command,
    environment: run.environment ?? {},
  };
  return { link, exitCode: result?.exitCode ?? 0, skipped: [...before.skipped, ...after.skipped] };
}

/** Carries out a step and writes its signed link, `STEP.KEYID8.link`. Rejects as `carryOutStep` and `writeLink`. */
export async function runStep(run: StepRun, target: LinkTarget, now: () => Date): Promise<WrittenLink> {
  linkFileName(run.step, target.signer.key.keyid);
  const outcome = await carryOutStep(run, now);
  return { ...outcome, path: await writeLink(outcome.link, target) };
}

/** Carries out a step and writes an unsigned link, `STEP.link`, which no verification accepts. Rejects as `runStep`. */
export async function mockStep(run: StepRun, directory: string, now: () => Date): Promise<WrittenLink> {
  const outcome = await carryOutStep(run, now);
  const text = formatMetadata({ form: "metablock", signed: formatLink(outcome.link), signatures: [] });
  return { ...outcome, path: writeLinkFile(directory, mockFileName(run.step), text) };
}

/**
 * Signs a link and writes it under its name; returns the path. Rejects with INTOTO_NAME_UNSAFE, INTOTO_LINK_UNWRITABLE and
 * the errors of `signMetadata`.
 */
export async function writeLink(
  link: Link,
  { signer, form = "metablock", directory = "." }: LinkTarget,
): Promise<string> {
  const name = linkFileName(link.name, signer.key.keyid);
  const file = await signMetadata(formatLink(link), [signer], form);
  return writeLinkFile(directory, name, formatMetadata(file));
}

/** As the reference names them; `stdout-lost-bytes` and `stderr-lost-bytes` only if some were lost. */
function byproductsOf({ returnValue, stdout, stderr }: CommandResult): JsonObject {
  return {
    "return-value": returnValue,
    stdout: stdout.text,
    stderr: stderr.text,
    ...(stdout.lostBytes === 0 ? {} : { "stdout-lost-bytes": stdout.lostBytes }),
    ...(stderr.lostBytes === 0 ? {} : { "stderr-lost-bytes": stderr.lostBytes }),
  };
}
