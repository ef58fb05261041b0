import { describe, expect, test } from "vitest";
import { checkVerified, isVerified, vouch, type Claims } from "./claims.ts";
import { parseDigest } from "./digest.ts";
import { TrustError } from "./errors.ts";
import { parseJson } from "./json.ts";

const digest = parseDigest(`sha256:${"0".repeat(64)}`);

function makeClaims(): Claims {
  return {
    via: "sigstore",
    artifact: { digests: [digest] },
    signer: { kind: "key", keyid: "00", algorithm: "ed25519" },
    times: [{ source: "rfc3161", authority: "tsa", time: "2026-01-01T00:00:00Z" }],
    logs: [],
    scts: [],
    statement: {
      type: "https://in-toto.io/Statement/v1",
      subjects: [{ name: "a", digest: { sha256: "0".repeat(64) } }],
      predicateType: "https://example.com/p",
      predicate: parseJson('{"a":[{"b":{"__proto__":{"c":1}}}]}'),
    },
  };
}

function refuse(value: object): void {
  expect(isVerified(value)).toBe(false);
  try {
    checkVerified(value);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(TrustError);
    expect(error).toMatchObject({ code: "CORE_NOT_VERIFIED", kind: "usage" });
  }
}

/** The slow way round: every object that can be reached. */
function reach(value: unknown, found: Set<object> = new Set()): Set<object> {
  if (typeof value !== "object" || value === null || found.has(value)) return found;
  found.add(value);
  for (const name of Reflect.ownKeys(value)) reach(Object.getOwnPropertyDescriptor(value, name)?.value, found);
  return found;
}

describe("vouch", () => {
  test("gives back the same object, which then counts as verified", () => {
    const claims = makeClaims();
    refuse(claims);
    const verified = vouch(claims);
    expect(verified).toBe(claims);
    expect(isVerified(verified)).toBe(true);
    expect(checkVerified(verified)).toBe(claims);
  });

  test.each<[string, (claims: Claims) => object]>([
    ["spread copy", (claims) => ({ ...claims })],
    ["JSON round trip", (claims) => JSON.parse(JSON.stringify(claims)) as object],
    ["structured clone", (claims) => structuredClone(claims)],
    ["heir", (claims) => Object.create(claims) as object],
    ["proxy", (claims) => new Proxy(claims, {})],
    ["part", (claims) => claims.artifact],
    ["wrapper", (claims) => ({ claims })],
  ])("%s is refused", (_, copy) => refuse(copy(vouch(makeClaims()))));

  test("freezes every object in it", () => {
    const verified = vouch(makeClaims());
    const all = [...reach(verified)];
    expect(all.length).toBeGreaterThan(12);
    expect(all.filter((each) => !Object.isFrozen(each))).toEqual([]);
  });

  test("freezes below a part that was frozen before at its surface only", () => {
    const inner = { list: [1] };
    vouch({ outer: Object.freeze({ inner }) });
    expect(Object.isFrozen(inner)).toBe(true);
    expect(Object.isFrozen(inner.list)).toBe(true);
  });

  test("ends on a part that contains itself", () => {
    const loop: { self?: object } = {};
    loop.self = loop;
    expect(isVerified(vouch(loop))).toBe(true);
  });

  test("nothing can be changed or added afterwards", () => {
    const verified: unknown = vouch(makeClaims());
    const soft = verified as { via: string; extra?: string; artifact: { digests: string[] } };
    expect(() => (soft.via = "tuf")).toThrow(TypeError);
    expect(() => (soft.extra = "x")).toThrow(TypeError);
    expect(() => soft.artifact.digests.push("sha256:1")).toThrow(TypeError);
  });

  test("survives being JSON: claims are plain data", () => {
    const claims = makeClaims();
    expect(JSON.parse(JSON.stringify(vouch(claims)))).toEqual(claims);
  });
});
