import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isVerified, TrustError, type JsonObject } from "@countersign/core";
import {
  artifacts,
  ask,
  fileOf,
  inspection,
  layout,
  link,
  owner,
  person,
  renamed,
  signed,
  step,
  verdictOf,
  type Asked,
  type Person,
} from "./chain.contract.ts";
import { openInspector, openReferenceInspector } from "./inspect.node.ts";
import { openLinkDirectory } from "./link-source.node.ts";
import type { LinkSource } from "./link-source.ts";
import { parseLayoutKey } from "./key.ts";
import { parseMetadata } from "./metadata.ts";
import { formatRunBinding } from "./run-binding.ts";
import { verifyLayout } from "./verify.ts";

const [ann, bob, carl] = [person("ann"), person("bob"), person("carl")];
const source = artifacts({ "src/a.c": "int a;", "src/b.c": "int b;" });

/** Two steps, ann writes and bob packs; every variant changes one thing. */
function chain(
  change: {
    readonly write?: JsonObject;
    readonly pack?: JsonObject;
    readonly packStep?: JsonObject;
    readonly layout?: JsonObject;
    readonly files?: Asked["files"];
  } = {},
): Asked {
  const steps = [
    step("write", [ann], {
      expected_products: [
        ["CREATE", "src/*"],
        ["DISALLOW", "*"],
      ],
    }),
    step("pack", [bob], {
      expected_materials: [
        ["MATCH", "src/*", "WITH", "PRODUCTS", "FROM", "write"],
        ["DISALLOW", "*"],
      ],
      expected_products: [
        ["CREATE", "app.tar"],
        ["ALLOW", "src/*"],
        ["DISALLOW", "*"],
      ],
      ...change.packStep,
    }),
  ];
  return {
    layout: signed(layout([ann, bob, carl], steps, change.layout), [owner]),
    files: {
      [fileOf("write", ann)]: signed(link("write", { products: source, ...change.write }), [ann]),
      [fileOf("pack", bob)]: signed(
        link("pack", {
          materials: source,
          products: { ...source, ...artifacts({ "app.tar": "tar" }) },
          ...change.pack,
        }),
        [bob],
      ),
      ...change.files,
    },
  };
}

test("the chain that every attack starts from is allowed, and vouched for; in compat it is not vouched for", () => {
  const { verdict, claims, summary } = ask(chain());
  expect(verdict).toBe("allowed");
  expect(claims !== undefined && isVerified(claims)).toBe(true);
  expect(claims?.layout?.steps.map(({ name, functionaries }) => [name, functionaries.length])).toEqual([
    ["write", 1],
    ["pack", 1],
  ]);
  expect([...(summary?.products.keys() ?? [])]).toContain("app.tar");
  const compat = ask({ ...chain(), mode: "compat" });
  expect([compat.verdict, compat.mode, compat.claims]).toEqual(["allowed", "compat", undefined]);
});

describe("I1 a functionary answers a step with a sublayout whose inspection runs a command on the verifier", () => {
  const withInspection = signed(
    layout([ann], [step("inner", [ann])], { inspect: [inspection("evil", ["touch", "pwned"])] }),
    [bob],
  );
  const inner = signed(
    link("inner", { materials: source, products: { ...source, ...artifacts({ "app.tar": "tar" }) } }),
    [ann],
  );
  const files = {
    [fileOf("pack", bob)]: withInspection,
    [`${fileOf("pack", bob, "")}/${fileOf("inner", ann)}`]: inner,
  };
  const ran: string[] = [];
  const inspect = ({ inspection: { name } }: { readonly inspection: { readonly name: string } }) => {
    ran.push(name);
    return { materials: new Map(), products: new Map(), returnValue: 0 };
  };
  beforeEach(() => void ran.splice(0));

  test.each(["strict", "compat"] as const)(
    "%s: refused, never skipped, though the layout's own inspections are allowed",
    (mode) => {
      expect(verdictOf({ ...chain({ files }), mode, inspect })).toBe("INTOTO_INSPECTION_NOT_ALLOWED");
      expect(ran).toEqual([]);
    },
  );

  test("allowed only where the caller allows those of sublayouts", () => {
    expect(verdictOf({ ...chain({ files }), sublayoutInspect: inspect })).toBe("allowed");
    expect(ran).toEqual(["evil"]);
  });

  test("a layout's own command is refused too, before anything else is looked at", () => {
    const asked = chain({ layout: { inspect: [inspection("untar", ["tar", "xf", "app.tar"])] } });
    expect(verdictOf({ ...asked, sublayoutInspect: inspect })).toBe("INTOTO_INSPECTION_NOT_ALLOWED");
    expect(verdictOf({ ...asked, inspect })).toBe("allowed");
  });

  test("no command runs after a step was refused", () => {
    const asked = chain({
      layout: { inspect: [inspection("untar", ["true"])] },
      write: { products: artifacts({ evil: "" }) },
    });
    expect(verdictOf({ ...asked, inspect })).toContain("INTOTO_RULE_DISALLOWED");
    expect(ran).toEqual([]);
  });
});

