import { hex, type Detail, type TrustError } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { documentHeaders, type OpenPgpSignature, type OpenPgpType } from "./openpgp.ts";
import { bigEndian, formatNumbers, parsePackets, readMpis, readSubpackets } from "./openpgp-packet.ts";

/** A signature of OpenPGP as links and layouts hold it. */
export interface IssuedSignature extends OpenPgpSignature {
  /** The fingerprint of the key, or subkey, that made it. */
  readonly keyid: string;
}

const tagOfSignature = 2;
/** The subpacket that names the key by its fingerprint (RFC 9580 §5.2.3.35). */
const issuerFingerprint = 33;

/**
 * Parses one detached signature as `gpg --detach-sign` writes it: version 4, of a document, RSA, DSA or EdDSA with SHA-256, naming
 * its key by fingerprint. Proves nothing. Throws INTOTO_SIGNATURE_MALFORMED, INTOTO_KEY_UNSUPPORTED for another kind of key,
 * and INTOTO_KEY_MALFORMED for bytes that are no packet.
 */
export function parseDetachedSignature(bytes: Uint8Array): IssuedSignature {
  const [packet, ...more] = parsePackets(bytes);
  if (packet?.tag !== tagOfSignature || more.length > 0) throw malformed({ expected: "one signature" });
  const { body } = packet;
  const type = typeOf(body);
  const hashedEnd = 6 + bigEndian(body, 4, 2);
  const otherHeaders = body.subarray(0, hashedEnd);
  const unhashedEnd = hashedEnd + 2 + bigEndian(body, hashedEnd, 2);
  const issuer = readSubpackets(otherHeaders.subarray(6)).find(([kind]) => kind === issuerFingerprint)?.[1];
  const signature = formatNumbers(type, readMpis(body.subarray(unhashedEnd + 2)));
  if (issuer?.length !== 21 || issuer[0] !== 4)
    throw malformed({ expected: "the fingerprint of its key, as GnuPG 2.1 and later write it" });
  if (signature === undefined) throw malformed({ expected: `the numbers of a signature by ${type}` });
  return { keyid: hex(issuer.subarray(1)), otherHeaders, signature };
}

function typeOf(body: Uint8Array): OpenPgpType {
  const types = Object.entries(documentHeaders) as readonly (readonly [OpenPgpType, readonly number[]])[];
  const [, , algorithm] = body;
  const found = types.find(([, headers]) => headers[2] === algorithm);
  if (found === undefined)
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", {
      checked: "OpenPGP signature",
      expected: "RSA, DSA or EdDSA",
      got: `algorithm ${algorithm}`,
    });
  const [type, headers] = found;
  if (headers.some((byte, at) => body[at] !== byte))
    throw malformed({ expected: "version 4, of a document, with SHA-256" });
  return type;
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_SIGNATURE_MALFORMED", { checked: "OpenPGP signature", ...detail });
}
