import { formatLayout, formatLink, showMetadata, type Metadata } from "@countersign/in-toto";
import { openMetadata } from "../../bundled-link.ts";
import { formatJson } from "../../render-json.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign layout show`: what the file claims. Exit code 0 says only that it could be read. */
export async function layoutShowCommand(
  operands: readonly string[],
  options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const { metadata } = await openMetadata(operands[0] ?? "");
  terminal.out(options.json === true ? formatJson(descriptionOf(metadata)) : showMetadata(metadata));
  return 0;
}

function descriptionOf(metadata: Metadata): object {
  const { type, form, signatures } = metadata;
  const signed = metadata.type === "layout" ? formatLayout(metadata.layout) : formatLink(metadata.link);
  const keyids = signatures.map(({ keyid }) => keyid);
  return { schema: "countersign.layout-description/v1", isVerified: false, type, form, keyids, signed };
}
