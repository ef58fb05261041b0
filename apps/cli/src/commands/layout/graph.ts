import { parseJson, quote, readObject, type Detail, type ObjectReader, type TrustError } from "@countersign/core";
import {
  formatDot,
  formatMermaid,
  formatSvg,
  graphLayout,
  layoutReportSchema,
  type ChainGraph,
  type NodeVerdict,
} from "@countersign/in-toto";
import { cliError } from "../../errors.ts";
import { readMetadata } from "../../evidence.ts";
import { readSmallFile } from "../../input.node.ts";
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
  const graph = graphLayout(metadata.layout, options.report === undefined ? undefined : readVerdicts(options.report));
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

const maxReportBytes = 256 * 1024 * 1024;
const verdicts = ["passed", "failed", "not reached"] as const;
const malformed = (detail: Detail): TrustError => cliError("CLI_REPORT_MALFORMED", detail);

/** How a verification judged each item of the layout itself, for the picture only. Throws CLI_REPORT_MALFORMED. */
function readVerdicts(path: string): ReadonlyMap<string, NodeVerdict> {
  const report = readObject(
    parseJson(readSmallFile(path, "report", maxReportBytes), { maxBytes: maxReportBytes }),
    "report",
    malformed,
  );
  report.oneOf("schema", [layoutReportSchema]);
  const layout = report.object("layout");
  return new Map([...verdictsIn(layout, "steps"), ...verdictsIn(layout, "inspections")]);
}

function verdictsIn(layout: ObjectReader, name: string): (readonly [string, NodeVerdict])[] {
  return layout.array(name, maxReportItems).map((value) => {
    const item = readObject(value, name, malformed);
    return [item.string("name"), item.oneOf("verdict", verdicts)];
  });
}

const maxReportItems = 10_000;
