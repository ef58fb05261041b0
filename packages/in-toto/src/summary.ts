import type { Layout } from "./layout.ts";
import { emptyLink, type Link } from "./link.ts";

/**
 * One link for the whole chain (in-toto specification 1.0 §4.5.1): the materials of the layout's first step, and the
 * products, byproducts and command of its last. `links` has one verified link a step; a layout without steps gives an
 * empty link without a name, as the reference.
 */
export function summarise(layout: Layout, links: ReadonlyMap<string, Link>, name: string): Link {
  const first = links.get(layout.steps[0]?.name ?? "");
  const last = links.get(layout.steps.at(-1)?.name ?? "");
  if (first === undefined || last === undefined) return emptyLink;
  const { products, byproducts, command } = last;
  return { name, materials: first.materials, products, byproducts, command, environment: {} };
}
