import { quote, type TrustError } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { Step } from "./layout.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Link } from "./link.ts";
import type { Mode } from "./mode.ts";

/**
 * Proves that the verified links of a step are of this step, that its command did not fail, and that all report the same
 * artifacts, whatever the threshold; returns the first, which stands for them. In compat only agreement, and only above
 * threshold 1. Throws INTOTO_LINK_NAME, INTOTO_STEP_FAILED, INTOTO_LINKS_DISAGREE, INTOTO_LINK_MISSING if there is none.
 */
export function checkStepLinks(step: Step, links: readonly Link[], mode: Mode): Link {
  const [first] = links;
  if (first === undefined)
    throw inTotoError("INTOTO_LINK_MISSING", { checked: checkedOf(step), expected: "a link", got: "none" });
  if (mode === "strict") {
    for (const link of links) {
      checkStepName(step, link);
      checkReturnValue(step, link);
    }
  }
  if (mode === "strict" || step.threshold > 1) for (const link of links) checkAgreement(step, first, link);
  return first;
}

/** One warning for each link with another command than expected: a command is only the functionary's word. */
export function commandWarnings(step: Step, links: readonly Link[]): readonly TrustError[] {
  const expected = step.expectedCommand;
  return links
    .filter(({ command }) => command.length !== expected.length || command.some((word, at) => word !== expected[at]))
    .map(({ command }) => {
      const got = quote(command.join(" "));
      return inTotoError("INTOTO_STEP_COMMAND", { checked: checkedOf(step), expected: quote(expected.join(" ")), got });
    });
}

function checkStepName(step: Step, { name }: Link): void {
  if (name !== step.name)
    throw inTotoError("INTOTO_LINK_NAME", { checked: checkedOf(step), got: `a link of ${quote(name)}` });
}

/** Absent is fine: a step may have been recorded without a command. */
function checkReturnValue(step: Step, { byproducts }: Link): void {
  const value = Object.hasOwn(byproducts, "return-value") ? byproducts["return-value"] : undefined;
  if (value === undefined || value === 0) return;
  throw inTotoError("INTOTO_STEP_FAILED", {
    checked: checkedOf(step),
    expected: "return value 0",
    got: quote(JSON.stringify(value)),
  });
}

function checkAgreement(step: Step, first: Link, other: Link): void {
  for (const side of ["materials", "products"] as const) {
    const path = differenceOf(first[side], other[side]);
    if (path !== undefined)
      throw inTotoError("INTOTO_LINKS_DISAGREE", {
        checked: checkedOf(step),
        got: `different ${side}, for instance ${quote(path)}`,
      });
  }
}

function differenceOf(one: Artifacts, other: Artifacts): string | undefined {
  if (one === other) return undefined;
  for (const [path, hashes] of one) if (other.get(path) !== hashes) return path;
  if (other.size === one.size) return undefined;
  return [...other.keys()].find((path) => !one.has(path));
}

function checkedOf(step: Step): string {
  return `step ${quote(step.name)}`;
}
