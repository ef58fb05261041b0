import { TrustError } from "@countersign/core";
import type { Inspection, Step } from "./layout.ts";
import { applyRules, traceOf, type ItemArtifacts } from "./match.ts";
import type { Draft, ItemReport } from "./report.ts";

/** Every item that MATCH may name: steps for steps, inspections too for inspections. */
export type Chain = ReadonlyMap<string, ItemArtifacts>;

/**
 * Applies an item's rules for materials, then those for products, and writes down what each consumed, also up to a
 * refusal. Throws what `applyRules` throws.
 */
export function judgeItem(item: Step | Inspection, chain: Chain, report: Draft<ItemReport>): void {
  const artifacts = chain.get(item.name) as ItemArtifacts;
  const { materials, products } = artifacts;
  const rules = { materials: item.expectedMaterials, products: item.expectedProducts };
  for (const side of ["materials", "products"] as const) {
    try {
      report[side] = applyRules({ name: item.name, materials, products }, side, rules[side], chain);
    } catch (error) {
      const trace = error instanceof TrustError ? traceOf(error) : undefined;
      if (trace !== undefined) report[side] = trace;
      throw error;
    }
  }
  report.verdict = "passed";
}
