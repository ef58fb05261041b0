import {
  curveOrders,
  derHead,
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
export function twinOf({ raw, tbs, signature }: Certificate, issuer: Certificate): Uint8Array | undefined {
  const key = parseSpki(issuer.spki);
  if (key.kind !== "ec") return undefined;
  const [r, s] = parseDer(signature).children as [DerNode, DerNode];
  const other = derSequence(r.raw, derInteger(orders[key.curve] - readInteger(s)));
  // The algorithm follows the signed part; ECDSA's has no parameters, and a length of one byte.
  const rest = raw.subarray(tbs.byteOffset + tbs.length - raw.byteOffset);
  const algorithm = rest.subarray(0, 2 + (rest[1] as number));
  return derSequence(tbs, algorithm, derHead(3, 1 + other.length), Uint8Array.of(0), other);
}

const orders = {
  p256: numberOf(curveOrders.p256),
  p384: numberOf(curveOrders.p384),
  p521: numberOf(curveOrders.p521),
};

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(bytes)}`);
}
