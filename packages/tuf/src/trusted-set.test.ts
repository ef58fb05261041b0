import { digestOf, TrustError, type JsonObject } from "@countersign/core";
import { mutantsOf, type Loose } from "@countersign/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { bytesOf, codeOf, headOf, makeKey, rootContent, signed } from "./sample.contract.ts";
import {
  acceptAnchor,
  acceptNextRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  isFastForwardRecovery,
  keepSnapshot,
  metaOfRole,
  recallSnapshot,
  trustInTargets,
  type SnapshotSet,
} from "./trusted-set.ts";

const key = makeKey();
const nowMs = Date.parse("2029-01-01T00:00:00Z");
const files: Record<string, Uint8Array> = {};
const file = (name: string): Uint8Array => files[name] as Uint8Array;
let set: SnapshotSet;

function listed(bytes: Uint8Array, version: number = 1): JsonObject {
  const hashes = { sha256: digestOf("sha256", bytes).slice("sha256:".length) };
  return { version, length: bytes.length, hashes };
}

beforeAll(async () => {
  files["root"] = await signed(rootContent(key), key);
  files["root2"] = await signed({ ...rootContent(key), version: 2 }, key);
  const targets = { a: { length: 1, hashes: { sha256: "00".repeat(32) } } };
  const role = { name: "r", keyids: [key.keyid], threshold: 1, terminating: false, paths: ["*"] };
  const delegations = { keys: { [key.keyid]: key.json }, roles: [role] };
  files["targets"] = await signed({ ...headOf("targets"), targets, delegations }, key);
  files["snapshot"] = await signed({ ...headOf("snapshot"), meta: { "targets.json": listed(file("targets")) } }, key);
  files["timestamp"] = await signed(
    { ...headOf("timestamp"), meta: { "snapshot.json": listed(file("snapshot")) } },
    key,
  );
  const anchor = acceptAnchor(file("root"), { nowMs });
  set = acceptSnapshot(acceptTimestamp(anchor, file("timestamp")), file("snapshot"));
});

async function timestampOver(snapshot: Uint8Array, version: number, listing?: JsonObject): Promise<Uint8Array> {
  const meta = { "snapshot.json": listing ?? listed(snapshot, version) };
  return signed({ ...headOf("timestamp", version), meta }, key);
}

describe("versions", () => {
  test("of root go up by one", async () => {
    expect(acceptNextRoot(set, file("root2")).root.version).toBe(2);
    for (const version of [1, 3]) {
      const wrong = await signed({ ...rootContent(key), version }, key);
      expect(codeOf(() => acceptNextRoot(set, wrong))).toBe("TUF_ROOT_VERSION");
    }
  });

  test("of timestamp and of its snapshot never go down", async () => {
    const later = acceptTimestamp(set, await timestampOver(file("snapshot"), 5)).timestamp;
    expect(codeOf(() => acceptTimestamp(set, file("timestamp"), later))).toBe("TUF_ROLLBACK");
    const lower = await timestampOver(file("snapshot"), 6, { version: 4 });
    expect(codeOf(() => acceptTimestamp(set, lower, later))).toBe("TUF_ROLLBACK");
    const same = await timestampOver(file("snapshot"), 5, { version: 4 });
    expect(acceptTimestamp(set, same, later).timestamp).toBe(later);
  });

  test("of files in snapshot never go down, and none is left out", async () => {
    const known = recallSnapshot(
      set,
      await signed({ ...headOf("snapshot"), meta: { "targets.json": { version: 2 } } }, key),
    );
    expect(codeOf(() => acceptSnapshot(set, file("snapshot"), known))).toBe("TUF_ROLLBACK");
    const gone = recallSnapshot(
      set,
      await signed({ ...headOf("snapshot"), meta: { "gone.json": { version: 1 } } }, key),
    );
    expect(codeOf(() => acceptSnapshot(set, file("snapshot"), gone))).toBe("TUF_ROLLBACK");
    expect(acceptSnapshot(set, file("snapshot"), set.snapshot).snapshot.version).toBe(1);
  });

  test("are those that were signed for them", async () => {
    const loose = acceptTimestamp(set, await timestampOver(file("snapshot"), 2, { version: 2 }));
    expect(codeOf(() => acceptSnapshot(loose, file("snapshot")))).toBe("TUF_VERSION");
    expect(codeOf(() => keepSnapshot(loose, set.snapshot, file("snapshot")))).toBe("TUF_VERSION");
  });
});

describe("lengths and hashes", () => {
  test("are those that were signed for them", async () => {
    const other = await signed({ ...headOf("targets"), targets: {} }, key);
    expect(codeOf(() => acceptTargets(set, other, trustInTargets(set)))).toBe("TUF_LENGTH");
    const swapped = bytesOf(new TextDecoder().decode(file("targets")).replace('"a"', '"b"'));
    expect(codeOf(() => acceptTargets(set, swapped, trustInTargets(set)))).toBe("TUF_HASH");
    expect(acceptTargets(set, file("targets"), trustInTargets(set)).targets.size).toBe(1);
  });

  test("a role that snapshot does not list has no file", () => {
    for (const role of ["r", "toString", "__proto__"]) {
      expect(codeOf(() => metaOfRole(set.snapshot, role))).toBe("TUF_ROLE_UNLISTED");
    }
  });
});

