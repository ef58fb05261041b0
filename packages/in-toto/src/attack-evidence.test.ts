import { describe, expect, test } from "vitest";
import type { JsonObject } from "@countersign/core";
import { artifacts, fileOf, layout, link, owner, signed, step, verdictOf, type Asked } from "./chain.contract.ts";
import { formatRunBinding } from "./run-binding.ts";
import { ann, bob, carl, source, chain } from "./attack-chain.contract.ts";

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
