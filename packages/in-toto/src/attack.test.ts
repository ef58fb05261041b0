import { beforeEach, describe, expect, test } from "vitest";
import { isVerified } from "@countersign/core";
import {
  artifacts,
  ask,
  fileOf,
  inspection,
  layout,
  link,
  renamed,
  signed,
  step,
  verdictOf,
  type Person,
} from "./chain.contract.ts";
import { ann, bob, carl, source, chain } from "./attack-chain.contract.ts";

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
