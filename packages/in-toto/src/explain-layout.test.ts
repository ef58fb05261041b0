import { TrustError } from "@countersign/core";
import { expect, test } from "vitest";
import { formatSvg } from "./graph-svg.ts";
import { formatDot, formatMermaid, graphLayout } from "./graph.ts";
import { lintLayout } from "./lint.ts";
import { parseMetadata, type Metadata } from "./metadata.ts";
import { goldenMetadata, hasGoldenData } from "./sample.contract.ts";
import { showMetadata } from "./show.ts";

const now = new Date("2026-06-01T00:00:00Z");

function read(bytes: Uint8Array): Metadata | undefined {
  try {
    return parseMetadata(bytes, "compat");
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

/** What lint says of a layout of the cases, without the time. */
function lintCodes(name: string): readonly string[] {
  const file = goldenMetadata(`golden/cases/${name}`).find((each) => each.name.endsWith("root.layout"));
  const metadata = file === undefined ? undefined : read(file.bytes);
  if (metadata?.type !== "layout") throw new Error(`${name} is no layout`);
  const found = lintLayout(metadata.layout, { now }).map(({ code }) => code);
  return [...new Set(found)].filter((code) => !code.includes("EXPIRES") && code !== "INTOTO_LINT_INSPECTION_COMMAND");
}

test.skipIf(!hasGoldenData)("every layout of the reference can be shown, linted and drawn", () => {
  const layouts = goldenMetadata("golden").flatMap(({ bytes }) => {
    const metadata = read(bytes);
    return metadata?.type === "layout" ? [metadata] : [];
  });
  expect(layouts.length).toBeGreaterThan(90);
  for (const metadata of layouts) {
    expect(showMetadata(metadata)).toMatch(/^UNVERIFIED layout/);
    for (const { fix } of lintLayout(metadata.layout, { now })) expect(fix).not.toBe("");
    const graph = graphLayout(metadata.layout);
    for (const format of [formatDot, formatMermaid, formatSvg]) expect(format(graph)).not.toContain("\u0000");
  }
});

test.skipIf(!hasGoldenData).each([
  { name: "000-good", found: [] },
  {
    name: "036-threshold-same-key-two-keyids",
    found: ["INTOTO_LINT_KEY_TWICE", "INTOTO_LINT_KEY_FOREIGN_ID", "INTOTO_LINT_THRESHOLD"],
  },
  { name: "050-no-disallow-lets-extra-in", found: ["INTOTO_LINT_DISALLOW_MISSING"] },
  { name: "051-require-after-consume", found: ["INTOTO_LINT_REQUIRE_LATE"] },
  { name: "066-delete-in-products-never-consumes", found: ["INTOTO_LINT_DELETE_IN_PRODUCTS"] },
  { name: "096-empty-layout", found: ["INTOTO_LINT_STEPS_MISSING"] },
  { name: "115-inspection-empty-run", found: ["INTOTO_LINT_INSPECTION_EMPTY"] },
])("lint finds what is wrong with $name", ({ name, found }) => {
  expect(lintCodes(name)).toEqual(expect.arrayContaining(found));
  expect(found.length === 0 ? lintCodes(name) : []).toEqual([]);
});
