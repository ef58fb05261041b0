import { existsSync, readFileSync } from "node:fs";
import { generateSigner, hex, makeVerifier, utf8 } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { codeOf, codeOfSync } from "../vectors/code-of.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import {
  cosign,
  cosignerKey,
  cosignerSigner,
  formatCosignature,
  maxCosignatureSeconds,
  parseCosignature,
  subtreeMessage,
} from "./cosignature.ts";
import { leafHash } from "./merkle.ts";
import { checkNote, formatNote, parseNote, signNote, type Note } from "./note.ts";
import { noteSigner, parseVkey } from "./vkey.ts";

const root = leafHash(new Uint8Array(1));
const text = formatCheckpoint({ origin: "log.example", size: 9n, root, extensions: ["extension"] });
const log = noteSigner({ name: "log.example", signer: generateSigner("ed25519") });

describe.each(["ed25519", "ml-dsa-44"] as const)("%s", (algorithm) => {
  const signer = generateSigner(algorithm);
  const key = cosignerKey({ name: "w.example", verifier: makeVerifier(signer.spki) });
  const witness = cosignerSigner({ name: "w.example", signer, nowSeconds: () => 1_700_000_000n });

  async function cosigned(): Promise<Note> {
    const signed = await signNote(text, [log]);
    const note = parseNote(signed);
    return parseNote(formatNote({ ...note, signatures: [...note.signatures, await cosign(signed, witness)] }));
  }

  test("made, found among the lines, and its time read", async () => {
    const [verified, ...more] = checkNote(await cosigned(), [key]);
    expect(more).toEqual([]);
    expect(verified).toMatchObject({ timestamp: 1_700_000_000n });
    expect(verified?.key.name).toBe("w.example");
  });

  test("another time, size, root, origin or key is refused", async () => {
    const note = await cosigned();
    const line = note.signatures[1]!;
    const later = { ...line, signature: line.signature.with(7, line.signature[7]! ^ 1) };
    expect(codeOfSync(() => checkNote({ ...note, signatures: [later] }, [key]))).toBe("TLOG_SIGNATURE_BAD");
    for (const [from, to] of [
      ["\n9\n", "\n8\n"],
      ["log.example", "log.examplf"],
    ] as const) {
      expect(codeOfSync(() => checkNote({ ...note, text: note.text.replace(from, to) }, [key]))).toBe(
        "TLOG_SIGNATURE_BAD",
      );
    }
    const stranger = cosignerKey({ name: "w.example", verifier: makeVerifier(generateSigner(algorithm).spki) });
    expect(codeOfSync(() => checkNote(note, [{ ...stranger, keyHint: key.keyHint }]))).toBe("TLOG_SIGNATURE_BAD");
    expect(codeOfSync(() => checkNote(note, [stranger]))).toBe("TLOG_NOTE_UNSIGNED");
  });

  test("extension lines are covered by Ed25519 only", async () => {
    const note = await cosigned();
    const changed = { ...note, text: note.text.replace("extension", "another") };
    expect(codeOfSync(() => checkNote(changed, [key]))).toBe(
      algorithm === "ed25519" ? "TLOG_SIGNATURE_BAD" : "accepted",
    );
  });

  test("only checkpoints are cosigned", async () => {
    const note = await signNote("no checkpoint\n", [log]);
    expect(await codeOf(() => cosign(note, witness))).toBe("TLOG_CHECKPOINT_MALFORMED");
    expect(await codeOf(() => cosign("no note", witness))).toBe("TLOG_NOTE_MALFORMED");
  });

  test("times out of range are refused on both sides", async () => {
    const signed = await signNote(text, [log]);
    for (const time of [-1n, maxCosignatureSeconds + 1n]) {
      const bad = cosignerSigner({ name: "w.example", signer, nowSeconds: () => time });
      expect(await codeOf(() => cosign(signed, bad))).toBe("TLOG_COSIGNATURE_MALFORMED");
    }
    const note = await cosigned();
    const line = note.signatures[1]!;
    for (const signature of [
      line.signature.with(0, 0x80),
      line.signature.subarray(1),
      line.signature.subarray(0, 8),
      Uint8Array.of(...line.signature, 0),
    ]) {
      expect(codeOfSync(() => checkNote({ ...note, signatures: [{ ...line, signature }] }, [key]))).toBe(
        "TLOG_COSIGNATURE_MALFORMED",
      );
    }
  });
});

test("format and parse are inverse; a log's signature is none", () => {
  const bytes = formatCosignature({ timestamp: 2n ** 40n + 5n, signature: new Uint8Array(64).fill(3) });
  expect(parseCosignature(bytes, "cosignature-ed25519")).toEqual({
    timestamp: 2n ** 40n + 5n,
    signature: new Uint8Array(64).fill(3),
  });
  expect(codeOfSync(() => parseCosignature(bytes, "ed25519"))).toBe("TLOG_COSIGNATURE_MALFORMED");
  expect(codeOfSync(() => parseCosignature(bytes, "cosignature-ml-dsa-44"))).toBe("TLOG_COSIGNATURE_MALFORMED");
});

test("no cosigner with another kind of key", () => {
  const signer = generateSigner("ecdsa-p256-sha256");
  expect(codeOfSync(() => cosignerKey({ name: "w", verifier: makeVerifier(signer.spki) }))).toBe(
    "TLOG_KEY_UNSUPPORTED",
  );
  expect(codeOfSync(() => cosignerSigner({ name: "w", signer, nowSeconds: () => 0n }))).toBe("TLOG_KEY_UNSUPPORTED");
});

test("the bytes of a subtree cosignature", () => {
  const message = subtreeMessage({ name: "w", timestamp: 258n, origin: "log", start: 0n, end: 9n, hash: root });
  const fields = ["0000000000000102", "03", hex(utf8("log")), "0000000000000000", "0000000000000009", hex(root)];
  expect(hex(message)).toBe(`${hex(utf8("subtree/v1\n"))}000177${fields.join("")}`);
  const good = { name: "w", timestamp: 0n, origin: "log", start: 4n, end: 8n, hash: root };
  expect(subtreeMessage(good).length).toBe(12 + 2 + 8 + 4 + 16 + 32);
  for (const bad of [
    { timestamp: 1n },
    { start: 9n },
    { start: -1n },
    { end: 2n ** 64n },
    { name: "w".repeat(256) },
    { origin: "é".repeat(128) },
  ]) {
    expect(codeOfSync(() => subtreeMessage({ ...good, ...bad }))).toBe("TLOG_COSIGNATURE_MALFORMED");
  }
});

const real = new URL(
  "../../../../shared/data/sigstore/bundle-verify/rekor2-dsse-happy-path/bundle.sigstore.json",
  import.meta.url,
).pathname;
test.skipIf(!existsSync(real))("live cosignatures on a checkpoint of Rekor v2", () => {
  const bundle = JSON.parse(readFileSync(real, "utf8"));
  const note = parseNote(bundle.verificationMaterial.tlogEntries[0].inclusionProof.checkpoint.envelope as string);
  const witnesses = [
    "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
  ].map(parseVkey);
  const seen = checkNote(note, witnesses);
  expect(seen.map(({ timestamp }) => new Date(Number(timestamp) * 1000).toISOString())).toEqual([
    "2026-05-13T19:23:34.000Z",
    "2026-05-13T19:23:34.000Z",
  ]);
  expect(codeOfSync(() => checkNote({ ...note, text: note.text.replace("4026479", "4026478") }, witnesses))).toBe(
    "TLOG_SIGNATURE_BAD",
  );
});
