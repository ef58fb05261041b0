import { checkCheckpoint, checkConsistency, parseCheckpoint, parseNote } from "@countersign/tlog";
import type { Checkpoint, LogKey } from "@countersign/tlog";
import { attempt } from "@countersign/core";
import { localSigstoreError } from "./errors.ts";
import type { Faults } from "./faults.ts";
import { text } from "./http.ts";
import type { Reply, Request, Route } from "./http.ts";
import { makeKeyPair, sha256 } from "./keyring.ts";
import { formatSignatureLine } from "./note.ts";
import type { Witness } from "./witness.ts";

/** Most hashes in a consistency proof that a witness reads (C2SP tlog-witness). */
export const maxConsistencyHashes = 63;

/** What a witness last cosigned, by origin; kept by the caller so that it can outlive the process. */
export interface WitnessMemory {
  readonly get: (origin: string) => string | undefined;
  readonly set: (origin: string, signedCheckpoint: string) => void;
}

/** A witness's HTTP face (C2SP tlog-witness) under `/witness/<index>`. */
export function witnessRoutes(o: {
  readonly index: number;
  readonly witness: Witness;
  readonly memory: WitnessMemory;
  readonly logs: () => readonly LogKey[];
  readonly faults: Faults;
}): readonly Route[] {
  const answer = (request: Request): Reply => addCheckpoint(Buffer.from(request.body).toString("utf8"), o);
  return [
    { service: "witness", method: "POST", path: new RegExp(`/witness/${o.index}/add-checkpoint`), answer },
    {
      service: "witness",
      method: "GET",
      path: new RegExp(`/witness/${o.index}/([0-9a-f]{64})/checkpoint`),
      answer: (_, [hash = ""]) => latest(hash, o),
    },
  ];
}

type Witnessing = Parameters<typeof witnessRoutes>[0];

function addCheckpoint(body: string, o: Witnessing): Reply {
  const { old, hashes, note } = parseSubmission(body);
  const origin = note.split("\n")[0] ?? "";
  const log = o.logs().find((key) => key.name === (origin.split(" - ")[0] ?? ""));
  if (log === undefined) return { ...text("unknown origin\n"), status: 404 };
  const checked = attempt(() => checkCheckpoint(note, log));
  if (checked === undefined) return { ...text("no trusted signature\n"), status: 403 };
  const before = o.memory.get(origin);
  const known = before === undefined ? undefined : parseCheckpoint(parseNote(before).text);
  const refusal = refusalOf({ old, hashes, known, checked });
  if (refusal !== undefined) return refusal;
  const fault = o.faults.take("witness", ["wrong-signer"]);
  const key = fault === undefined ? {} : { key: makeKeyPair(o.witness.key.kind) };
  const line = formatSignatureLine(o.witness.cosign(checked.note.text, key));
  o.memory.set(origin, note + line);
  return text(line);
}

function refusalOf(o: {
  readonly old: bigint;
  readonly hashes: readonly Uint8Array[];
  readonly known: Checkpoint | undefined;
  readonly checked: Checkpoint;
}): Reply | undefined {
  if (o.old > o.checked.size) return { ...text("old size above new size\n"), status: 400 };
  const size = o.known?.size ?? 0n;
  if (o.old !== size) return { ...text(`${size}\n`, "text/x.tlog.size"), status: 409 };
  const proof = { from: o.old, to: o.checked.size, path: o.hashes };
  const root = o.known?.root ?? sha256();
  const isConsistent =
    o.old === 0n
      ? o.hashes.length === 0
      : attempt(() => (checkConsistency(proof, root, o.checked.root), true)) === true;
  return isConsistent ? undefined : { ...text("not consistent\n"), status: 422 };
}

function parseSubmission(body: string): { old: bigint; hashes: Uint8Array[]; note: string } {
  const split = body.indexOf("\n\n");
  const [first = "", ...lines] = body.slice(0, Math.max(0, split)).split("\n");
  const old = /^old (0|[1-9]\d{0,18})$/.exec(first)?.[1];
  const isGood = lines.length <= maxConsistencyHashes && lines.every((line) => /^[A-Za-z0-9+/]{43}=$/.test(line));
  if (old === undefined || !isGood) {
    throw localSigstoreError("LOCAL_SIGSTORE_CHECKPOINT_REFUSED", {
      expected: "old size, hashes, empty line, checkpoint",
    });
  }
  const hashes = lines.map((line) => new Uint8Array(Buffer.from(line, "base64")));
  return { old: BigInt(old), hashes, note: body.slice(split + 2) };
}

function latest(hash: string, o: Witnessing): Reply {
  const origins = o.logs().map((log) => log.origin ?? log.name);
  const origin = origins.find((name) => Buffer.from(sha256(name)).toString("hex") === hash);
  const checkpoint = origin === undefined ? undefined : o.memory.get(origin);
  if (checkpoint === undefined) throw localSigstoreError("LOCAL_SIGSTORE_NOT_FOUND");
  return text(checkpoint);
}
