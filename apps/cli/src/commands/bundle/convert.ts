import { parseCosignBundle } from "@countersign/sigstore";
import { withLookup } from "../../bundle-lookup.ts";
import type { BundleOptions } from "../../bundle-options.ts";
import { asCurrent, checkBundleOutput, withHint, writeBundle } from "../../bundle-output.ts";
import { readSmallFile } from "../../input.node.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign bundle convert FILE`: a bundle of what cosign's older `--bundle` wrote, unverified. */
export async function bundleConvertCommand(
  operands: readonly string[],
  options: BundleOptions,
  terminal: Terminal,
): Promise<number> {
  const [path = ""] = operands;
  const { artifact, output = "-" } = options;
  checkBundleOutput(output, options);
  const bundle = await withHint(parseCosignBundle(readSmallFile(path, "cosign bundle")), artifact, terminal);
  const whole = await withLookup(bundle, options, terminal);
  writeBundle(asCurrent(whole, { from: `${path}, cosign's older --bundle`, artifact }), output, options, terminal);
  return 0;
}
