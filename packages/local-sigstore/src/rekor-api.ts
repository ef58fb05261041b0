import { hashedRekordBody002 } from "./entry.ts";
import type { EntryJson, EntryVerifier } from "./entry.ts";
import { localSigstoreError } from "./errors.ts";
import type { Faults } from "./faults.ts";
import { json, text } from "./http.ts";
import type { Reply, Request, Route } from "./http.ts";
import { makeKeyPair } from "./keyring.ts";
import { checkDigestSignature, loggedAlgorithms, spkiOf } from "./logged-signature.ts";
import type { RekorLog } from "./rekor.ts";
import { bytesAt, memberAt, parseRequestJson, textAt } from "./request.ts";
import { entryBundle } from "./tile-store.ts";
import { tileWidth } from "./tree.ts";

/** Longest entry that fits into a bundle of entries, in bytes (C2SP tlog-tiles). */
export const maxEntryBytes = 65_535;

/** Rekor v2's HTTP face: add an entry; checkpoint, tiles and entry bundles both bare and under /api/v2. */
export function rekorRoutes(log: RekorLog, faults: Faults): readonly Route[] {
  const service = "rekor" as const;
  const entryTile = /(?:\/api\/v2)?\/tile\/entries\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?/;
  const hashTile = /(?:\/api\/v2)?\/tile\/(\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?/;
  return [
    { service, method: "POST", path: /\/api\/v2\/log\/entries/, answer: (request) => addEntry(request, log, faults) },
    { service, method: "GET", path: /(?:\/api\/v2)?\/checkpoint/, answer: () => text(log.checkpoint()) },
    { service, method: "GET", path: entryTile, answer: (_, [index = "", width = ""]) => entries(log, index, width) },
    {
      service,
      method: "GET",
      path: hashTile,
      answer: (_, [level = "", index = "", width = ""]) =>
        binary(log.tree.tile(Number(level), tileIndex(index), widthOf(width))),
    },
  ];
}

/** The entry with one of the faults of logs laid over it. */
export function spoiledEntry(entry: EntryJson, kind: string, other: () => EntryJson, badCheckpoint: string): EntryJson {
  const proof = entry.inclusionProof;
  switch (kind) {
    case "wrong-entry":
      return other();
    case "wrong-proof":
      return {
        ...entry,
        inclusionProof: { ...proof, hashes: [...proof.hashes, Buffer.alloc(32, 7).toString("base64")] },
      };
    case "no-proof": {
      const { inclusionProof: _, ...rest } = entry;
      return rest as EntryJson;
    }
    case "wrong-promise":
      return { ...entry, inclusionPromise: { signedEntryTimestamp: Buffer.alloc(70, 0x30).toString("base64") } };
    default:
      return { ...entry, inclusionProof: { ...proof, checkpoint: { envelope: badCheckpoint } } };
  }
}

function addEntry(request: Request, log: RekorLog, faults: Faults): Reply {
  const body = checkedBody(parseRequestJson(request.body));
  const known = log.indexOf(body);
  if (known !== undefined) return json(alreadyThere(known), 409);
  const entry = log.append(body);
  const fault = faults.take("rekor", [
    "wrong-checkpoint",
    "wrong-checkpoint-name",
    "wrong-entry",
    "wrong-proof",
    "no-proof",
  ]);
  if (fault === undefined) return json(entry, 201);
  const badCheckpoint =
    fault.kind === "wrong-checkpoint-name"
      ? log.checkpoint({ name: "mallory.example.com" })
      : log.checkpoint({ key: makeKeyPair(log.key.kind) });
  return json(
    spoiledEntry(entry, fault.kind, () => otherEntry(log), badCheckpoint),
    201,
  );
}

/** In the words of rekor-tiles: the index stands nowhere else. */
function alreadyThere(index: number): object {
  const message = `an equivalent entry already exists in the transparency log with index ${index}`;
  return { code: 6, message, details: [] };
}

/** A good proof of an entry that nobody asked for. */
function otherEntry(log: RekorLog): EntryJson {
  const verifier: EntryVerifier = {
    type: "public-key",
    der: makeKeyPair("p256").spki,
    keyDetails: "PKIX_ECDSA_P256_SHA_256",
  };
  return log.entryFor({ digest: new Uint8Array(32), signature: Uint8Array.of(0x30, 0), verifier });
}

function checkedBody(asked: unknown): Uint8Array {
  const root = "hashedRekordRequestV002";
  if (memberAt(asked, root) === undefined) {
    throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", { expected: root });
  }
  const digest = bytesAt(asked, `${root}.digest`);
  const signature = bytesAt(asked, `${root}.signature.content`);
  const keyDetails = textAt(asked, `${root}.signature.verifier.keyDetails`);
  const isCertified = memberAt(asked, `${root}.signature.verifier.x509Certificate`) !== undefined;
  const member = isCertified ? "x509Certificate" : "publicKey";
  const der = bytesAt(asked, `${root}.signature.verifier.${member}.rawBytes`);
  const verifier: EntryVerifier = { type: isCertified ? "certificate" : "public-key", der, keyDetails };
  const algorithm = loggedAlgorithms.get(keyDetails);
  if (algorithm === undefined) throw localSigstoreError("LOCAL_SIGSTORE_ENTRY_REFUSED", "keyDetails not supported");
  checkDigestSignature({ spki: spkiOf(verifier), algorithm, digest, signature });
  const body = hashedRekordBody002({ digest, signature, verifier });
  if (body.length > maxEntryBytes) throw localSigstoreError("LOCAL_SIGSTORE_ENTRY_REFUSED", "entry is too long");
  return body;
}

function entries(log: RekorLog, path: string, width: string): Reply {
  const first = tileIndex(path) * tileWidth;
  const bodies = log.bodies.slice(first, first + widthOf(width));
  return binary(bodies.length === widthOf(width) ? entryBundle(bodies) : undefined);
}

function tileIndex(path: string): number {
  return Number(path.replaceAll(/[x/]/g, ""));
}

function widthOf(partial: string): number {
  const width = partial === "" ? tileWidth : Number(partial);
  if (width >= 1 && width <= tileWidth) return width;
  throw localSigstoreError("LOCAL_SIGSTORE_NOT_FOUND");
}

function binary(body: Uint8Array | undefined): Reply {
  if (body === undefined) throw localSigstoreError("LOCAL_SIGSTORE_NOT_FOUND");
  return { status: 200, type: "application/octet-stream", body };
}
