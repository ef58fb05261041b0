import { parseJson } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { formatSvg } from "./graph-svg.ts";
import { formatDot, formatMermaid, graphLayout, maxGraphItems, visible, type ChainGraph } from "./graph.ts";
import { parseLayout } from "./layout.ts";

const hostile = '</text><script>x"]; -->|\u202e';

function layoutOf(steps: readonly (readonly [name: string, from?: string])[]): ReturnType<typeof parseLayout> {
  const item = (name: string, from?: string): object => ({
    name,
    expected_materials: from === undefined ? [] : [["MATCH", "src/*", "WITH", "PRODUCTS", "FROM", from]],
    expected_products: [
      ["MATCH", "*", "IN", "a", "WITH", "MATERIALS", "FROM", name],
      ["DISALLOW", "*"],
    ],
  });
  const value = {
    _type: "layout",
    expires: "2030-01-01T00:00:00Z",
    readme: "",
    keys: {},
    steps: steps.map(([name, from]) => ({
      ...item(name, from),
      _type: "step",
      pubkeys: [],
      threshold: 1,
      expected_command: [],
    })),
    inspect: [{ ...item("look", steps[0]?.[0]), _type: "inspection", run: ["countersign:dir", "."] }],
  };
  return parseLayout(parseJson(JSON.stringify(value)), "compat");
}

const graph = graphLayout(
  layoutOf([["clone"], ["build", "clone"], ["pack", "nowhere"]]),
  new Map([
    ["build", "failed"],
    ["pack", "not reached"],
  ]),
);

test("a node for each item and each name that is wrong, an edge for each MATCH of another item", () => {
  expect(graph.nodes.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
    "step clone",
    "step build",
    "step pack",
    "inspection look",
    "unknown nowhere",
  ]);
  expect(graph.edges).toEqual([
    { from: "clone", to: "build", labels: ["src/* (products)"] },
    { from: "nowhere", to: "pack", labels: ["src/* (products)"] },
    { from: "clone", to: "look", labels: ["src/* (products)"] },
  ]);
});

test("DOT", () => {
  expect(formatDot(graph)).toBe(
    `digraph layout {
  rankdir=LR;
  n0 [label="clone\\n1 of ", shape=box, style="rounded"];
  n1 [label="build\\n1 of ", shape=box, style="rounded", color="#cf222e"];
  n2 [label="pack\\n1 of ", shape=box, style="rounded", color="#9a6700"];
  n3 [label="look\\ncountersign:dir .", shape=component, style="rounded"];
  n4 [label="nowhere\\nnot in the layout", shape=box, style="dashed"];
  n0 -> n1 [label="src/* (products)"];
  n4 -> n2 [label="src/* (products)"];
  n0 -> n3 [label="src/* (products)"];
}
`,
  );
});

test("Mermaid", () => {
  expect(formatMermaid(graph).split("\n")).toEqual([
    "flowchart LR",
    '  n0["clone<br/>1 of "]',
    '  n1["build<br/>1 of "]:::failed',
    '  n2["pack<br/>1 of "]:::not-reached',
    '  n3[["look<br/>countersign:dir ."]]',
    '  n4("nowhere<br/>not in the layout")',
    '  n0 -->|"src/#42; (products)"| n1',
    '  n4 -->|"src/#42; (products)"| n2',
    '  n0 -->|"src/#42; (products)"| n3',
    "  classDef passed stroke:#1a7f37",
    "  classDef failed stroke:#cf222e",
    "  classDef not-reached stroke:#9a6700",
    "",
  ]);
});

describe("SVG", () => {
  test("is one well-formed picture that loads nothing", () => {
    const svg = formatSvg(graph);
    expect(isWellFormed(svg)).toBe(true);
    expect(svg.match(/<rect /g)).toHaveLength(5);
    expect(svg.match(/class="edge"/g)).toHaveLength(3);
    expect(svg).toContain('class="step failed"');
    expect(svg).not.toMatch(/href|<script|@import|url\((?!#tip)/);
  });

  test("columns follow the flow, and a loop ends", () => {
    const boxes = [...formatSvg(graph).matchAll(/<rect x="(\d+)"/g)].map(([, x]) => Number(x));
    expect(boxes[1]).toBeGreaterThan(boxes[0] as number);
    expect(boxes[3]).toBe(boxes[1]);
    expect(
      isWellFormed(
        formatSvg(
          graphLayout(
            layoutOf([
              ["a", "b"],
              ["b", "a"],
            ]),
          ),
        ),
      ),
    ).toBe(true);
  });

  test("of nothing is a picture too", () => {
    expect(isWellFormed(formatSvg({ nodes: [], edges: [] }))).toBe(true);
  });
});

describe("names from outside", () => {
  const drawn = graphLayout(layoutOf([["a"], ["b", hostile]]));
  const bad: ChainGraph = {
    nodes: [...drawn.nodes, { name: hostile, kind: "step", note: hostile }],
    edges: drawn.edges,
  };

  test("cannot break out of the SVG", () => {
    expect(isWellFormed(formatSvg(bad))).toBe(true);
    expect(formatSvg(bad)).not.toContain("<script");
  });

  test("cannot break out of DOT or Mermaid", () => {
    for (const line of formatDot(bad).split("\n"))
      expect(line.replace(/\\["\\n]/g, "")).toMatch(/^[^"]*(?:"[^"]*"[^"]*)*$/);
    for (const line of formatMermaid(bad).split("\n")) expect(line).not.toMatch(/script>|"\]; -->/);
  });

  test("are cut and shown without what cannot be seen", () => {
    expect(visible("a\u202eb\nc\u00a0d")).toBe("a?b?c?d");
    expect([...visible("😀".repeat(100))]).toHaveLength(61);
  });
});

test("a huge layout gives a picture of its beginning", () => {
  const steps = Array.from({ length: maxGraphItems + 5 }, (_, at) => [`s${at}`, `s${Math.max(at - 1, 0)}`] as const);
  const { nodes, edges } = graphLayout(layoutOf(steps));
  expect(nodes.length).toBe(maxGraphItems);
  expect(edges.length).toBeLessThanOrEqual(maxGraphItems);
});

/** Tags balance, and text holds no bare markup: enough of XML for what is written here. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  const rest = xml.replace(
    /<(\/?)([a-z]+)((?: [a-zA-Z-]+="[^"<>]*")*)(\/?)>/g,
    (_, close: string, name: string, _attributes, self: string) => {
      if (close === "/") return open.pop() === name ? "" : "<";
      if (self === "") open.push(name);
      return "";
    },
  );
  return open.length === 0 && !/[<>]|&(?!#\d+;)/.test(rest);
}
