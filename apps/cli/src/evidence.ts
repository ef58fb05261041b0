import {
  checkName,
  formatRunBinding,
  maxLinkBytes,
  parseMetadata,
  type Link,
  type Metadata,
} from "@countersign/in-toto";
import { defaultExcludes, type ArtifactHash, type RecordOptions, type Skipped } from "@countersign/in-toto/node";
import { quote, type JsonObject } from "@countersign/core";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import { formatJson } from "./render-json.ts";
import { formatNote, plain } from "./render-text.ts";
import type { ArtifactOptions, EvidenceOptions } from "./evidence-options.ts";
import type { Terminal } from "./terminal.ts";

/** How artifacts are recorded, as the options say. */
export function recordOptionsOf(options: ArtifactOptions, terminal: Terminal): Omit<RecordOptions, "memory" | "nowMs"> {
  const { basePath, lstrip, hash, followLinks, normalizeLineEndings } = options;
  return {
    images: async (reference) => {
      // Loaded here: files need no registry.
      const { fetchImage } = await import("./image-record.ts");
      return fetchImage(reference, terminal);
    },
    exclude: options.recordAll === true ? [] : (options.exclude ?? defaultExcludes),
    ...(basePath === undefined ? {} : { base: basePath }),
    ...(lstrip === undefined ? {} : { lstrip }),
    // The option offers only names of hashes.
    ...(hash === undefined ? {} : { hashes: hash as readonly ArtifactHash[] }),
    ...(followLinks === true ? { directoryLinks: "follow" } : {}),
    ...(normalizeLineEndings === true ? { lineEndings: "lf" } : {}),
  };
}

/** The name of the step, fit to be part of a file's name. Throws CLI_USAGE without one, CLI_OPTION_VALUE. */
export function stepNameOf({ stepName }: EvidenceOptions): string {
  if (stepName === undefined) throw cliError("CLI_USAGE", "required option '--step-name <name>' not specified");
  try {
    return checkName(stepName);
  } catch (error) {
    throw cliError("CLI_OPTION_VALUE", { checked: "--step-name", got: (error as Error).message }, error);
  }
}

/** Reads a layout or link, strictly. Throws CLI_FILE_* and what `parseMetadata` throws. */
export function readMetadata(path: string): Metadata {
  return parseMetadata(readSmallFile(path, "layout or link", maxLinkBytes), "strict");
}

/** The variables to record, as the link's `environment` has them. Throws CLI_ENVIRONMENT_VALUE for one that is not set. */
export function recordedVariables({ recordEnv }: EvidenceOptions, { env }: Terminal): JsonObject {
  if (recordEnv === undefined) return {};
  const variables = recordEnv.map((name) => {
    const value = env[name];
    if (value === undefined)
      throw cliError("CLI_ENVIRONMENT_VALUE", { checked: quote(name), expected: "a value", got: "none" });
    return [name, value] as const;
  });
  return { variables: Object.fromEntries(variables) };
}

/** What the link says of its run, with the time at which it ended; nothing unless a run or commit was named. */
export function runBindingOf({ runId, commit }: EvidenceOptions, now: Date): JsonObject {
  if (runId === undefined && commit === undefined) return {};
  const time = `${now.toISOString().slice(0, 19)}Z`;
  return formatRunBinding({
    time,
    ...(runId === undefined ? {} : { id: runId }),
    ...(commit === undefined ? {} : { commit }),
  });
}

/** A link that was made. */
export interface MadeLink {
  readonly link: Link;
  readonly path: string;
  readonly exitCode: number;
  readonly skipped: readonly Skipped[];
  readonly keyid?: string;
}

const reasons: Readonly<Record<Skipped["why"], string>> = {
  missing: "is not there",
  "broken-link": "is a link that leads nowhere",
  "directory-link": "is a link to a directory (--follow-links records what it leads to)",
};

/** Tells what was made, and what was passed over. */
export function reportLink(made: MadeLink, options: EvidenceOptions, terminal: Terminal): void {
  const { link, path, exitCode, skipped, keyid } = made;
  const [materials, products] = [link.materials.size, link.products.size];
  const signed = keyid === undefined ? {} : { keyid };
  if (options.json === true) {
    const facts = { step: link.name, path, ...signed, materials, products, skipped, exitCode };
    terminal.out(formatJson({ schema: "countersign.link/v1", ...facts }));
  }
  if (options.quiet === true) return;
  for (const each of skipped)
    terminal.err(formatNote(`not recorded: ${plain(each.path)} ${reasons[each.why]}`, terminal));
  const word = terminal.style(keyid === undefined ? "yellow" : "green", keyid === undefined ? "unsigned:" : "signed:");
  const ended = exitCode === 0 ? "" : `, exit code ${exitCode}`;
  terminal.err(`${word} ${plain(path)} (${materials} materials, ${products} products${ended})\n`);
}
