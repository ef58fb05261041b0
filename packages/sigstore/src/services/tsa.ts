import {
  attempt,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
  equalBytes,
  hash,
  parseDer,
  quote,
  readUtf8String,
  TrustError,
  type DerNode,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { send, type Caller } from "../request.ts";
import { maxTimestampBytes, parseTimestamp } from "../timestamp-token.ts";

/** How long a timestamp authority may take to answer, in milliseconds. */
export const tsaTimeoutMs = 15_000;

const sha256Oid = "2.16.840.1.101.3.4.2.1";

/**
 * Has a timestamp authority stamp the raw signature bytes (RFC 3161 §3.4, over HTTP) and returns the TimeStampResp.
 * Proves that the status is granted and that the imprint is ours. No nonce is sent: the signature is fresh, and an older
 * stamp over the very same signature would be true as well. Does not prove who stamped it: the verifier does.
 * Throws SIGSTORE_TSA_RESPONSE and the errors of `send`.
 */
export async function requestTimestamp(caller: Caller, url: string, signature: Uint8Array): Promise<Uint8Array> {
  const imprint = hash("sha256", signature);
  const { body } = await send(caller, {
    method: "POST",
    url,
    headers: { "content-type": "application/timestamp-query", accept: "application/timestamp-reply" },
    body: formatTimestampRequest(imprint),
    timeoutMs: tsaTimeoutMs,
    maxBytes: maxTimestampBytes,
  });
  const stamped = readImprint(body);
  if (stamped.hash !== "sha256" || !equalBytes(stamped.value, imprint)) {
    throw sigstoreError("SIGSTORE_TSA_RESPONSE", { checked: "the message imprint", got: "another one" });
  }
  return body;
}

function readImprint(body: Uint8Array): ReturnType<typeof parseTimestamp>["imprint"] {
  try {
    return parseTimestamp(body).imprint;
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const said = attempt(() => readRefusal(parseDer(body))) ?? "";
    throw sigstoreError("SIGSTORE_TSA_RESPONSE", { got: said === "" ? error.message : `a refusal: ${said}` }, error);
  }
}

/** PKIFailureInfo (RFC 3161 §2.4.2) by bit. */
const failures: ReadonlyMap<number, string> = new Map([
  [0, "badAlg"],
  [2, "badRequest"],
  [5, "badDataFormat"],
  [14, "timeNotAvailable"],
  [15, "unacceptedPolicy"],
  [16, "unacceptedExtension"],
  [17, "addInfoNotAvailable"],
  [25, "systemFailure"],
]);

/** What the PKIStatusInfo of an answer gives as its reason, in words and by name; nothing where it gives none. */
function readRefusal(response: DerNode): string {
  const [, ...reasons] = response.children[0]?.children ?? [];
  return reasons.flatMap((node) => (node.tag === 3 ? namesOf(node.content) : wordsOf(node))).join(", ");
}

function wordsOf({ children }: DerNode): readonly string[] {
  return children.map((text) => quote(readUtf8String(text)));
}

/** The bits of a BIT STRING, whose first byte tells how many of the last are none. */
function namesOf(bits: Uint8Array): readonly string[] {
  return [...failures].flatMap(([bit, name]) => (((bits[1 + (bit >> 3)] ?? 0) << (bit & 7)) & 0x80 ? [name] : []));
}

/** TimeStampReq (RFC 3161 §2.4.1): version 1 and the imprint; no certificates are asked for, verifiers have them. */
function formatTimestampRequest(imprint: Uint8Array): Uint8Array {
  return derSequence(derInteger(1), derSequence(derSequence(derOid(sha256Oid), derNull()), derOctets(imprint)));
}
