import { parseBundle } from "@countersign/sigstore";
import { withLookup } from "../../bundle-lookup.ts";
import type { BundleOptions } from "../../bundle-options.ts";
import { checkBundleOutput, upgraded, writeBundle } from "../../bundle-output.ts";
import { readSmallFile } from "../../input.node.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign bundle upgrade BUNDLE`: the same evidence in version 0.3, unverified as before. */
export async function bundleUpgradeCommand(
  operands: readonly string[],
  options: BundleOptions,
  terminal: Terminal,
): Promise<number> {
  const [path = ""] = operands;
  const output = options.output ?? "-";
  checkBundleOutput(output, options);
  const given = parseBundle(readSmallFile(path, "bundle"));
  const bundle = await withLookup(given, options, terminal);
  writeBundle(upgraded(bundle, { from: `${path}, version ${bundle.version}` }), output, options, terminal);
  return 0;
}