test("I2 link of another step renamed: refused, in compat as the reference", () => {
  const files = { [fileOf("pack", bob)]: signed(link("test", { materials: source, products: source }), [bob]) };
  expect(verdictOf(chain({ files }))).toBe("INTOTO_LINK_NAME");
  expect(verdictOf({ ...chain({ files }), mode: "compat" })).toBe("allowed");
});

describe("I3 unsigned members added to, or empty ones removed from, signed", () => {
  const change = (bytes: Uint8Array, edit: (inner: Record<string, unknown>) => void): Uint8Array => {
    const value = JSON.parse(Buffer.from(bytes).toString()) as { signed: Record<string, unknown> };
    edit(value.signed);
    return Buffer.from(JSON.stringify(value));
  };
  const packed = (): Uint8Array =>
    signed(link("pack", { materials: source, products: { ...source, ...artifacts({ "app.tar": "tar" }) } }), [bob]);

  test.each([
    ["added to a link", "INTOTO_THRESHOLD", (inner: Record<string, unknown>) => void (inner["note"] = "x")],
    [
      "removed from a link",
      "INTOTO_LINK_MALFORMED",
      (inner: Record<string, unknown>) => void delete inner["environment"],
    ],
  ])("%s", (_, code, edit) => {
    const files = { [fileOf("pack", bob)]: change(packed(), edit) };
    expect(verdictOf(chain({ files }))).toBe(code);
    expect(verdictOf({ ...chain({ files }), mode: "compat" })).toBe("allowed");
  });

  test("added to the layout", () => {
    const asked = { ...chain(), layout: change(chain().layout, (inner) => void (inner["note"] = "x")) };
    expect(verdictOf(asked)).toBe("INTOTO_SIGNATURE_BAD");
    expect(verdictOf({ ...asked, mode: "compat" })).toBe("allowed");
  });

  test("a layout that was signed with such a member is verified as it was received", () => {
    expect(verdictOf(chain({ layout: { note: "signed" } }))).toBe("allowed");
  });
});

describe("I4 thresholds", () => {
  const twice = renamed(bob, "b0b".padEnd(64, "0"));
  const pack = (who: Person): Uint8Array => signed(link("pack", { materials: source, products: source }), [who]);

  test("one key under two ids does not meet threshold 2", () => {
    const keys = Object.fromEntries([ann, bob, twice].map(({ keyid, json }) => [keyid, json]));
    const asked = chain({
      layout: { keys },
      packStep: { threshold: 2, pubkeys: [bob.keyid, twice.keyid] },
      files: { [fileOf("pack", bob)]: pack(bob), [fileOf("pack", twice)]: pack(twice) },
    });
    expect(verdictOf(asked)).toBe("INTOTO_THRESHOLD");
    expect(verdictOf({ ...asked, mode: "compat" })).toBe("allowed");
  });

  test("one link copied under another functionary's file name does not", () => {
    const asked = chain({
      packStep: { threshold: 2, pubkeys: [bob.keyid, carl.keyid] },
      files: { [fileOf("pack", bob)]: pack(bob), [fileOf("pack", carl)]: pack(bob) },
    });
    expect(verdictOf(asked)).toBe("INTOTO_THRESHOLD");
    expect(verdictOf({ ...asked, mode: "compat" })).toBe("INTOTO_THRESHOLD");
  });

  test("one link is fewer than threshold 2", () => {
    expect(verdictOf(chain({ packStep: { threshold: 2, pubkeys: [bob.keyid, carl.keyid] } }))).toBe(
      "INTOTO_LINK_MISSING",
    );
  });

  test.each([0, -1, true, "1", null])("threshold %j is none", (threshold) => {
    expect(verdictOf(chain({ packStep: { threshold } }))).toBe("INTOTO_LAYOUT_MALFORMED");
  });

  test("threshold 1.5 is none", () => {
    const text = Buffer.from(chain().layout).toString().replaceAll('"threshold":1', '"threshold":1.5');
    expect(verdictOf({ ...chain(), layout: Buffer.from(text) })).toBe("INTOTO_JSON_NUMBER");
    expect(verdictOf({ ...chain(), layout: Buffer.from(text), mode: "compat" })).not.toBe("allowed");
  });

  test("threshold 0 without a link is refused in compat too", () => {
    const asked = chain({ packStep: { threshold: 0 } });
    const { [fileOf("pack", bob)]: _gone, ...files } = asked.files ?? {};
    expect(verdictOf({ ...asked, files, mode: "compat" })).toBe("INTOTO_LINK_MISSING");
  });
});

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

