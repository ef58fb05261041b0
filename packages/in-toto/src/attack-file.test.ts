import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TrustError } from "@countersign/core";
import {
  artifacts,
  fileOf,
  inspection,
  layout,
  link,
  owner,
  signed,
  step,
  verdictOf,
  type Asked,
} from "./chain.contract.ts";
import { openInspector, openReferenceInspector } from "./inspect.node.ts";
import { openLinkDirectory } from "./link-source.node.ts";
import type { LinkSource } from "./link-source.ts";
import { parseLayoutKey } from "./key.ts";
import { parseMetadata } from "./metadata.ts";
import { verifyLayout } from "./verify.ts";
import { ann, source, chain } from "./attack-chain.contract.ts";

describe("I5 names with path parts", () => {
  const opened: string[] = [];
  const spy: LinkSource = { open: (name) => void opened.push(name), sub: () => spy };
  const askDisk = (asked: Asked): string => {
    opened.splice(0);
    try {
      return verifyLayout({
        layout: parseMetadata(asked.layout, "strict"),
        keys: [parseLayoutKey(owner.json)],
        links: spy,
        now: new Date("2026-01-01T00:00:00Z"),
      }).verdict;
    } catch (error) {
      return (error as TrustError).code;
    }
  };

  test.each(["../pack", "a/b", "/etc/passwd", "..", ".", "", "a\\b", "a\u0000b", "a\nb", "x".repeat(129)])(
    "name %j of a step or inspection: refused, nothing opened",
    (name) => {
      expect(askDisk(chain({ packStep: { name } }))).toBe("INTOTO_NAME_UNSAFE");
      expect(askDisk(chain({ layout: { inspect: [inspection(name, ["true"])] } }))).toBe("INTOTO_NAME_UNSAFE");
      expect(opened).toEqual([]);
    },
  );

  test.each(["../a", "a/../b", "./a", "a/./b", "/a", "a//b", "a/", "", "a\\b", "a\u0000b", ".", ".."])(
    "artifact path %j: refused",
    (path) => {
      expect(verdictOf(chain({ write: { products: { ...source, [path]: { sha256: "0".repeat(64) } } } }))).toBe(
        "INTOTO_NAME_UNSAFE",
      );
    },
  );
});

describe("I6 extra files that default excludes hide", () => {
  let folder = "";
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "countersign-i6-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const look = {
    inspect: [
      inspection("look", ["true"], {
        expected_materials: [
          ["ALLOW", "app.tar"],
          ["DISALLOW", "*"],
        ],
      }),
    ],
  };
  const askOnDisk = (asked: Asked, mode: "strict" | "compat"): string => {
    for (const [name, bytes] of Object.entries(asked.files ?? {})) writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, "app.tar"), "tar");
    const links = openLinkDirectory(folder);
    const isHidden = (path: string): boolean => links.opened.has(resolve(folder, path));
    const permit = { product: folder, isHidden };
    const inspector =
      mode === "strict" ? openInspector(permit) : openReferenceInspector(permit, { PATH: "/usr/bin:/bin" });
    const answered = verifyLayout({
      layout: parseMetadata(asked.layout, mode),
      keys: [parseLayoutKey(owner.json)],
      links,
      now: new Date("2026-01-01T00:00:00Z"),
      mode,
      inspect: inspector.run,
    });
    inspector.close();
    return answered.verdict === "allowed"
      ? "allowed"
      : answered.findings
          .filter(({ level }) => level !== "warn")
          .map(({ code }) => code)
          .join(" ");
  };

  test("only the links that this run loaded are left out", () => {
    expect(askOnDisk(chain({ layout: look }), "strict")).toBe("allowed");
  });

  test.each([".git/hook", "evil.pyc", "run.sh~", "evil.link.sh", "pack.00000000.link", ".hidden"])(
    "%s is seen",
    (path) => {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), "evil");
      expect(askOnDisk(chain({ layout: look }), "strict")).toBe("INTOTO_RULE_DISALLOWED");
      expect(askOnDisk(chain({ layout: look }), "compat")).toBe(
        path === ".hidden" ? "INTOTO_RULE_DISALLOWED" : "allowed",
      );
    },
  );

  test.each([
    ["a directory link", () => symlinkSync(tmpdir(), join(folder, "out"))],
    ["a link to itself", () => symlinkSync("loop", join(folder, "loop"))],
    ["a link to nothing", () => symlinkSync("nothing", join(folder, "gone"))],
    ["a link out of the product", () => symlinkSync("/etc/passwd", join(folder, "passwd"))],
  ])("%s is refused, since rules could not see what is behind", (_, make) => {
    make();
    expect(askOnDisk(chain({ layout: look }), "strict")).toBe("INTOTO_PRODUCT_UNSUPPORTED");
  });
});

