import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { formatLayoutReport } from "./explain.ts";
import { parseKeyFile } from "./key-file.ts";
import { openLinkDirectory } from "./link-source.node.ts";
import { parseMetadata } from "./metadata.ts";
import { openProduct } from "./product.node.ts";
import { verifyLayout, type Verification } from "./verify.ts";
import type { Mode } from "./mode.ts";

const golden = fileURLToPath(new URL("../../../../shared/data/in-toto/golden", import.meta.url));
const now = new Date("2026-11-24T00:00:00Z");
const scratch = mkdtempSync(join(tmpdir(), "countersign-golden-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Asked {
  readonly chain: string;
  readonly layout?: string;
  readonly key: string;
  readonly mode?: Mode;
  readonly at?: Date;
  /** Changes a copy of the chain. */
  readonly change?: (folder: string) => void;
}

function verify({ chain, layout = "root.layout", key, mode = "strict", at = now, change }: Asked): Verification {
  const folder = join(mkdtempSync(join(scratch, "chain-")), "chain");
  cpSync(join(golden, "extra", chain), folder, { recursive: true });
  change?.(folder);
  const links = openLinkDirectory(folder);
  return verifyLayout({
    layout: parseMetadata(readFileSync(join(folder, layout)), mode),
    keys: [parseKeyFile(readFileSync(join(golden, key)))],
    links,
    now: at,
    mode,
    product: openProduct(folder, (name) => links.opened.has(resolve(folder, name))),
  });
}

function codes(answer: Verification): string {
  if (answer.verdict === "allowed") return answer.verdict;
  return answer.findings
    .filter(({ level }) => level !== "warn")
    .map(({ code }) => code)
    .join(" ");
}

const modes = ["strict", "compat"] as const;
const owner = "extra/gpg/owner.asc";

describe.skipIf(!existsSync(golden))("chains signed by OpenPGP", () => {
  test.each(modes)("%s: subkeys of one functionary sign both steps", (mode) => {
    const answer = verify({ chain: "gpg", key: owner, mode });
    expect(codes(answer)).toBe("allowed");
    expect(answer.layout.steps.map(({ functionaries }) => functionaries.length)).toEqual([1, 2]);
    expect(answer.claims === undefined).toBe(mode === "compat");
    formatLayoutReport(answer, now);
  });

  test.each(modes)("%s I4: two subkeys of one main key are one functionary", (mode) => {
    expect(codes(verify({ chain: "gpg", layout: "threshold2.layout", key: owner, mode }))).toBe("INTOTO_THRESHOLD");
  });

  test.each(modes)("%s: the functionary is not the owner", (mode) => {
    expect(codes(verify({ chain: "gpg", key: "extra/gpg/func.asc", mode }))).toBe("INTOTO_SIGNATURE_MISSING");
  });

  test.each(modes)("%s: what was changed after it was signed is refused", (mode) => {
    const edit =
      (file: string, from: string, to: string): ((folder: string) => void) =>
      (folder) => {
        const path = join(folder, file);
        const text = readFileSync(path, "utf8");
        expect(text).toContain(from);
        writeFileSync(path, text.replace(from, to));
      };
    const layout = edit("root.layout", '"readme": ""', '"readme": "x"');
    expect(codes(verify({ chain: "gpg", key: owner, mode, change: layout }))).toBe("INTOTO_SIGNATURE_BAD");
    const link = edit("write-code.b797338b.link", '"command": [', '"command": ["x", ');
    expect(codes(verify({ chain: "gpg", key: owner, mode, change: link }))).toBe("INTOTO_THRESHOLD");
    const headers = edit("write-code.b797338b.link", '"other_headers": "0400', '"other_headers": "0401');
    expect(codes(verify({ chain: "gpg", key: owner, mode, change: headers }))).toBe("INTOTO_THRESHOLD");
  });
});

describe.skipIf(!existsSync(golden))("the chain of names in all scripts", () => {
  test.each(modes)("%s", (mode) => {
    const answer = verify({ chain: "unicode", key: "keys/alice.pub", mode });
    expect(codes(answer)).toBe("allowed");
  });
});