describe("I8 signatures and members that come twice, and none at all", () => {
  const edited = (edit: (value: { signatures: { keyid: string; sig: string }[] }) => void): Uint8Array => {
    const value = JSON.parse(Buffer.from(chain().layout).toString()) as {
      signatures: { keyid: string; sig: string }[];
    };
    edit(value);
    return Buffer.from(JSON.stringify(value));
  };

  test("same key id twice, first signature bad, second good: refused in both modes", () => {
    const bytes = edited(({ signatures }) => void signatures.unshift({ keyid: owner.keyid, sig: "00".repeat(64) }));
    expect(verdictOf({ ...chain(), layout: bytes })).toBe("INTOTO_SIGNATURE_TWICE");
    expect(verdictOf({ ...chain(), layout: bytes, mode: "compat" })).toBe("INTOTO_SIGNATURE_BAD");
  });

  test("the other way round: only the reference accepts it", () => {
    const bytes = edited(({ signatures }) => void signatures.push({ keyid: owner.keyid, sig: "00".repeat(64) }));
    expect(verdictOf({ ...chain(), layout: bytes })).toBe("INTOTO_SIGNATURE_TWICE");
    expect(verdictOf({ ...chain(), layout: bytes, mode: "compat" })).toBe("allowed");
  });

  test("an empty list of signatures", () => {
    const bytes = edited(({ signatures }) => void signatures.splice(0));
    expect(verdictOf({ ...chain(), layout: bytes })).toBe("INTOTO_SIGNATURE_MISSING");
    const files = { [fileOf("write", ann)]: signed(link("write", { products: source }), []) };
    expect(verdictOf(chain({ files }))).toBe("INTOTO_THRESHOLD");
  });

  test("a JSON member twice: only the reference accepts it", () => {
    const text = Buffer.from(chain().layout).toString().replace('"signed":{', '"signed":{"readme":"first",');
    expect(verdictOf({ ...chain(), layout: Buffer.from(text) })).toBe("INTOTO_JSON_DUPLICATE");
    expect(verdictOf({ ...chain(), layout: Buffer.from(text), mode: "compat" })).toBe("allowed");
  });

  test("the owner's key did not sign", () => {
    expect(verdictOf({ ...chain(), owners: [owner, ann] })).toBe("INTOTO_SIGNATURE_MISSING");
  });
});

describe("I9 links that disagree", () => {
  const other = signed(link("pack", { materials: source, products: artifacts({ "app.tar": "other" }) }), [carl]);
  test.each([1, 2])("threshold %i: refused and reported", (threshold) => {
    const asked = chain({
      packStep: { threshold, pubkeys: [bob.keyid, carl.keyid] },
      files: { [fileOf("pack", carl)]: other },
    });
    expect(verdictOf(asked)).toBe("INTOTO_LINKS_DISAGREE");
    expect(verdictOf({ ...asked, mode: "compat" })).toBe(threshold === 1 ? "allowed" : "INTOTO_LINKS_DISAGREE");
  });

  test("one more material is a disagreement too", () => {
    const more = signed(
      link("pack", {
        materials: { ...source, ...artifacts({ extra: "" }) },
        products: { ...source, ...artifacts({ "app.tar": "tar" }) },
      }),
      [carl],
    );
    const asked = chain({ packStep: { pubkeys: [carl.keyid, bob.keyid] }, files: { [fileOf("pack", carl)]: more } });
    expect(verdictOf(asked)).toBe("INTOTO_LINKS_DISAGREE");
  });
});