describe("I7 work without end", () => {
  test("patterns of 30 stars", () => {
    const stars = "*a".repeat(30);
    const products = artifacts(
      Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`${"a".repeat(100)}${at}`, "x"])),
    );
    const started = process.cpuUsage().user;
    expect(
      verdictOf(chain({ write: { products }, packStep: { expected_materials: [["DISALLOW", `${stars}b`]] } })),
    ).toContain("INTOTO_RULE_DISALLOWED");
    expect(process.cpuUsage().user - started).toBeLessThan(3_000_000);
  });

  test("10^6 rules, each a pattern", () => {
    const rules = Array.from({ length: 300_000 }, () => ["ALLOW", "x*y"]);
    const answered = verdictOf(chain({ packStep: { expected_products: rules } }));
    expect(["allowed", "INTOTO_TOO_LARGE"]).toContain(answered);
    const many = Array.from({ length: 1_000_001 }, () => ["ALLOW", ""]);
    expect(verdictOf(chain({ packStep: { expected_products: many } }))).toMatch(
      /^INTOTO_(TOO_LARGE|LAYOUT_MALFORMED)$/,
    );
  });

  /** Sublayouts inside each other; the innermost step has a link. */
  const nested = (depth: number): Asked => {
    const files: Record<string, Uint8Array> = {};
    let path = "";
    for (let at = 0; at < depth; at++) {
      files[`${path}${fileOf("s", ann)}`] = signed(layout([ann], [step("s", [ann])], { readme: `level ${at}` }), [ann]);
      path += `${fileOf("s", ann, "")}/`;
    }
    files[`${path}${fileOf("s", ann)}`] = signed(link("s"), [ann]);
    return { layout: signed(layout([ann], [step("s", [ann])]), [owner]), files };
  };

  test("sublayouts 32 deep are allowed, 33 and 1,000 deep are refused", () => {
    expect(verdictOf(nested(32))).toBe("allowed");
    expect(verdictOf(nested(33))).toBe("INTOTO_SUBLAYOUT_DEPTH");
    expect(verdictOf(nested(1000))).toBe("INTOTO_SUBLAYOUT_DEPTH");
    expect(verdictOf({ ...nested(1000), mode: "compat" })).toBe("INTOTO_SUBLAYOUT_DEPTH");
  });

  test("a layout that contains itself", () => {
    const self = signed(layout([ann], [step("s", [ann])]), [ann, owner]);
    const loop: LinkSource = { open: () => self, sub: () => loop };
    const question = {
      layout: parseMetadata(self, "strict"),
      keys: [parseLayoutKey(owner.json)],
      links: loop,
      now: new Date("2026-01-01T00:00:00Z"),
    };
    expect(verifyLayout(question).findings.map(({ code }) => code)).toEqual(["INTOTO_SUBLAYOUT_CYCLE"]);
    const lax = { ...question, layout: parseMetadata(self, "compat"), mode: "compat" } as const;
    expect(verifyLayout(lax).findings.map(({ code }) => code)).toEqual(["INTOTO_SUBLAYOUT_DEPTH"]);
  });

  test("sublayouts that fan out", () => {
    const two = (readme: string): Uint8Array =>
      signed(layout([ann], [step("s", [ann]), step("t", [ann])], { readme }), [ann, owner]);
    const fan = (depth: number): LinkSource => ({ open: () => two(`${depth}`), sub: () => fan(depth + 1) });
    const question = {
      layout: parseMetadata(two("root"), "strict"),
      keys: [parseLayoutKey(owner.json)],
      links: fan(0),
      now: new Date("2026-01-01T00:00:00Z"),
    };
    expect(verifyLayout(question).findings[0]?.code).toBe("INTOTO_SUBLAYOUT_DEPTH");
  });
});
