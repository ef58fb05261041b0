import { formatJson } from "../render-json.ts";
import type { OutputOptions } from "../options.ts";
import type { Terminal } from "../terminal.ts";
import { version } from "../version.ts";

/** `countersign version`. */
export async function versionCommand(
  _operands: readonly string[],
  options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const { node } = process.versions;
  const facts = { schema: "countersign.version/v1", version, node, platform: process.platform, arch: process.arch };
  terminal.out(
    options.json === true
      ? formatJson(facts)
      : `countersign ${version} (Node ${node}, ${facts.platform} ${facts.arch})\n`,
  );
  return 0;
}
