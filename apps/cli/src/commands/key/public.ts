import { formatPem } from "@countersign/core";
import { keyIoOf, publicHalfOf } from "../../key.ts";
import type { KeyCommandOptions } from "../../key-options.ts";
import type { OutputOptions } from "../../options.ts";
import { formatJson } from "../../render-json.ts";
import { checkNew, writeNewFiles } from "../../secret-file.node.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign key public KEY`: PEM on standard output, or in a file. */
export async function keyPublicCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as KeyCommandOptions;
  const [reference = ""] = operands;
  const { output } = options;
  const overwrite = options.force === true ? "replace" : "never";
  if (output !== undefined) checkNew([output], overwrite);
  const { spki, keyid, algorithm } = await publicHalfOf(reference, keyIoOf(options, terminal));
  const pem = formatPem("PUBLIC KEY", spki);
  if (output !== undefined) writeNewFiles([{ path: output, text: pem, mode: 0o644 }], overwrite);
  const facts = { key: pem, keyid, algorithm: algorithm.name, ...(output === undefined ? {} : { path: output }) };
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.public-key/v1", ...facts }));
  else if (output === undefined) terminal.out(pem);
  return 0;
}
