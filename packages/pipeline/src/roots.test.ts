import { parseSigningConfig, parseTrustRoot, selectServices } from "@countersign/sigstore";
import { acceptAnchor, computeKeyId } from "@countersign/tuf";
import { describe, expect, test } from "vitest";
import { root as githubTuf } from "./roots/tuf-github.ts";
import { root as publicGoodTuf } from "./roots/tuf-public-good.ts";
import { root as stagingTuf } from "./roots/tuf-staging.ts";
import { isInstanceName, loadInstance, type InstanceName } from "./roots.ts";

const names: readonly InstanceName[] = ["public-good", "staging", "github"];
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe.each(names)("the embedded root of %s", (name) => {
  test("parses without a warning, and its chains are signed as they say", async () => {
    const root = parseTrustRoot(bytes((await loadInstance(name)).trustedRoot));
    expect(root.warnings).toEqual([]);
    expect(root.authorities.length).toBeGreaterThan(0);
    expect(root.timestampAuthorities.length).toBeGreaterThan(0);
    expect(root.logs.length > 0).toBe(name !== "github");
    for (const authority of [...root.authorities, ...root.timestampAuthorities]) authority.checkChainSignatures();
  });

  test("says where it is from", async () => {
    const { source } = await loadInstance(name);
    expect(source).toMatchObject({
      package: expect.stringMatching(/./),
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      licence: "Apache-2.0",
    });
    expect(new Date(source.date).toISOString().slice(0, 10)).toBe(source.date);
  });

  test("names services that can be used on the day of its release, if it has a signing config", async () => {
    const { signingConfig, source } = await loadInstance(name);
    expect(signingConfig === undefined).toBe(name === "github");
    if (signingConfig === undefined) return;
    const config = parseSigningConfig(bytes(signingConfig));
    expect(config.warnings).toEqual([]);
    const services = selectServices(config, new Date(source.date).getTime());
    expect(services.fulcio?.url).toMatch(/^https:/);
    expect([services.rekor.length, services.tsa.length]).toEqual([1, 1]);
  });
});

test("isInstanceName knows its own names only", () => {
  expect(names.every((name) => isInstanceName(name))).toBe(true);
  expect(["", "public", "__proto__", "constructor"].some((name) => isInstanceName(name))).toBe(false);
});

test("the roots of TUF repositories are signed by their own keys, though GitHub's key ids are not hashes of its keys", () => {
  const foreign = [publicGoodTuf, stagingTuf, githubTuf].map((text) => {
    const { root } = acceptAnchor(bytes(text), { nowMs: 0 });
    return [...root.keys.values()].filter(({ keyid, json }) => keyid !== computeKeyId(json)).length;
  });
  expect(foreign[2]).toBeGreaterThan(0);
});
