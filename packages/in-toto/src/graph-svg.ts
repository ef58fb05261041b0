import {
  classOf,
  verdictColours,
  verdicts,
  visible,
  type ChainEdge,
  type ChainGraph,
  type ChainNode,
} from "./graph.ts";

const node = { width: 200, height: 52, gapX: 150, gapY: 34 } as const;
const margin = 20;
const lineHeight = 13;

interface Box extends ChainNode {
  readonly x: number;
  readonly y: number;
}

/**
 * The graph as one SVG picture that refers to nothing outside, holds no script and reads on light and dark pages:
 * columns from left to right in the direction in which artifacts flow. Lines may cross; nothing is hidden.
 */
export function formatSvg(graph: ChainGraph): string {
  const boxes = placeNodes(graph);
  const width = Math.max(...boxes.map(({ x }) => x + node.width), 0) + margin;
  const height = Math.max(...boxes.map(({ y }) => y + node.height), 0) + margin;
  const byName = new Map(boxes.map((box) => [box.name, box]));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "<title>Steps and inspections of the layout</title>",
    `<style>${style}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
    '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
    ...graph.edges.map((edge) => drawEdge(edge, byName)),
    ...boxes.map(drawNode),
    "</svg>",
    "",
  ].join("\n");
}

const style = [
  ":root{color-scheme:light dark}",
  "text{font:12px sans-serif;fill:light-dark(#1f2328,#f0f6fc)}",
  ".note,.label{font-size:10px;fill:light-dark(#59636e,#9198a1)}",
  ".label{text-anchor:middle}",
  "rect{fill:light-dark(#fff,#161b22);stroke:light-dark(#59636e,#9198a1);stroke-width:1.5}",
  ".inspection rect{stroke-dasharray:6 3}",
  ".unknown-item rect{stroke-dasharray:2 3}",
  ...verdicts.map((verdict) => `.${classOf(verdict)} rect{stroke:${verdictColours[verdict]};stroke-width:2.5}`),
  ".edge{fill:none;stroke:light-dark(#59636e,#9198a1)}",
  ".tip{fill:light-dark(#59636e,#9198a1)}",
].join("");

/** Each node one column right of all that it takes artifacts from, as far as that follows the order of the list. */
function placeNodes({ nodes, edges }: ChainGraph): readonly Box[] {
  const at = new Map(nodes.map(({ name }, index) => [name, index]));
  const columns = nodes.map(() => 0);
  const incoming = nodes.map((): number[] => []);
  for (const { from, to } of edges) incoming[at.get(to) as number]?.push(at.get(from) as number);
  // An edge against the order, of which a loop has at least one, moves nothing.
  for (const [index, sources] of incoming.entries()) {
    const before = sources.filter((source) => source < index).map((source) => columns[source] as number);
    columns[index] = Math.max(-1, ...before) + 1;
  }
  const filled = new Map<number, number>();
  return nodes.map((each, index) => {
    const column = columns[index] as number;
    const row = filled.get(column) ?? 0;
    filled.set(column, row + 1);
    return { ...each, x: margin + column * (node.width + node.gapX), y: margin + row * (node.height + node.gapY) };
  });
}

function drawNode({ name, kind, note, verdict, x, y }: Box): string {
  const classes = [
    kind === "unknown" ? "unknown-item" : kind,
    ...(verdict === undefined ? [] : [classOf(verdict)]),
  ].join(" ");
  return [
    `<g class="${classes}"><title>${xmlText(visible(`${name}: ${note}`))}</title>`,
    `<rect x="${x}" y="${y}" width="${node.width}" height="${node.height}" rx="6"/>`,
    `<text x="${x + 10}" y="${y + 21}">${xmlText(fit(name, 28))}</text>`,
    `<text class="note" x="${x + 10}" y="${y + 39}">${xmlText(fit(note, 34))}</text></g>`,
  ].join("");
}

function drawEdge({ from, to, labels }: ChainEdge, boxes: ReadonlyMap<string, Box>): string {
  const source = boxes.get(from) as Box;
  const target = boxes.get(to) as Box;
  const [x1, y1] = [source.x + node.width, source.y + node.height / 2];
  const [x2, y2] = [target.x, target.y + node.height / 2];
  const bend = Math.max(40, (x2 - x1) / 2);
  const [middleX, middleY] = [(x1 + x2) / 2, (y1 + y2) / 2 - 6];
  const lines = labels.map((label, index) => {
    const y = middleY - (labels.length - 1 - index) * lineHeight;
    return `<text class="label" x="${middleX}" y="${y}">${xmlText(fit(label, 26))}</text>`;
  });
  const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  return `<path class="edge" marker-end="url(#tip)" d="${path}"/>${lines.join("")}`;
}

function fit(text: string, maxChars: number): string {
  const shown = Array.from(visible(text));
  return shown.length > maxChars ? `${shown.slice(0, maxChars - 1).join("")}…` : shown.join("");
}

function xmlText(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
