import { formatRule, type MatchRule } from "./rule.ts";
import type { Layout, Step } from "./layout.ts";
import type { ItemReport } from "./report.ts";

/** The chain of a layout as a picture: what takes its artifacts from where. */
export interface ChainGraph {
  readonly nodes: readonly ChainNode[];
  readonly edges: readonly ChainEdge[];
}

export interface ChainNode {
  readonly name: string;
  readonly kind: "step" | "inspection" | "unknown";
  /** One short line: who does it, or what it runs. */
  readonly note: string;
  /** How a verification judged it, if it did. */
  readonly verdict?: NodeVerdict;
}

export type NodeVerdict = ItemReport["verdict"];

/** Artifacts of `from` that rules of `to` ask for. */
export interface ChainEdge {
  readonly from: string;
  readonly to: string;
  /** The MATCH rules, each in short. */
  readonly labels: readonly string[];
}

/** The most rules that one edge names. */
export const maxEdgeLabels: number = 3;
/** The most steps, inspections and edges that a picture shows. */
export const maxGraphItems: number = 2000;

/**
 * Reads the graph off a layout: a node for each step and inspection, and for each name that a MATCH wrongly refers to; an
 * edge wherever MATCH rules tie one to another. Of a layout over `maxGraphItems` the rest is left out. `judged` are the
 * verdicts of a verification, by name.
 */
export function graphLayout(layout: Layout, judged: ReadonlyMap<string, NodeVerdict> = new Map()): ChainGraph {
  const items = [...layout.steps, ...layout.inspections].slice(0, maxGraphItems);
  const nodes = new Map<string, ChainNode>();
  for (const item of items) {
    const verdict = judged.get(item.name);
    const [kind, note] =
      "run" in item ? (["inspection", item.run.join(" ")] as const) : (["step", whoDoes(item)] as const);
    nodes.set(item.name, { name: item.name, kind, note, ...(verdict === undefined ? {} : { verdict }) });
  }
  const edges = new Map<string, ChainEdge>();
  for (const item of items) {
    for (const rule of [...item.expectedMaterials, ...item.expectedProducts]) {
      if (rule.kind !== "match" || rule.from === item.name || edges.size >= maxGraphItems) continue;
      if (!nodes.has(rule.from)) nodes.set(rule.from, { name: rule.from, kind: "unknown", note: "not in the layout" });
      addEdge(edges, item.name, rule);
    }
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

function whoDoes({ threshold, pubkeys, expectedPredicates }: Step): string {
  if (expectedPredicates.length > 0) return expectedPredicates.map(({ predicateType }) => predicateType).join(", ");
  return `${threshold} of ${pubkeys.map((keyid) => keyid.slice(0, 8)).join(", ")}`;
}

function addEdge(edges: Map<string, ChainEdge>, to: string, rule: MatchRule): void {
  const key = JSON.stringify([rule.from, to]);
  const labels = edges.get(key)?.labels ?? [];
  const label = shortText(rule);
  const isNew = labels.length < maxEdgeLabels && !labels.includes(label);
  edges.set(key, { from: rule.from, to, labels: isNew ? [...labels, label] : labels });
}

/** `MATCH src/* WITH PRODUCTS FROM build` on the edge from build: `src/* (products)`. */
function shortText(rule: MatchRule): string {
  const at = rule.sourcePrefix === undefined ? rule.pattern : `${rule.sourcePrefix}: ${rule.pattern}`;
  return `${formatRule(rule).length === 6 ? rule.pattern : at} (${rule.side})`;
}

/** The graph in the language of Graphviz. */
export function formatDot({ nodes, edges }: ChainGraph): string {
  const ids = idsOf(nodes);
  const node = ({ name, kind, note, verdict }: ChainNode): string => {
    const look = `shape=${shapes[kind]}, style="${kind === "unknown" ? "dashed" : "rounded"}"`;
    const colour = verdict === undefined ? "" : `, color="${verdictColours[verdict]}"`;
    return `  ${ids.get(name)} [label="${dotText(`${visible(name)}\n${visible(note)}`)}", ${look}${colour}];`;
  };
  const edge = ({ from, to, labels }: ChainEdge): string =>
    `  ${ids.get(from)} -> ${ids.get(to)} [label="${dotText(labels.map(visible).join("\n"))}"];`;
  return ["digraph layout {", "  rankdir=LR;", ...nodes.map(node), ...edges.map(edge), "}", ""].join("\n");
}

/** The graph in the language of Mermaid, as GitHub draws it in Markdown. */
export function formatMermaid({ nodes, edges }: ChainGraph): string {
  const ids = idsOf(nodes);
  const node = ({ name, kind, note, verdict }: ChainNode): string => {
    const [open, close] = mermaidShapes[kind];
    const text = mermaidText(`${visible(name)}\n${visible(note)}`);
    return `  ${ids.get(name)}${open}"${text}"${close}${verdict === undefined ? "" : `:::${classOf(verdict)}`}`;
  };
  const edge = ({ from, to, labels }: ChainEdge): string =>
    `  ${ids.get(from)} -->|"${mermaidText(labels.map(visible).join("\n"))}"| ${ids.get(to)}`;
  const isJudged = nodes.some(({ verdict }) => verdict !== undefined);
  const styles = verdicts.map((verdict) => `  classDef ${classOf(verdict)} stroke:${verdictColours[verdict]}`);
  return ["flowchart LR", ...nodes.map(node), ...edges.map(edge), ...(isJudged ? styles : []), ""].join("\n");
}

const shapes = { step: "box", inspection: "component", unknown: "box" } as const;
const mermaidShapes = { step: ["[", "]"], inspection: ["[[", "]]"], unknown: ["(", ")"] } as const;

export const verdicts = ["passed", "failed", "not reached"] as const;

/** Line colours that read on white and on black. */
export const verdictColours: Readonly<Record<NodeVerdict, string>> = {
  passed: "#1a7f37",
  failed: "#cf222e",
  "not reached": "#9a6700",
};

/** A verdict as the name of a class. */
export function classOf(verdict: NodeVerdict): string {
  return verdict.replace(" ", "-");
}

/** Names come from outside, so nodes are known by number. */
function idsOf(nodes: readonly ChainNode[]): ReadonlyMap<string, string> {
  return new Map(nodes.map(({ name }, at) => [name, `n${at}`]));
}

const maxLabelChars = 60;

/** A line that can be shown anywhere: invisible characters become `?`, and long texts are cut. */
export function visible(hostile: string): string {
  const characters = Array.from(hostile.slice(0, maxLabelChars * 2 + 2));
  const shown = characters
    .slice(0, maxLabelChars)
    .join("")
    .replace(/\p{C}|(?! )\p{Z}|\p{Default_Ignorable_Code_Point}/gu, "?");
  return characters.length > maxLabelChars ? `${shown}…` : shown;
}

function dotText(text: string): string {
  return text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}

/** Mermaid knows entities by number, written with # and without &. */
function mermaidText(text: string): string {
  const escape = (char: string): string => `#${char.codePointAt(0)};`;
  return text.replace(/[^\p{L}\p{N} .,:/_()\n-]/gu, escape).replaceAll("\n", "<br/>");
}
