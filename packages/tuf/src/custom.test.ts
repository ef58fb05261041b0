import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRelease, rolloutPlace, selectRelease, type Device, type Selection } from "./custom.ts";
import { compareVersions, parseVersion } from "./release-version.ts";
import { codeOf } from "./sample.contract.ts";
import type { Json, JsonObject } from "@countersign/core";
import type { TrustedTarget } from "./trusted-target.ts";

const target = (version: string, over: JsonObject = {}, name: string = `app-${version}`): TrustedTarget => {
  const custom = { release: { product: "app", version, ...over } } as Json;
  return { name, custom } as unknown as TrustedTarget;
};
const device: Device = { product: "app", installId: "4711", version: "1.0.0" };
const verdicts = (selection: Selection): string =>
  selection.verdicts.map(({ version, verdict }) => `${version} ${verdict}`).join(", ");

describe("the signed schema", () => {
  test("is read, with its defaults", () => {
    expect(readRelease(target("1.2.3"))).toEqual({
      product: "app",
      version: "1.2.3",
      channel: "stable",
      rolloutPercent: 100,
    });
    const full = { channel: "beta", rollout_percent: 5, minimum_version: "1.0.0", withdrawn: "loses data" };
    expect(readRelease(target("1.2.3", full))).toEqual({
      product: "app",
      version: "1.2.3",
      channel: "beta",
      rolloutPercent: 5,
      minimumVersion: "1.0.0",
      withdrawn: "loses data",
    });
  });

  test.each<Json | undefined>([undefined, null, 1, "x", [], {}, { other: 1 }, { release: null }])(
    "%o says nothing",
    (custom) => {
      expect(readRelease({ name: "x", ...(custom === undefined ? {} : { custom }) })).toBeUndefined();
    },
  );

  test.each<JsonObject>([
    { version: "1.2" },
    { version: "01.2.3" },
    { version: "1.2.3-01" },
    { version: "1.2.3+build" },
    { version: 1 },
    { product: 1 },
    { rollout_percent: 101 },
    { rollout_percent: -1 },
    { rollout_percent: "5" },
    { minimum_version: "x" },
    { withdrawn: true },
    { channel: 1 },
  ])("%o is refused", (over) => {
    expect(codeOf(() => readRelease(target("1.2.3", over)))).toBe("TUF_RELEASE_MALFORMED");
  });
});

describe("a selection", () => {
  test("is the highest release that is newer, and says why not another", () => {
    const targets = [
      target("1.1.0"),
      target("2.0.0"),
      target("1.0.0"),
      target("0.9.0"),
      target("2.1.0-rc.1", { channel: "beta" }),
    ];
    const selection = selectRelease([...targets, target("9.0.0", { product: "other" })], device);
    expect(selection.chosen?.target.name).toBe("app-2.0.0");
    expect(verdicts(selection)).toBe(
      "1.1.0 lower, 2.0.0 chosen, 1.0.0 not newer, 0.9.0 not newer, 2.1.0-rc.1 other channel",
    );
  });

  test("passes over what was withdrawn, and leaves a withdrawn release even for an older one", () => {
    const withdrawn = target("1.0.0", { withdrawn: "loses data" });
    const up = selectRelease([target("2.0.0", { withdrawn: "worse" }), target("1.1.0")], device);
    expect(verdicts(up)).toBe("2.0.0 withdrawn, 1.1.0 chosen");
    const down = selectRelease([withdrawn, target("0.9.0")], device);
    expect(down).toMatchObject({ isCurrentWithdrawn: true, chosen: { release: { version: "0.9.0" } } });
    expect(selectRelease([target("0.9.0")], device).chosen).toBeUndefined();
  });

  test("goes by way of a version that the device can change to", () => {
    const targets = [target("1.5.0"), target("2.0.0", { minimum_version: "1.5.0" })];
    expect(verdicts(selectRelease(targets, device))).toBe("1.5.0 chosen, 2.0.0 too old a device");
    expect(verdicts(selectRelease(targets, { ...device, version: "1.5.0" }))).toBe("1.5.0 not newer, 2.0.0 chosen");
    expect(selectRelease(targets, { product: "app", installId: "1" }).chosen?.release.version).toBe("2.0.0");
  });

  test("refuses a device whose version is none", () => {
    expect(codeOf(() => selectRelease([target("1.0.0")], { ...device, version: "latest" }))).toBe(
      "TUF_RELEASE_MALFORMED",
    );
  });
});

describe("a rollout", () => {
  const share = (percent: number, version: string = "2.0.0"): number => {
    const devices = Array.from({ length: 2000 }, (_, k) => ({ product: "app", installId: `device-${k}` }));
    return (
      devices.filter((each) => selectRelease([target(version, { rollout_percent: percent })], each).chosen).length / 20
    );
  };

  test("reaches about as many devices as it says", () => {
    expect([share(0), share(100)]).toEqual([0, 100]);
    for (const percent of [1, 25, 50]) expect(Math.abs(share(percent) - percent)).toBeLessThan(4);
  });

  test("only grows, is the same each time, and has another order for each release", () => {
    const property = fc.property(fc.string(), fc.nat(99), (installId, percent) => {
      const chosen = (rollout_percent: number): boolean =>
        selectRelease([target("2.0.0", { rollout_percent })], { product: "app", installId }).chosen !== undefined;
      if (chosen(percent)) expect(chosen(percent + 1)).toBe(true);
      expect(chosen(percent)).toBe(chosen(percent));
    });
    fc.assert(property, { numRuns: 200 });
    const places = ["2.0.0", "2.0.1", "2.0.2"].map((version) => rolloutPlace({ product: "app", version }, "4711"));
    expect(new Set(places).size).toBe(3);
    // Devices in the field have been told: this must never change.
    expect(rolloutPlace({ product: "app", version: "1.0.0" }, "4711")).toBe(6585);
  });
});

test("versions are in the order of SemVer", () => {
  const ordered = [
    "0.0.1",
    "1.0.0-1",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-A",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
  ];
  ordered.push("1.0.0-beta", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0");
  const parsed = ordered.map((text) => parseVersion(text) ?? expect.fail(text));
  for (const [a, left] of parsed.entries()) {
    for (const [b, right] of parsed.entries()) expect(Math.sign(compareVersions(left, right))).toBe(Math.sign(a - b));
  }
  for (const text of ["", "1", "1.0", "1.0.0.0", "v1.0.0", "1.0.0-", "1.0.0-a..b", "1.0.0-01", "1.0.99999999999999999"])
    expect(parseVersion(text)).toBeUndefined();
});