test("every refusal names the role, its version as far as it is known, and what was checked", async () => {
  const said = (attempt: () => unknown): string => {
    try {
      attempt();
      return "taken";
    } catch (error) {
      return error instanceof TrustError ? error.message : "";
    }
  };
  const targets = trustInTargets(set);
  const other = await signed({ ...headOf("targets"), targets: {} }, key);
  const stranger = await signed({ ...headOf("timestamp"), meta: { "snapshot.json": { version: 1 } } }, makeKey());
  const negative = await signed({ ...headOf("timestamp", -1), meta: {} }, key);
  const swapped = bytesOf(new TextDecoder().decode(file("targets")).replace('"a"', '"b"'));
  const loose = acceptTimestamp(set, await timestampOver(file("snapshot"), 2, { version: 2 }));
  const later = acceptTimestamp(set, await timestampOver(file("snapshot"), 5)).timestamp;
  const far = { ...set, nowMs: Date.parse("2040-01-01T00:00:00Z") };
  const refusals: readonly (readonly [() => unknown, RegExp])[] = [
    [() => acceptTimestamp(set, bytesOf("{")), /JSON.*"timestamp", byte 1/],
    [() => acceptTimestamp(set, negative), /"timestamp", version, expected/],
    [() => acceptTimestamp(set, file("snapshot")), /"timestamp", expected timestamp, got "snapshot"/],
    [() => acceptTimestamp(set, stranger), /too few.*timestamp version 1, expected 1/],
    [() => acceptTimestamp(set, file("timestamp"), later), /timestamp, expected version 5 or higher, got 1/],
    [() => acceptTimestamp(far, file("timestamp")), /"timestamp" version 1, expected an expiry/],
    [() => acceptTargets(set, other, targets), /length.*"targets" version 1/],
    [() => acceptTargets(set, swapped, targets), /hash.*"targets" version 1/],
    [() => acceptSnapshot(loose, file("snapshot")), /"snapshot", expected 2, got 1/],
    [() => acceptNextRoot(set, bytesOf("[]")), /"root", byte 0/],
  ];
  for (const [attempt, says] of refusals) expect(said(attempt)).toMatch(says);
});

test("expiry is judged by the time of the run, to the millisecond", () => {
  const expiresMs = Date.parse("2030-01-01T00:00:00Z");
  expect(codeOf(() => acceptTimestamp({ ...set, nowMs: expiresMs - 1 }, file("timestamp")))).toBe("taken");
  expect(codeOf(() => acceptTimestamp({ ...set, nowMs: expiresMs }, file("timestamp")))).toBe("TUF_EXPIRED");
});

describe("fast-forward recovery", () => {
  const rootOf = async (keys: readonly (typeof key)[]): Promise<Uint8Array> => signed(rootContent(...keys), ...keys);

  test("is when a key goes, not when one comes or is listed under another id", async () => {
    const [other, again] = [makeKey(), { ...key, keyid: "again" }];
    const before = set.root;
    const after = async (...keys: (typeof key)[]): Promise<boolean> =>
      isFastForwardRecovery(before, acceptAnchor(await rootOf(keys), { nowMs }).root);
    expect([await after(key), await after(key, other), await after(again)]).toEqual([false, false, false]);
    expect(await after(other)).toBe(true);
  });
});

/** Signs what a mutation made of the content, so that only its form and meaning are judged. */
describe("every mutation of what is signed", () => {
  const roles = ["root2", "timestamp", "snapshot", "targets"] as const;

  test.each(roles)("%s: ends in a typed error or in metadata that is trusted for what it says", async (role) => {
    const content = signedOf(JSON.parse(new TextDecoder().decode(file(role))) as Loose);
    let count = 0;
    for (const { json } of mutantsOf(content)) {
      const bytes = await signed(json as unknown as JsonObject, key).catch(() => undefined);
      if (bytes === undefined) continue;
      const code = codeOf(() => acceptAny(role, bytes));
      expect(code).toMatch(/^(?:taken|TUF_[A-Z_]+)$/);
      count++;
    }
    expect(count).toBeGreaterThan(50);
  });

  test.each(roles)("%s: of the file itself, without the key, is refused", (role) => {
    const whole = JSON.parse(new TextDecoder().decode(file(role))) as Loose;
    let count = 0;
    for (const { path, mutation, json } of mutantsOf(whole)) {
      const code = codeOf(() => acceptAny(role, bytesOf(JSON.stringify(json))));
      // Members that nobody knows may stand beside what is signed, and nowhere in it.
      const isUnchanged =
        JSON.stringify((json as { signed?: Loose } | null)?.signed) === JSON.stringify(signedOf(whole));
      if (code === "taken") expect({ path, mutation, isUnchanged }).toEqual({ path, mutation, isUnchanged: true });
      else expect(code).toMatch(/^TUF_/);
      count++;
    }
    expect(count).toBeGreaterThan(100);
  });
});

function signedOf(whole: Loose): Loose {
  return (whole as { signed: Loose }).signed;
}

function acceptAny(role: "root2" | "timestamp" | "snapshot" | "targets", bytes: Uint8Array): unknown {
  if (role === "root2") return acceptNextRoot(set, bytes);
  if (role === "timestamp") return acceptTimestamp(set, bytes);
  // Nothing binds them here but signatures.
  const loose = { version: 1, digests: [] };
  if (role === "snapshot") return acceptSnapshot({ ...set, timestamp: { ...set.timestamp, snapshot: loose } }, bytes);
  const snapshot = { ...set.snapshot, meta: { ...set.snapshot.meta, get: () => loose } };
  return acceptTargets({ ...set, snapshot }, bytes, trustInTargets(set));
}
