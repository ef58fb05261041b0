import { createHash } from "node:crypto";
import type { HashName } from "@countersign/core";
import { pem } from "./certificate.ts";
import { preAuthEncoding } from "./entry.ts";
import type { EntryJson } from "./entry.ts";
import { localSigstoreError } from "./errors.ts";
import type { Faults } from "./faults.ts";
import { json, text } from "./http.ts";
import type { Reply, Request, Route } from "./http.ts";
import { makeKeyPair } from "./keyring.ts";
import {
  algorithmsOf,
  checkDigestSignature,
  checkMessageSignature,
  spkiOf,
  verifierOfPem,
} from "./logged-signature.ts";
import { spoiledEntry } from "./rekor-api.ts";
import { bodyOf } from "./rekor-v1.ts";
import type { RekorV1Log, V1Signed } from "./rekor-v1.ts";
import { bytesAt, decodeBase64, memberAt, parseRequestJson, readOr, textAt } from "./request.ts";

/** Rekor v1's HTTP face: add, get and retrieve entries; log info, proof, public key. */
export function rekorV1Routes(log: RekorV1Log, faults: Faults): readonly Route[] {
  const service = "rekor-v1" as const;
  const entries = /\/api\/v1\/log\/entries/;
  return [
    { service, method: "POST", path: entries, answer: (request) => addEntry(request, log, faults) },
    { service, method: "GET", path: entries, answer: (request) => json(answerAt(log, globalIndex(log, request))) },
    {
      service,
      method: "GET",
      path: /\/api\/v1\/log\/entries\/([0-9a-f]{64}|[0-9a-f]{80})/,
      answer: (_, [uuid = ""]) => json(answerAt(log, indexOfUuid(log, uuid))),
    },
    { service, method: "POST", path: /\/api\/v1\/log\/entries\/retrieve/, answer: (request) => retrieve(request, log) },
    { service, method: "GET", path: /\/api\/v1\/log/, answer: () => json(logInfo(log)) },
    { service, method: "GET", path: /\/api\/v1\/log\/proof/, answer: (request) => proof(request, log) },
    {
      service,
      method: "GET",
      path: /\/api\/v1\/log\/publicKey/,
      answer: () => text(pem("PUBLIC KEY", log.key.spki), "application/x-pem-file"),
    },
  ];
}

function addEntry(request: Request, log: RekorV1Log, faults: Faults): Reply {
  const body = bodyOf(checkedEntry(parseRequestJson(request.body)));
  const known = log.indexOf(body);
  if (known !== undefined) return conflict(log.uuid(known));
  const entry = log.append(body);
  const index = log.tree.size() - 1;
  const kinds = [
    "wrong-checkpoint",
    "wrong-checkpoint-name",
    "wrong-entry",
    "wrong-proof",
    "no-proof",
    "wrong-promise",
  ] as const;
  const fault = faults.take("rekor-v1", kinds);
  const uuid = log.uuid(index);
  const headers = { location: `/api/v1/log/entries/${uuid}`, etag: uuid };
  if (fault === undefined) return { ...json({ [uuid]: answerOf(entry) }, 201), headers };
  const badCheckpoint =
    fault.kind === "wrong-checkpoint-name"
      ? log.checkpoint({ name: "mallory.example.com" })
      : log.checkpoint({ key: makeKeyPair(log.key.kind) });
  const spoiled = spoiledEntry(entry, fault.kind, () => otherEntry(log), badCheckpoint);
  return { ...json({ [uuid]: answerOf(spoiled) }, 201), headers };
}

function otherEntry(log: RekorV1Log): EntryJson {
  const verifier = { type: "public-key" as const, der: makeKeyPair("p256").spki };
  return log.entryFor({
    kind: "hashedrekord",
    signed: { digest: new Uint8Array(32), signature: Uint8Array.of(0x30, 0), verifier },
  });
}

function conflict(uuid: string): Reply {
  const location = `/api/v1/log/entries/${uuid}`;
  const message = `an equivalent entry already exists in the transparency log with UUID ${uuid}`;
  return { ...json({ code: 409, message }, 409), headers: { location } };
}

/** The shape of Rekor v1's answers: hex where bundles have base64. */
function answerOf(entry: EntryJson): Record<string, unknown> {
  const proofJson = entry.inclusionProof as EntryJson["inclusionProof"] | undefined;
  const inclusionProof =
    proofJson === undefined
      ? undefined
      : {
          checkpoint: proofJson.checkpoint.envelope,
          hashes: proofJson.hashes.map(hexOfBase64),
          logIndex: Number(proofJson.logIndex),
          rootHash: hexOfBase64(proofJson.rootHash),
          treeSize: Number(proofJson.treeSize),
        };
  return {
    body: entry.canonicalizedBody,
    integratedTime: Number(entry.integratedTime),
    logID: hexOfBase64(entry.logId.keyId),
    logIndex: Number(entry.logIndex),
    verification: { inclusionProof, signedEntryTimestamp: entry.inclusionPromise?.signedEntryTimestamp },
  };
}

function answerAt(log: RekorV1Log, index: number): Record<string, unknown> {
  if (index < 0 || index >= log.tree.size()) throw localSigstoreError("LOCAL_SIGSTORE_NOT_FOUND");
  return { [log.uuid(index)]: answerOf(log.prove(index)) };
}

function globalIndex(log: RekorV1Log, request: Request): number {
  const index = request.query.get("logIndex") ?? "";
  if (!/^\d{1,15}$/.test(index)) {
    throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", { checked: "logIndex", expected: "a number" });
  }
  return Number(index) - log.earlierEntries;
}

