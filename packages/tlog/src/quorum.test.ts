import { generateSigner, makeVerifier } from "@countersign/core";
import { expect, test } from "vitest";
import { codeOfSync } from "../vectors/code-of.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { cosignerKey, cosignerSigner } from "./cosignature.ts";
import { emptyRoot } from "./merkle.ts";
import { parseNote, signNote, type Note } from "./note.ts";
import { checkQuorum, makeQuorum } from "./quorum.ts";

const signers = ["a", "b", "c"].map((name) => ({ name, signer: generateSigner("ed25519") }));
const [a, b, c] = signers.map(({ name, signer }) => cosignerKey({ name, verifier: makeVerifier(signer.spki) })) as [
  Key,
  Key,
  Key,
];
type Key = ReturnType<typeof cosignerKey>;
const text = formatCheckpoint({ origin: "log", size: 0n, root: emptyRoot, extensions: [] });

async function seenBy(...names: string[]): Promise<Note> {
  const witnesses = names.map((name) => signers.find((one) => one.name === name)!);
  return parseNote(
    await signNote(
      text,
      witnesses.map((one, i) => cosignerSigner({ ...one, nowSeconds: () => BigInt(i + 1) })),
    ),
  );
}

test("enough witnesses", async () => {
  expect(checkQuorum(await seenBy("a", "c"), makeQuorum(2, [a, b, c])).map(({ key }) => key.name)).toEqual(["a", "c"]);
  expect(checkQuorum(await seenBy("a", "b", "c"), makeQuorum(1, [b])).length).toBe(1);
});

test("too few, also if one of them signed twice at two times", async () => {
  for (const names of [["a"], ["a", "a"], ["c", "c", "c"]]) {
    const note = await seenBy(...names);
    expect(codeOfSync(() => checkQuorum(note, makeQuorum(2, [a, b, c])))).toBe("TLOG_QUORUM_UNMET");
  }
});

test("quorums that cannot be", () => {
  for (const threshold of [0, 3, -1, 1.5, Number.NaN])
    expect(codeOfSync(() => makeQuorum(threshold, [a, b]))).toBe("TLOG_QUORUM_INVALID");
  expect(codeOfSync(() => makeQuorum(1, []))).toBe("TLOG_QUORUM_INVALID");
  expect(codeOfSync(() => makeQuorum(2, [a, a]))).toBe("TLOG_QUORUM_INVALID");
  expect(makeQuorum(1, [a, a]).witnesses.length).toBe(1);
  expect(codeOfSync(() => makeQuorum(1, [a, cosignerKey({ name: "z", verifier: a.verifier })]))).toBe(
    "TLOG_QUORUM_INVALID",
  );
  expect(codeOfSync(() => makeQuorum(1, [a, cosignerKey({ name: "a", verifier: b.verifier })]))).toBe(
    "TLOG_QUORUM_INVALID",
  );
});
