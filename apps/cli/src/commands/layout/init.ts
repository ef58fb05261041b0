import { quote, TrustError } from "@countersign/core";
import {
  checkSignature,
  formatMetadata,
  parseLayout,
  proposeLayout,
  type LayoutKey,
  type LinkSample,
} from "@countersign/in-toto";
import { cliError } from "../../errors.ts";
import { openMetadata } from "../../bundled-link.ts";
import { keyIoOf } from "../../key.ts";
import { readLayoutKeys } from "../../layout-key.ts";
import { checkNewOutput, writeNewOutput } from "../../new-output.ts";
import { formatJson } from "../../render-json.ts";
import { plain, shellQuoted } from "../../render-text.ts";
import type { LayoutInitOptions } from "../../evidence-options.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign layout init`: writes an unsigned layout that these links meet. Overwrites nothing. */
export async function layoutInitCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as LayoutInitOptions;
  const output = options.output ?? "root.layout";
  checkNewOutput(output);
  const keys = await readLayoutKeys(options.functionary ?? [], keyIoOf({}, terminal));
  const now = terminal.now();
  const read = await Promise.all(operands.map((path) => readSample(path, keys, now)));
  const identities = new Map(
    read.flatMap(({ identity }) => (identity === undefined ? [] : [[identity.keyid, identity]])),
  );
  const signed = proposeLayout(read, {
    keys: [...keys, ...identities.values()],
    expires: options.expires ?? inDays(now, options.validDays ?? 365),
    ...(options.readme === undefined ? {} : { readme: options.readme }),
    ...(options.product === undefined ? {} : { productDirectory: options.product }),
  });
  const { steps } = parseLayout(signed, "strict");
  writeNewOutput(output, formatMetadata({ form: "metablock", signed, signatures: [] }));
  const names = steps.map(({ name }) => name);
  if (options.json === true)
    terminal.out(formatJson({ schema: "countersign.layout-init/v1", path: output, steps: names }));
  if (options.quiet !== true) terminal.err(adviceOn(output, names));
  return 0;
}

/** A link with those of the keys that have really signed it, or the identity that a Sigstore bundle claims. */
async function readSample(
  path: string,
  keys: readonly LayoutKey[],
  now: Date,
): Promise<LinkSample & { readonly identity?: LayoutKey }> {
  const { metadata, identity } = await openMetadata(path);
  if (metadata.type !== "link") throw cliError("CLI_LINK_NEEDED", { checked: quote(path), got: metadata.type });
  if (identity !== undefined) return { link: metadata.link, keyids: [identity.keyid], identity };
  const signers = keys.filter((key) => isSignedBy(metadata, key, now));
  return { link: metadata.link, keyids: signers.map(({ keyid }) => keyid) };
}

function isSignedBy(metadata: Parameters<typeof checkSignature>[0], key: LayoutKey, now: Date): boolean {
  try {
    checkSignature(metadata, key, now.getTime());
    return true;
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}

const dayMs = 24 * 60 * 60 * 1000;

function inDays(now: Date, days: number): string {
  return `${new Date(now.getTime() + days * dayMs).toISOString().slice(0, 19)}Z`;
}

function adviceOn(path: string, steps: readonly string[]): string {
  const file = shellQuoted(path);
  return [
    `proposed: ${plain(path)} (${steps.map(plain).join(" → ")}), of what happened once.`,
    "Is it what should happen every time? Read it, change it, then sign it:",
    `  countersign layout show ${file}`,
    `  countersign layout lint ${file}`,
    `  countersign layout sign ${file} --key OWNER.PEM`,
    "",
  ].join("\n");
}
