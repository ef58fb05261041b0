import { createPublicKey } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { owner } from "../../packages/in-toto/src/chain.contract.ts";
import { randomChain, type RandomChain } from "../../packages/in-toto/src/random-chain.contract.ts";
import { buildPeer, ours, run, type Peer } from "./peer.ts";

const isAsked = process.env["COUNTERSIGN_IN_TOTO_GOLANG"] !== undefined;
const folder = mkdtempSync(join(tmpdir(), "countersign-golang-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const peer: Peer = isAsked ? buildPeer(folder) : { missing: "not asked for" };

const count = 300;
const seed = Number(process.env["COUNTERSIGN_SEED"] ?? 20_261_125);

/** What we refuse and the peer was seen to accept; docs/interop.md says why. */
const onlyOurs: ReadonlySet<string> = new Set([
  "INTOTO_JSON_DUPLICATE",
  "INTOTO_KEY_MALFORMED",
  "INTOTO_LAYOUT_MALFORMED",
  "INTOTO_LINK_MALFORMED",
  "INTOTO_LINK_NAME",
  "INTOTO_METADATA_TYPE",
  "INTOTO_NAME_UNSAFE",
  "INTOTO_RULE_DISALLOWED",
  "INTOTO_SIGNATURE_MALFORMED",
  "INTOTO_STEP_FAILED",
  "INTOTO_THRESHOLD",
]);

interface Answers {
  /** `allowed`, or the codes of the refusal. */
  readonly ours: readonly string[];
  /** `allowed`, or what it said. */
  readonly theirs: string;
}

function ask({ files }: RandomChain): Answers {
  const world = mkdtempSync(join(folder, "chain-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(world, path)), { recursive: true });
    writeFileSync(join(world, path), text);
  }
  writeFileSync(join(world, "owner.pub"), createPublicKey(owner.secret).export({ format: "pem", type: "spki" }));
  const product = join(world, "product");
  const theirs = run(
    product,
    join(folder, "in-toto"),
    "verify",
    "-l",
    "../root.layout",
    "-k",
    "../owner.pub",
    "-d",
    "..",
  );
  const words = ["--layout", "../root.layout", "--key", "../owner.pub", "--link-dir", "..", "--quiet"];
  const mine = ours(product, "verify", ...words);
  rmSync(world, { recursive: true });
  const codes = [...mine.text.matchAll(/error: .*\[([A-Z0-9_]+)\]$/gm)].map(([, code = ""]) => code);
  return { ours: mine.code === 0 ? ["allowed"] : codes, theirs: theirs.code === 0 ? "allowed" : theirs.text.trim() };
}

/** The peer has no substitution, and inspections are compared where the product is made for them. */
function isComparable({ files, substitutions }: RandomChain): boolean {
  return substitutions === undefined && !Object.values(files).some((text) => text.includes('"run"'));
}

describe.skipIf("missing" in peer)(`random chains (seed ${seed})`, { timeout: 280_000 }, () => {
  test("are judged alike, but for what is known", () => {
    const asked = fc.sample(randomChain("metablock", "plain"), { numRuns: count, seed }).filter(isComparable);
    const answers = asked.map((chain) => ({ chain, ...ask(chain) }));
    const accepted = answers.filter(({ theirs }) => theirs === "allowed");
    const stricter = accepted.filter((answer) => !answer.ours.includes("allowed"));
    const laxer = answers.filter((answer) => answer.ours.includes("allowed") && answer.theirs !== "allowed");
    process.stdout.write(
      `in-toto-golang: ${accepted.length} of ${asked.length} accepted; of these we refuse ${stricter.length}; it refuses ${laxer.length} that we accept\n`,
    );
    expect(stricter.filter((answer) => !answer.ours.every((code) => onlyOurs.has(code)))).toEqual([]);
    // Go's patterns have a syntax that can be wrong, and it drops signed members that it does not know before it verifies.
    const isKnown = ({ theirs, chain }: (typeof answers)[number]): boolean =>
      theirs.includes("syntax error in pattern") ||
      Object.values(chain.files).some((text) => text.includes('"extra":'));
    expect(laxer.filter((answer) => !isKnown(answer))).toEqual([]);
    expect(accepted.length).toBeGreaterThan(asked.length * 0.15);
    expect(accepted.length - stricter.length).toBeGreaterThan(20);
  });
});
