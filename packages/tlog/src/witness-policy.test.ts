import { generateSigner, makeVerifier } from "@countersign/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOfSync } from "../vectors/code-of.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { cosignerKey, cosignerSigner } from "./cosignature.ts";
import { noteKey } from "./key.ts";
import { emptyRoot } from "./merkle.ts";
import { parseNote, signNote, type Note } from "./note.ts";
import { formatVkey } from "./vkey.ts";
import { checkWitnesses, maxWitnessPolicyChars, maxWitnessPolicyLines, parseWitnessPolicy } from "./witness-policy.ts";

const signers = ["a", "b", "c", "d"].map((name) => ({ name, signer: generateSigner("ed25519") }));
const vkeys = Object.fromEntries(
  signers.map(({ name, signer }) => [name, formatVkey(cosignerKey({ name, verifier: makeVerifier(signer.spki) }))]),
);
const logVkey = formatVkey(noteKey({ name: "log", verifier: makeVerifier(generateSigner("ed25519").spki) }));
const text = formatCheckpoint({ origin: "log", size: 0n, root: emptyRoot, extensions: [] });
const witnesses = signers.map(({ name }) => `witness W${name} ${vkeys[name]} https://${name}.example/`).join("\n");

async function seenBy(...names: string[]): Promise<Note> {
  const chosen = signers.filter(({ name }) => names.includes(name));
  return parseNote(
    await signNote(
      text,
      chosen.map((one) => cosignerSigner({ ...one, nowSeconds: () => 1n })),
    ),
  );
}

test("groups in groups, as the specification has them", async () => {
  const policy = parseWitnessPolicy(`# a comment
log ${logVkey} https://log.example/
${witnesses}

group G1 all Wa Wb
group\tG2  any\tWc Wd
group Top 2 G1 G2
quorum Top
`);
  expect([policy.logs.length, policy.witnesses.length]).toEqual([1, 4]);
  expect(checkWitnesses(await seenBy("a", "b", "d"), policy).map(({ key }) => key.name)).toEqual(["a", "b", "d"]);
  for (const names of [["a", "c"], ["a", "b"], ["c", "d"], ["a"]])
    expect(
      codeOfSync(() => checkWitnesses(parsed(names), policy)),
      names.join(),
    ).toBe("TLOG_QUORUM_UNMET");
});

const notes = new Map<string, Note>();
for (const names of [["a", "c"], ["a", "b"], ["c", "d"], ["a"]]) notes.set(names.join(), await seenBy(...names));
const parsed = (names: readonly string[]): Note => notes.get(names.join()) as Note;

test("a single witness, and none", () => {
  const one = parseWitnessPolicy(`${witnesses}\nquorum Wa\n`);
  expect(checkWitnesses(parsed(["a"]), one)).toHaveLength(1);
  expect(codeOfSync(() => checkWitnesses(parsed(["c", "d"]), one))).toBe("TLOG_QUORUM_UNMET");
  expect(checkWitnesses(parsed(["c", "d"]), parseWitnessPolicy(`${witnesses}\nquorum none\n`))).toHaveLength(2);
});

test.each([
  ["no quorum", witnesses],
  ["two quorums", `${witnesses}\nquorum Wa\nquorum Wb`],
  ["a quorum of what is not there", "quorum Wz"],
  ["a word that is none", "watcher x"],
  ["a group of nobody", "group G any\nquorum none"],
  ["a group of more than there are", `${witnesses}\ngroup G 3 Wa Wb\nquorum G`],
  ["a group of none of them", `${witnesses}\ngroup G 0 Wa Wb\nquorum G`],
  ["a member twice", `${witnesses}\ngroup G 2 Wa Wa\nquorum G`],
  ["a member of two groups", `${witnesses}\ngroup G 1 Wa\ngroup H 1 Wa\nquorum H`],
  ["a name before it is defined", `group G 1 Wa\n${witnesses}\nquorum G`],
  ["a name twice", `${witnesses}\ngroup Wa 1 Wb\nquorum Wb`],
  ["the name none", `witness none ${vkeys["a"]}\nquorum none`],
  ["a key twice, under another name", `witness X ${vkeys["a"]}\nwitness Y ${vkeys["a"]}\nquorum X`],
  ["a log's key for a witness", `witness X ${logVkey}\nquorum X`],
  ["a URL that is none", `witness X ${vkeys["a"]} nowhere\nquorum X`],
  ["too many words", `witness X ${vkeys["a"]} https://x/ y\nquorum X`],
  ["a log without a key", "log\nquorum none"],
  ["a witness's key for a log", `log ${vkeys["a"]}\nquorum none`],
  ["a carriage return", `${witnesses}\r\nquorum Wa`],
  ["a name that ends with a space of another alphabet", `${witnesses}\nquorum Wa\u00a0`],
  ["a comment behind such a space", `${witnesses}\nquorum Wa\n\u00a0# ours`],
  ["more lines than anybody writes", "quorum none\n".repeat(maxWitnessPolicyLines + 1)],
  ["more text than anybody writes", "#".repeat(maxWitnessPolicyChars + 1)],
])("%s is refused", (_, policy) => {
  expect(codeOfSync(() => parseWitnessPolicy(policy))).toBe("TLOG_WITNESS_POLICY_MALFORMED");
});

test("any text is a policy or refused, and one without a met quorum never passes", () => {
  const words = fc.constantFrom(
    "witness",
    "group",
    "quorum",
    "Wa",
    "Wb",
    "G",
    "none",
    "any",
    "all",
    "1",
    "2",
    vkeys["a"] ?? "",
    vkeys["b"] ?? "",
  );
  const lines = fc.array(
    fc.array(words, { maxLength: 5 }).map((each) => each.join(" ")),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(lines, (each) => {
      const outcome = codeOfSync(() => parseWitnessPolicy(each.join("\n")));
      expect(outcome ?? "").toMatch(/^(TLOG_.*|accepted)?$/);
    }),
  );
});
