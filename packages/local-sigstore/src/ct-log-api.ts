import { X509Certificate } from "node:crypto";
import { readChildren, readContent, sequence, tagged } from "./asn1.ts";
import type { CtLog } from "./ct-log.ts";
import { localSigstoreError } from "./errors.ts";
import { json } from "./http.ts";
import type { Reply, Request, Route } from "./http.ts";
import { decodeBase64, memberAt, parseRequestJson, readOr } from "./request.ts";

/** Most certificates of a chain that are read. */
const maxChain = 10;

/**
 * The CT log's HTTP face: `add-pre-chain` (RFC 6962 §4.2) for a certificate authority beside this process. It promises any
 * precertificate that the next one of its chain has signed, and keeps none.
 */
export function ctLogRoutes(log: CtLog, o: { readonly now: () => Date }): readonly Route[] {
  const answer = (request: Request): Reply => json(sctJson(log.promise({ ...precertOf(request), time: o.now() })));
  return [{ service: "ct-log", method: "POST", path: /\/ct\/v1\/add-pre-chain/, answer }];
}

function precertOf(request: Request): { readonly tbs: Uint8Array; readonly issuerSpki: Uint8Array } {
  const chain = memberAt(parseRequestJson(request.body), "chain");
  if (!Array.isArray(chain) || chain.length < 2 || chain.length > maxChain) throw refused("a chain of two or more");
  const ders = chain.map((each, at) => decodeBase64(String(each), `chain.${at}`));
  const [certificate, issuer] = readOr("certificate", () => ders.map((der) => new X509Certificate(der)));
  if (certificate === undefined || issuer === undefined || !certificate.verify(issuer.publicKey))
    throw refused("a precertificate signed by the next certificate");
  const issuerSpki = new Uint8Array(issuer.publicKey.export({ type: "spki", format: "der" }));
  return { tbs: readOr("precertificate", () => withoutPoison(certificate.raw)), issuerSpki };
}

/** The TBSCertificate without the poison, which must stand there once (RFC 6962 §3.2). */
function withoutPoison(certificate: Uint8Array): Uint8Array {
  const [tbs = new Uint8Array(0)] = readChildren(certificate);
  const fields = readChildren(tbs);
  const wrapped = fields.at(-1) ?? new Uint8Array(0);
  const extensions = readChildren(readChildren(wrapped)[0] ?? new Uint8Array(0));
  const kept = extensions.filter((each) => !isPoison(each));
  if (kept.length !== extensions.length - 1) throw new Error("not one poison extension");
  return sequence(...fields.slice(0, -1), tagged(3, sequence(...kept)));
}

function isPoison(extension: Uint8Array): boolean {
  const [id] = readChildren(extension);
  return id !== undefined && Buffer.from(readContent(id)).equals(poison);
}

/** OID 1.3.6.1.4.1.11129.2.4.3, which marks a precertificate (RFC 6962 §3.1). */
const poison = Buffer.from("2b06010401d679020403", "hex");

/** The answer has the parts of the serialised SCT (RFC 6962 §3.2) one by one. */
function sctJson(sct: Uint8Array): Record<string, unknown> {
  const bytes = Buffer.from(sct);
  const extensions = bytes.subarray(43, 43 + bytes.readUInt16BE(41));
  return {
    sct_version: 0,
    id: bytes.subarray(1, 33).toString("base64"),
    timestamp: Number(bytes.readBigUInt64BE(33)),
    extensions: extensions.toString("base64"),
    signature: bytes.subarray(43 + extensions.length).toString("base64"),
  };
}

function refused(expected: string): Error {
  return localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", { checked: "chain", expected });
}
