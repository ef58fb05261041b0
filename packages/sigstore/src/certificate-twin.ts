import {
  curveOrders,
  derBitString,
  derInteger,
  derSequence,
  hex,
  parseDer,
  parseSpki,
  readInteger,
  type Certificate,
  type DerNode,
} from "@countersign/core";

/**
 * The DER of `leaf` with the other of two signatures: of ECDSA's (r, s) anybody can make (r, n - s), which holds as well
 * (FIPS 186-5 §6.4.2), so that one certificate has two fingerprints. Undefined where `issuer` has a key of another kind, all of
 * which sign in one form only. Checks nothing: the leaf's signature must have been found to be the issuer's.
 */
export function twinOf(leaf: Certificate, issuer: Certificate): Uint8Array | undefined {
  const key = parseSpki(issuer.spki);
  if (key.kind !== "ec") return undefined;
  const [r, s] = parseDer(leaf.signature).children as [DerNode, DerNode];
  const other = derSequence(r.raw, derInteger(BigInt(`0x${hex(curveOrders[key.curve])}`) - readInteger(s)));
  const [tbs, algorithm] = parseDer(leaf.raw).children as [DerNode, DerNode];
  return derSequence(tbs.raw, algorithm.raw, derBitString(other));
}