function indexOfUuid(log: RekorV1Log, uuid: string): number {
  const leaf = uuid.slice(-64);
  for (let index = 0; index < log.tree.size(); index++) if (log.uuid(index).endsWith(leaf)) return index;
  throw localSigstoreError("LOCAL_SIGSTORE_NOT_FOUND");
}

function retrieve(request: Request, log: RekorV1Log): Reply {
  const asked = parseRequestJson(request.body);
  const list = (name: string): unknown[] => {
    const value = memberAt(asked, name) ?? [];
    return Array.isArray(value) ? value.slice(0, 10) : [];
  };
  const byIndex = list("logIndexes").map((index) => answerAt(log, Number(index) - log.earlierEntries));
  const byUuid = list("entryUUIDs").map((uuid) => answerAt(log, indexOfUuid(log, String(uuid))));
  const byEntry = list("entries").map((entry) => log.indexOf(bodyOf(checkedEntry(entry))));
  const found = byEntry.filter((index) => index !== undefined).map((index) => answerAt(log, index));
  return json([...byIndex, ...byUuid, ...found]);
}

function logInfo(log: RekorV1Log): Record<string, unknown> {
  const rootHash = Buffer.from(log.tree.root()).toString("hex");
  const { treeId: treeID, tree } = log;
  return { inactiveShards: [], rootHash, signedTreeHead: log.checkpoint(), treeID, treeSize: tree.size() };
}

function proof(request: Request, log: RekorV1Log): Reply {
  const firstSize = Number(request.query.get("firstSize") ?? "1");
  const lastSize = Number(request.query.get("lastSize") ?? "0");
  if (!(Number.isInteger(firstSize) && firstSize >= 1 && firstSize <= lastSize && lastSize <= log.tree.size())) {
    throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", { checked: "firstSize, lastSize" });
  }
  const hashes = log.tree.consistency(firstSize, lastSize).map((hash) => Buffer.from(hash).toString("hex"));
  return json({ hashes, rootHash: Buffer.from(log.tree.root(lastSize)).toString("hex") });
}

/** What is to be logged, after its signature was verified. */
function checkedEntry(asked: unknown): V1Signed {
  const kind = `${textAt(asked, "kind")} ${textAt(asked, "apiVersion")}`;
  switch (kind) {
    case "hashedrekord 0.0.1":
      return checkedHashedRekord(asked);
    case "dsse 0.0.1":
      return checkedDsse(asked);
    case "intoto 0.0.2":
      return checkedIntoto(asked);
    default:
      throw localSigstoreError("LOCAL_SIGSTORE_ENTRY_REFUSED", "kind or version not supported");
  }
}

function checkedHashedRekord(asked: unknown): V1Signed {
  const digest = Buffer.from(textAt(asked, "spec.data.hash.value"), "hex");
  const named = textAt(asked, "spec.data.hash.algorithm");
  const hash = (["sha256", "sha384", "sha512"] as const).find((name) => name === named);
  if (hash === undefined) throw localSigstoreError("LOCAL_SIGSTORE_ENTRY_REFUSED", "hash not supported");
  const signature = bytesAt(asked, "spec.signature.content");
  const verifier = verifierOfPem(Buffer.from(bytesAt(asked, "spec.signature.publicKey.content")).toString("utf8"));
  const spki = spkiOf(verifier);
  const [algorithm = "ecdsa-p256-sha256"] = algorithmsOf(spki, hash satisfies HashName);
  checkDigestSignature({ spki, algorithm, digest, signature });
  return { kind: "hashedrekord", signed: { digest, signature, verifier } };
}

function checkedDsse(asked: unknown): V1Signed {
  const envelopeJson = textAt(asked, "spec.proposedContent.envelope");
  const envelope = readOr("envelope", () => JSON.parse(envelopeJson) as unknown);
  const payloadType = textAt(envelope, "payloadType");
  const payload = bytesAt(envelope, "payload");
  const signature = bytesAt(envelope, "signatures.0.sig");
  const armoured = bytesAt(asked, "spec.proposedContent.verifiers.0");
  const verifier = verifierOfPem(Buffer.from(armoured).toString("utf8"));
  checkMessageSignature(spkiOf(verifier), preAuthEncoding(payloadType, payload), signature);
  const signed = { payloadType, payload, signature, verifier, envelopeJson };
  return { kind: "dsse", signed };
}

function checkedIntoto(asked: unknown): V1Signed {
  const root = "spec.content.envelope";
  const payloadType = textAt(asked, `${root}.payloadType`);
  const twice = (path: string): Uint8Array => decodeBase64(Buffer.from(bytesAt(asked, path)).toString("utf8"), path);
  const payload = twice(`${root}.payload`);
  const signature = twice(`${root}.signatures.0.sig`);
  const armoured = bytesAt(asked, `${root}.signatures.0.publicKey`);
  const verifier = verifierOfPem(Buffer.from(armoured).toString("utf8"));
  checkMessageSignature(spkiOf(verifier), preAuthEncoding(payloadType, payload), signature);
  const payloadHash = createHash("sha256").update(payload).digest("hex");
  if (memberAt(asked, "spec.content.payloadHash.value") !== payloadHash) {
    throw localSigstoreError("LOCAL_SIGSTORE_ENTRY_REFUSED", "payloadHash is not the payload's");
  }
  const keyid = memberAt(asked, `${root}.signatures.0.keyid`);
  const envelopeHash = textAt(asked, "spec.content.hash.value");
  const signed = {
    payloadType,
    payload,
    signature,
    verifier,
    envelopeHash,
    ...(typeof keyid === "string" ? { keyid } : {}),
  };
  return { kind: "intoto", signed };
}

function hexOfBase64(encoded: string): string {
  return Buffer.from(encoded, "base64").toString("hex");
}
