import { quote } from "@countersign/core";
import { formatDot, formatMermaid, formatSvg, graphLayout, type ChainGraph } from "@countersign/in-toto";
import { cliError } from "../../errors.ts";
import { readMetadata } from "../../evidence.ts";
import { checkOutput, writeAtomic } from "../../output.node.ts";
import { formatJson } from "../../render-json.ts";
import type { LayoutGraphOptions } from "../../evidence-options.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";

type Format = "dot" | "mermaid" | "svg";
const formats: Readonly<Record<Format, (graph: ChainGraph) => string>> = {
  dot: formatDot,
  mermaid: formatMermaid,
  svg: formatSvg,
};
const endings: ReadonlyMap<string, Format> = new Map([
  ["dot", "dot"],
  ["gv", "dot"],
  ["svg", "svg"],
]);

/** `countersign layout graph`: a picture of what the layout says. It proves nothing. */
export async function layoutGraphCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as LayoutGraphOptions;
  const [path = ""] = operands;
  const { output } = options;
  const metadata = readMetadata(path);
  if (metadata.type !== "layout") throw cliError("CLI_LAYOUT_NEEDED", { checked: quote(path), got: metadata.type });
  const graph = graphLayout(metadata.layout);
  const ending = output?.slice(output.lastIndexOf(".") + 1) ?? "";
  const picture = formats[(options.format as Format | undefined) ?? endings.get(ending) ?? "mermaid"](graph);
  if (output !== undefined) {
    checkOutput(output, [{ path, what: "the layout" }]);
    writeAtomic(output, picture);
  }
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.layout-graph/v1", ...graph }));
  else if (output === undefined) terminal.out(picture);
  return 0;
}
