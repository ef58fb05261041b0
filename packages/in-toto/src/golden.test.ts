import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { findingOf, TrustError } from "@countersign/core";
import { openInspector, openReferenceInspector, type Inspector } from "./inspect.node.ts";
import { parseKeyFile } from "./key-file.ts";
import { openLinkDirectory } from "./link-source.node.ts";
import { parseMetadata } from "./metadata.ts";
import type { Mode } from "./mode.ts";
import { openProduct } from "./product.node.ts";
import { verifyLayout } from "./verify.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const golden = join(root, "../shared/data/in-toto/golden");
const cases = join(golden, "cases");
const now = new Date("2026-11-22T00:00:00Z");
const scratch = mkdtempSync(join(tmpdir(), "countersign-golden-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Case {
  readonly args: readonly string[];
  readonly description: string;
  readonly "1.3.1": { readonly exit: number };
  readonly "2.2.0": { readonly exit: number };
}

interface Answer {
  readonly isAllowed: boolean;
  readonly codes: readonly string[];
  readonly hasClaims: boolean;
}

/** As in-toto-verify with these arguments, in a copy of the case, with every inspection allowed. */
function answer(name: string, args: readonly string[], mode: Mode): Answer {
  const base = mkdtempSync(join(scratch, "case-"));
  const directory = join(base, "cases", name);
  cpSync(join(cases, name), directory, { recursive: true });
  cpSync(join(golden, "keys"), join(base, "keys"), { recursive: true });
  const links = openLinkDirectory(join(directory, valueOf(args, "--link-dir")[0] ?? "."));
  const isHidden = (path: string): boolean => links.opened.has(resolve(directory, path));
  const permit = { product: directory, isHidden };
  const inspector: Inspector =
    mode === "strict" ? openInspector(permit) : openReferenceInspector(permit, { PATH: process.env["PATH"] ?? "" });
  try {
    const answered = verifyLayout({
      layout: parseMetadata(readFileSync(join(directory, valueOf(args, "-l")[0] ?? "")), mode),
      keys: valueOf(args, "-k").map((path) => parseKeyFile(readFileSync(join(directory, path)))),
      links,
      now,
      mode,
      inspect: inspector.run,
      sublayoutInspect: inspector.run,
      product: openProduct(directory, isHidden),
    });
    const codes = answered.findings.filter(({ level }) => level !== "warn").map(({ code }) => code);
    return { isAllowed: answered.verdict === "allowed", codes, hasClaims: answered.claims !== undefined };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { isAllowed: false, codes: [findingOf(error).code], hasClaims: false };
  } finally {
    inspector.close();
  }
}

function valueOf(args: readonly string[], flag: string): readonly string[] {
  const at = args.indexOf(flag);
  if (at === -1) return [];
  const rest = args.slice(at + 1);
  const end = rest.findIndex((word) => word.startsWith("-"));
  return end === -1 ? rest : rest.slice(0, end);
}

/** The rows of the table in docs/in-toto.md: case → code. */
function stricterCases(): ReadonlyMap<string, string> {
  const page = readFileSync(join(root, "docs/in-toto.md"), "utf8");
  const rows = [...page.matchAll(/^\| `?(\d{3}|unicode)`? .*?\| `(INTOTO_[A-Z0-9_]+)` \|/gm)];
  return new Map(rows.map(([, name = "", code = ""]) => [name, code]));
}

const isThere = existsSync(cases);
const names = isThere ? readdirSync(cases).filter((name) => !name.endsWith(".json")) : [];

describe.skipIf(!isThere)(`golden cases of the reference (${relative(root, cases)})`, () => {
  test.each(names)("%s", (name) => {
    const expected = JSON.parse(readFileSync(join(cases, `${name}.json`), "utf8")) as Case;
    const compat = answer(name, expected.args, "compat");
    expect({ ...compat, codes: [] }).toEqual({ isAllowed: expected["1.3.1"].exit === 0, codes: [], hasClaims: false });
    const strict = answer(name, expected.args, "strict");
    const stricter = stricterCases().get(name.slice(0, 3));
    if (compat.isAllowed && stricter !== undefined) expect(strict.codes).toContain(stricter);
    else
      expect({ name, ...strict, codes: compat.isAllowed ? strict.codes : [] }).toMatchObject({
        isAllowed: compat.isAllowed,
        codes: [],
      });
    expect(strict.hasClaims).toBe(strict.isAllowed);
  });
});
