import { base64, generateSigner, makeVerifier, utf8 } from "@countersign/core";
import { expect, test } from "vitest";
import { codeOfSync } from "../vectors/code-of.ts";
import { formatCheckpoint, type LogKey } from "./checkpoint.ts";
import { cosignerKey, cosignerSigner } from "./cosignature.ts";
import { leafHash, nodeHash } from "./merkle.ts";
import { signNote } from "./note.ts";
import { checkLogProof, formatLogProof, maxLogProofBytes, maxProofExtraBytes, parseLogProof } from "./proof.ts";
import { makeQuorum } from "./quorum.ts";
import { noteSigner } from "./vkey.ts";

const [leaf, sibling] = [leafHash(utf8("a")), leafHash(utf8("b"))];
const signer = generateSigner("ed25519");
const witness = generateSigner("ed25519");
const log: LogKey = { name: "log.example", verifier: makeVerifier(signer.spki), dialect: "c2sp" };
const quorum = makeQuorum(1, [cosignerKey({ name: "w.example", verifier: makeVerifier(witness.spki) })]);
const checkpoint = await signNote(
  formatCheckpoint({ origin: "log.example", size: 2n, root: nodeHash(leaf, sibling), extensions: [] }),
  [
    noteSigner({ name: "log.example", signer }),
    cosignerSigner({ name: "w.example", signer: witness, nowSeconds: () => 1n }),
  ],
);
const proof = { index: 0n, path: [sibling], checkpoint };
const text = `c2sp.org/tlog-proof@v1\nindex 0\n${base64(sibling)}\n\n${checkpoint}`;

test("parse and format are inverse", () => {
  expect(formatLogProof(proof)).toBe(text);
  expect(parseLogProof(text)).toEqual(proof);
  expect(parseLogProof(utf8(text))).toEqual(proof);
  const more = { ...proof, extra: utf8("extra"), index: 2n ** 60n, path: [] };
  expect(formatLogProof(more)).toContain("\nextra ZXh0cmE=\nindex 1152921504606846976\n\n");
  expect(parseLogProof(formatLogProof(more))).toEqual(more);
});

test("checked: log, witnesses and inclusion", () => {
  expect(checkLogProof(parseLogProof(text), leaf, { log, quorum }).size).toBe(2n);
  expect(checkLogProof(proof, leaf, { log }).origin).toBe("log.example");
  expect(codeOfSync(() => checkLogProof(proof, sibling, { log }))).toBe("TLOG_ROOT_MISMATCH");
  expect(codeOfSync(() => checkLogProof({ ...proof, index: 1n }, leaf, { log }))).toBe("TLOG_ROOT_MISMATCH");
  expect(codeOfSync(() => checkLogProof({ ...proof, index: 2n }, leaf, { log }))).toBe("TLOG_PROOF_RANGE");
  expect(codeOfSync(() => checkLogProof({ ...proof, path: [] }, leaf, { log }))).toBe("TLOG_PROOF_LENGTH");
  expect(codeOfSync(() => checkLogProof(proof, leaf, { log: { ...log, name: "other" } }))).toBe(
    "TLOG_CHECKPOINT_NO_SIGNATURE",
  );
  const strangers = makeQuorum(1, [cosignerKey({ name: "x.example", verifier: makeVerifier(witness.spki) })]);
  expect(codeOfSync(() => checkLogProof(proof, leaf, { log, quorum: strangers }))).toBe("TLOG_QUORUM_UNMET");
});

test.each([
  ["nothing", ""],
  ["another version", text.replace("@v1", "@v2")],
  ["no empty line", text.replaceAll("\n\n", "\n")],
  ["no index", text.replace("index 0\n", "")],
  ["two extras", text.replace("index", "extra AA==\nextra AA==\nindex")],
  ["extra after the index", text.replace("index 0\n", "index 0\nextra AA==\n")],
  ["bad base64 in extra", text.replace("index", "extra A\nindex")],
  ["an extra too large", text.replace("index", `extra ${base64(new Uint8Array(maxProofExtraBytes + 1))}\nindex`)],
  ["a short hash", text.replace(base64(sibling), base64(sibling.subarray(1)))],
  ["a hash that is not base64", text.replace(base64(sibling), "!")],
  ["too many hashes", text.replace("index 0\n", `index 0\n${`${base64(sibling)}\n`.repeat(64)}`)],
  ["carriage returns", text.replaceAll("\n", "\r\n")],
])("refuses %s", (_, bad) => {
  expect(codeOfSync(() => parseLogProof(bad))).toBe("TLOG_PROOF_MALFORMED");
});

test("refuses an index or checkpoint of the wrong form, bytes that are not UTF-8, and too much", () => {
  for (const index of ["01", "-1", "", "1 ", "18446744073709551616"]) {
    expect(codeOfSync(() => parseLogProof(text.replace("index 0", `index ${index}`)))).toBe(
      "TLOG_CHECKPOINT_MALFORMED",
    );
  }
  expect(codeOfSync(() => parseLogProof(text.slice(0, -1)))).toBe("TLOG_NOTE_MALFORMED");
  expect(codeOfSync(() => parseLogProof(utf8(text).with(5, 0xff)))).toBe("TLOG_PROOF_MALFORMED");
  expect(codeOfSync(() => parseLogProof(" ".repeat(maxLogProofBytes + 1)))).toBe("TLOG_PROOF_MALFORMED");
  expect(codeOfSync(() => formatLogProof({ ...proof, path: [leaf.subarray(1)] }))).toBe("TLOG_PROOF_MALFORMED");
});
