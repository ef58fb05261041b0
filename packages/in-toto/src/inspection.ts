import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { Inspection } from "./layout.ts";
import type { Artifacts } from "./artifacts.ts";

/** One inspection that is to be carried out. */
export interface InspectionRequest {
  readonly inspection: Inspection;
  /** The steps that lead to the sublayout it stands in; empty for the layout that was asked about. */
  readonly place: readonly string[];
}

/** What an inspection saw before and after. */
export interface InspectionOutcome {
  readonly materials: Artifacts;
  readonly products: Artifacts;
  /** The exit code of its command; 0 for one that needs none. */
  readonly returnValue: number;
}

/**
 * Carries out an inspection that has a command. It is the caller who gives it, and so allows it; it throws
 * INTOTO_INSPECTION_NOT_ALLOWED for a command that it does not run.
 */
export type InspectionRunner = (request: InspectionRequest) => InspectionOutcome;

/** The final product as it lies there, for inspections that need no command. */
export interface Product {
  /** Every file, except the links that this verification loaded. */
  record(): Artifacts;
  /** A file's content. Throws INTOTO_PRODUCT_UNREADABLE, also for a path that leads out of the product. */
  read(path: string, options: ProductRead): Uint8Array;
}

/** How a file of the product is read. */
export interface ProductRead {
  readonly maxBytes: number;
  /** Content in gzip is unpacked, to at most as many bytes. */
  readonly isUnpacked?: boolean;
}

/** Who may carry out the inspections of one layout. */
export interface Inspectors {
  readonly run?: InspectionRunner | undefined;
  readonly product?: Product | undefined;
}

/** Lists what a declarative inspection looks at: path → hashes. */
export type Lister = (product: Product, target: string) => Artifacts;

const scheme = "countersign:";

/**
 * Whether the inspection names something to look at instead of a command: `["countersign:archive", "app.tar"]`.
 * A verifier that does not know them finds no such command, and refuses.
 */
export function isDeclarative(inspection: Inspection): boolean {
  return inspection.run[0]?.startsWith(scheme) === true;
}

/**
 * Refuses a layout whose inspections cannot all be carried out, before any of them is.
 * Throws INTOTO_INSPECTION_EMPTY, INTOTO_INSPECTION_NOT_ALLOWED, INTOTO_INSPECTION_UNKNOWN.
 */
export function checkInspectable(
  inspection: Inspection,
  inspectors: Inspectors,
  listers: ReadonlyMap<string, Lister>,
): void {
  const checked = `inspection ${quote(inspection.name)}`;
  if (inspection.run.length === 0) throw inTotoError("INTOTO_INSPECTION_EMPTY", checked);
  if (!isDeclarative(inspection)) {
    if (inspectors.run !== undefined) return;
    throw inTotoError("INTOTO_INSPECTION_NOT_ALLOWED", { checked, got: quote(inspection.run.join(" ")) });
  }
  if (listers.has(kindOf(inspection)) && inspection.run.length === 2) {
    if (inspectors.product !== undefined) return;
    throw inTotoError("INTOTO_PRODUCT_MISSING", checked);
  }
  const known = [...listers.keys()].map((kind) => `${scheme}${kind} <path>`).join(", ");
  throw inTotoError("INTOTO_INSPECTION_UNKNOWN", { checked, expected: known, got: quote(inspection.run.join(" ")) });
}

/**
 * Carries out one inspection that `checkInspectable` passed. Throws INTOTO_INSPECTION_FAILED if its command ended with
 * anything but 0, and what the runner or the lister throws.
 */
export function carryOut(
  request: InspectionRequest,
  inspectors: Inspectors,
  listers: ReadonlyMap<string, Lister>,
): InspectionOutcome {
  const { inspection } = request;
  checkInspectable(inspection, inspectors, listers);
  if (isDeclarative(inspection)) return look(inspection, inspectors.product as Product, listers);
  const outcome = (inspectors.run as InspectionRunner)(request);
  if (outcome.returnValue === 0) return outcome;
  throw inTotoError("INTOTO_INSPECTION_FAILED", {
    checked: `${quote(inspection.run.join(" "))} of inspection ${quote(inspection.name)}`,
    expected: "exit code 0",
    got: `${outcome.returnValue}`,
  });
}

function look(inspection: Inspection, product: Product, listers: ReadonlyMap<string, Lister>): InspectionOutcome {
  const lister = listers.get(kindOf(inspection)) as Lister;
  return { materials: product.record(), products: lister(product, inspection.run[1] as string), returnValue: 0 };
}

function kindOf(inspection: Inspection): string {
  return (inspection.run[0] ?? "").slice(scheme.length);
}
