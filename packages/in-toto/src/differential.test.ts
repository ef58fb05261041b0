import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { TrustError } from "@countersign/core";
import { owner } from "./chain.contract.ts";
import { openInspector, openReferenceInspector } from "./inspect.node.ts";
import { parseLayoutKey } from "./key.ts";
import { openLinkDirectory } from "./link-source.node.ts";
import { parseMetadata } from "./metadata.ts";
import type { Mode } from "./mode.ts";
import { openProduct } from "./product.node.ts";
import { randomChain, type RandomChain } from "./random-chain.contract.ts";
import { verifyLayout } from "./verify.ts";

/**
 * A Python that has in-toto 2.2.0, for chains in DSSE envelopes; nothing of ours installs one. With pip, in a virtual environment:
 * in-toto 2.2.0 and securesystemslib 0.31.0.
 */
const newerPython = process.env["COUNTERSIGN_IN_TOTO_DSSE"];
/** Debian's Python, which has Debian's in-toto; `npm run test:in-toto-diff` sets the variable, other runs only replay. */
const python = "/usr/bin/python3";
const isAsked = process.env["COUNTERSIGN_IN_TOTO_DIFF"] !== undefined;
const isThere = isAsked && spawnSync(python, ["-c", "import in_toto"]).status === 0;
const count = Number(process.env["COUNTERSIGN_IN_TOTO_DIFF"] ?? 0) || 600;
const seed = Number(process.env["COUNTERSIGN_SEED"] ?? 20_261_122);

const here = fileURLToPath(new URL(".", import.meta.url));
const vectors = join(here, "../vectors/differential");
const scratch = mkdtempSync(join(tmpdir(), "countersign-diff-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const saved = existsSync(vectors) ? readdirSync(vectors).filter((name) => name.endsWith(".json")) : [];

interface Vector extends RandomChain {
  readonly reference: { readonly ok: boolean; readonly error: string };
}

function lay(chain: RandomChain): string {
  const directory = mkdtempSync(join(scratch, "chain-"));
  for (const [path, text] of Object.entries(chain.files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

/** `allowed`, or the codes of the refusal. */
function ours(chain: RandomChain, mode: Mode): string {
  const directory = lay(chain);
  const product = join(directory, "product");
  const links = openLinkDirectory(directory);
  const isHidden = (path: string): boolean => links.opened.has(resolve(product, path));
  const permit = { product, isHidden };
  const inspector =
    mode === "strict" ? openInspector(permit) : openReferenceInspector(permit, { PATH: "/usr/bin:/bin" });
  try {
    const { verdict, findings } = verifyLayout({
      layout: parseMetadata(readFileSync(join(directory, "root.layout")), mode),
      keys: [parseLayoutKey(owner.json)],
      links,
      now: new Date("2026-11-22T00:00:00Z"),
      mode,
      inspect: inspector.run,
      sublayoutInspect: inspector.run,
      product: openProduct(product, isHidden),
      substitutions: chain.substitutions === undefined ? undefined : new Map(Object.entries(chain.substitutions)),
    });
    if (verdict === "allowed") return verdict;
    return findings
      .filter(({ level }) => level !== "warn")
      .map(({ code }) => code)
      .join(" ");
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  } finally {
    inspector.close();
    rmSync(directory, { recursive: true });
  }
}

/** The default reads what was signed, also members that the reference drops before it checks the signature; and it knows P-521. */
function isWider({ files, reference }: Vector): boolean {
  // Nor does a listed key of an unknown kind end it all, if nothing needs the key.
  if (/Unsupported (?:public key|signature scheme)/.test(reference.error)) return true;
  // In envelopes a signature need not name its key (DSSE); one that does not is passed over.
  if (reference.error === "KeyError: 'keyid'") return true;
  return Object.values(files).some((text) => text.includes('"extra":'));
}

/** What only the default refuses: the codes in the table of docs/in-toto.md. */
function tableCodes(): ReadonlySet<string> {
  const page = readFileSync(join(here, "../../../docs/in-toto.md"), "utf8");
  const rows = page.split("\n").filter((line) => /^\| (?:–|\d{3}|unicode) \|/.test(line));
  return new Set(
    rows.flatMap((row) => [...row.matchAll(/`((?:INTOTO|CORE)_[A-Z0-9_]+)`/g)].map(([, code]) => code as string)),
  );
}

/** Asks the reference in one process; answers come in order. */
async function askReference(program: string, chains: readonly RandomChain[]): Promise<readonly Vector["reference"][]> {
  const child = spawn(program, ["-B", join(here, "reference.contract.py")], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answers: Vector["reference"][] = [];
  for (const chain of chains) {
    const dir = lay(chain);
    child.stdin.write(
      `${JSON.stringify({ dir, keys: { [owner.keyid]: owner.json }, substitutions: chain.substitutions })}\n`,
    );
    // oxlint-disable-next-line no-await-in-loop -- one process answers one question at a time
    const { value } = (await lines.next()) as { readonly value: string };
    answers.push(JSON.parse(value) as Vector["reference"]);
    rmSync(dir, { recursive: true });
  }
  child.stdin.end();
  return answers;
}

function save(vector: Vector): string {
  const text = `${JSON.stringify(vector, null, 1)}\n`;
  const name = `${createHash("sha256").update(text).digest("hex").slice(0, 12)}.json`;
  writeFileSync(join(vectors, name), text);
  return name;
}

describe.skipIf(saved.length === 0)("counterexamples of earlier runs", () => {
  test.each(saved)("%s", (name) => {
    const vector = JSON.parse(readFileSync(join(vectors, name), "utf8")) as Vector;
    expect(ours(vector, "compat") === "allowed").toBe(vector.reference.ok);
    if (!vector.reference.ok && !isWider(vector)) expect(ours(vector, "strict")).not.toBe("allowed");
  });
});

test.skipIf(!isAsked)("the reference is installed (Debian's package in-toto)", () => expect(isThere).toBe(true));

const forms = [
  ["metablock", python, isThere],
  ["dsse", newerPython ?? "", isAsked && newerPython !== undefined],
] as const;

describe.each(forms)(
  `%s: ${count} random chains asked of the reference too (seed ${seed})`,
  (form, program, isReady) => {
    test.skipIf(!isReady)(
      "compat: no difference; default: only what the table names",
      { timeout: 600_000 },
      async () => {
        const chains = fc.sample(randomChain(form), { numRuns: count, seed });
        const answers = await askReference(program, chains);
        const known = tableCodes();
        const differences: string[] = [];
        for (const [at, chain] of chains.entries()) {
          const reference = answers[at] as Vector["reference"];
          const compat = ours(chain, "compat");
          const strict = ours(chain, "strict").split(" ");
          const isCompatRight = (compat === "allowed") === reference.ok;
          const isStrictRight = reference.ok
            ? strict.some((code) => code === "allowed" || known.has(code))
            : !strict.includes("allowed") || isWider({ ...chain, reference });
          if (!isCompatRight || !isStrictRight)
            differences.push(
              `${save({ ...chain, reference })}: reference ${reference.ok ? "allowed" : reference.error}; compat ${compat}; default ${strict.join(" ")}`,
            );
        }
        const accepted = answers.filter(({ ok }) => ok).length;
        process.stdout.write(
          `${form}: reference: ${accepted} of ${count} accepted; ${differences.length} differences\n`,
        );
        expect(differences).toEqual([]);
        expect(accepted).toBeGreaterThanOrEqual(count * 0.3);
        expect(count - accepted).toBeGreaterThanOrEqual(count * 0.3);
      },
    );
  },
);