test.each([1, -1, "0", null, true, {}])(
  "I10 a step whose command ended with %j is refused by default, in compat as the reference",
  (value) => {
    const asked = chain({ pack: { byproducts: { "return-value": value } } });
    expect(verdictOf(asked)).toBe("INTOTO_STEP_FAILED");
    expect(verdictOf({ ...asked, mode: "compat" })).toBe("allowed");
    expect(verdictOf(chain({ pack: { byproducts: {} } }))).toBe("allowed");
  },
);

describe("I11 a link from an older build replayed into this one", () => {
  const run = { id: "run/2", commit: "c0ffee", time: "2026-11-22T05:00:00Z" };
  const at = (binding: typeof run): JsonObject => ({ environment: formatRunBinding(binding) });
  const old = { id: "run/1", commit: "abad1dea", time: "2026-11-20T05:00:00Z" };
  const replayed = (more: JsonObject = {}): Asked => chain({ write: at(old), pack: at(run), layout: more });
  const fresh = (more: JsonObject = {}): Asked => chain({ write: at(run), pack: at(run), layout: more });

  test.each([
    ["one run", { one_run: true }, { isOneRun: true }],
    ["run id", { run_id: "run/2" }, { id: "run/2" }],
    ["commit", { commit: "c0ffee" }, { commit: "c0ffee" }],
    ["not before", { not_before: "2026-11-22T00:00:00Z" }, { notBefore: "2026-11-22T00:00:00Z" }],
  ])("%s, required by the layout or by the caller", (_, binding, runBinding) => {
    expect(verdictOf(fresh({ run_binding: binding }))).toBe("allowed");
    expect(verdictOf(replayed({ run_binding: binding }))).toBe("INTOTO_RUN_MISMATCH");
    expect(verdictOf({ ...fresh(), runBinding })).toBe("allowed");
    expect(verdictOf({ ...replayed(), runBinding })).toBe("INTOTO_RUN_MISMATCH");
    expect(verdictOf({ ...chain(), runBinding })).toBe("INTOTO_RUN_MISSING");
  });

  test("a time after the window", () => {
    expect(verdictOf({ ...fresh(), runBinding: { notAfter: "2026-11-21T00:00:00Z" } })).toBe("INTOTO_RUN_MISMATCH");
    expect(verdictOf({ ...fresh(), runBinding: { notAfter: run.time, notBefore: run.time } })).toBe("allowed");
  });

  test("the layout asks, the caller names", () => {
    const asked = fresh({ run_binding: { commit: "{commit}" } });
    expect(verdictOf({ ...asked, substitutions: new Map([["commit", "c0ffee"]]) })).toBe("allowed");
    expect(verdictOf({ ...asked, substitutions: new Map([["commit", "0ther"]]) })).toBe("INTOTO_RUN_MISMATCH");
    expect(verdictOf({ ...asked, substitutions: new Map() })).toBe("INTOTO_SUBSTITUTION_UNKNOWN");
    expect(verdictOf(asked)).toBe("INTOTO_RUN_MISMATCH");
  });

  test("a binding in another form is refused where it is needed", () => {
    for (const environment of [
      { "countersign.run": "run/2" },
      { "countersign.run": { ...run, more: "x" } },
      { "countersign.run": { ...run, time: "yesterday" } },
      { "countersign.run": { ...run, time: "2026-02-30T00:00:00Z" } },
    ])
      expect(verdictOf({ ...chain({ write: { environment }, pack: at(run) }), runBinding: { id: "run/2" } })).toBe(
        "INTOTO_RUN_MALFORMED",
      );
    expect(verdictOf(fresh({ run_binding: { run: "x" } }))).toBe("INTOTO_RUN_MALFORMED");
  });

  test("links below sublayouts count", () => {
    const inner = (environment: JsonObject): Asked["files"] => ({
      [fileOf("pack", bob)]: signed(layout([carl], [step("inner", [carl])]), [bob]),
      [`${fileOf("pack", bob, "")}/${fileOf("inner", carl)}`]: signed(
        link("inner", { materials: source, products: source, environment }),
        [carl],
      ),
    });
    const asked = (binding: typeof run): Asked => ({
      ...chain({ write: at(run), files: inner(formatRunBinding(binding)) }),
      runBinding: { isOneRun: true },
    });
    expect(verdictOf(asked(run))).toBe("allowed");
    expect(verdictOf(asked(old))).toBe("INTOTO_RUN_MISMATCH");
  });
});
