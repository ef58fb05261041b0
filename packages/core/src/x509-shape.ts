import { coreError } from "./errors.ts";
import type { DerNode } from "./der.ts";
import type { TrustError } from "./errors.ts";

/** Makes the error of this part of a certificate. Only for the x509 files. */
export function malformed(checked: string, expected: string, got: string): TrustError {
  return coreError("CORE_CERTIFICATE_MALFORMED", { checked, expected, got });
}

/** The members of a SEQUENCE that has as many of them as `count` says, both ends included. */
export function sequence(node: DerNode, what: string, [min, max]: readonly [number, number]): readonly DerNode[] {
  if (node.tagClass !== "universal" || node.tag !== 16)
    throw malformed(what, "a SEQUENCE", `${node.tagClass} tag ${node.tag}`);
  const { children } = node;
  if (children.length < min || children.length > max)
    throw malformed(what, min === max ? `${min} parts` : `${min} to ${max} parts`, String(children.length));
  return children;
}

/** The member at an index that is known to exist. */
export function child(nodes: readonly DerNode[], index: number): DerNode {
  return nodes[index] as DerNode;
}

/** Whether the element has the context tag [tag]. */
export function isContext(node: DerNode, tag: number): boolean {
  return node.tagClass === "context" && node.tag === tag;
}
