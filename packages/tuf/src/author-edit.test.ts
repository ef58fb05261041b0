import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { generateSigner, hash, hex, utf8, type JsonObject } from "@countersign/core";
import { binNames, binOf, binPrefixes, checkBins, pathHash } from "./author-bins.ts";
import {
  delegatedBy,
  namesOf,
  withBins,
  withDelegatedKeys,
  withDelegation,
  withoutDelegation,
} from "./author-delegation.ts";
import { describeChanges, formatChange } from "./author-diff.ts";
import {
  expiryOf,
  formatDraft,
  nextVersion,
  parseDraft,
  signedBytesOf,
  typeOf,
  versionOf,
  type Draft,
} from "./author-draft.ts";
import { makeRoot, makeTargets } from "./author-init.ts";
import { formatKey, formatSignerKey } from "./author-key.ts";
import { checkRoleName, rowsOfRoot, withTopRole } from "./author-role.ts";
import { checkDays, formatSettings, parseSettings } from "./author-settings.ts";
import { makeSnapshot, makeTimestamp, versionsIn } from "./author-snapshot.ts";
import { checkTargetPath, withTargets } from "./author-target.ts";
import { entryOf, roleOf } from "./author-sample.contract.ts";
import { delegationsOf } from "./delegation.ts";
import { codeOf } from "./sample.contract.ts";
import { parseMetadata, parseRoot, parseTargets } from "./metadata.ts";

const expires = new Date("2027-01-01T00:00:00Z");
const [ada, bob] = [generateSigner("ed25519"), generateSigner("ecdsa-p256-sha256")];
const empty = makeTargets(expires);

describe("keys", () => {
  test("are listed as securesystemslib lists them: Ed25519 in hex, others in PEM", () => {
    const { key, keyid } = formatSignerKey(ada);
    expect(key).toEqual({ keytype: "ed25519", scheme: "ed25519", keyval: { public: hex(ada.spki.subarray(-32)) } });
    const text = `{"keytype":"ed25519","keyval":{"public":"${hex(ada.spki.subarray(-32))}"},"scheme":"ed25519"}`;
    expect(keyid).toBe(hex(hash("sha256", utf8(text))));
    const pem = createPublicKey({ key: Buffer.from(bob.spki), format: "der", type: "spki" }).export({
      format: "pem",
      type: "spki",
    });
    expect(formatSignerKey(bob).key).toEqual({
      keytype: "ecdsa",
      scheme: "ecdsa-sha2-nistp256",
      keyval: { public: pem },
    });
  });

  test("of RSA sign by PSS unless another algorithm is named", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const der = createPublicKey(createPrivateKey(privateKey.export({ format: "pem", type: "pkcs8" }))).export({
      format: "der",
      type: "spki",
    });
    const spki = new Uint8Array(der);
    expect(formatKey(spki).key["scheme"]).toBe("rsassa-pss-sha256");
    expect(formatKey(spki, "rsa-pkcs1-sha512").key["scheme"]).toBe("rsa-pkcs1v15-sha512");
  });

  test("without a scheme in TUF are refused", () => {
    expect(codeOf(() => formatSignerKey(generateSigner("ed25519ph")))).toBe("TUF_KEY_UNLISTABLE");
  });
});

describe("drafts", () => {
  test("keep members that nobody knows, through parsing, the next version and writing", () => {
    const text = `{"signatures":[],"signed":{"_type":"targets","version":3,"expires":"2020-01-01T00:00:00Z","targets":{},"x-note":{"a":[1,"two"]}},"other":1}`;
    const next = nextVersion(parseDraft(utf8(text)), expires);
    expect(parseDraft(formatDraft(next)).signed).toMatchObject({
      version: 4,
      "x-note": { a: [1, "two"] },
      expires: "2027-01-01T00:00:00Z",
    });
  });

  test("are refused if they are no metadata", () => {
    const without = (member: string): Draft => ({ signed: { ...empty.signed, [member]: "x" }, signatures: [] });
    for (const text of [
      "[]",
      "{}",
      '{"signed":{},"signatures":{}}',
      '{"signed":[],"signatures":[]}',
      '{"signed":{},"signatures":[1]}',
    ])
      expect(codeOf(() => parseDraft(utf8(text)))).toBe("TUF_DRAFT_MALFORMED");
    expect(codeOf(() => versionOf(without("version")))).toBe("TUF_DRAFT_MALFORMED");
    expect(codeOf(() => typeOf(without("_type")))).toBe("TUF_DRAFT_MALFORMED");
    expect(codeOf(() => expiryOf(without("expires")))).toBe("TUF_DRAFT_MALFORMED");
  });

  test("of any content are written as JSON over which the same bytes are signed", () => {
    const custom = fc.dictionary(
      fc.string({ unit: "binary" }),
      fc.oneof(fc.string({ unit: "binary" }), fc.integer(), fc.boolean(), fc.constant(null)),
    );
    fc.assert(
      fc.property(custom, (each) => {
        const draft = { ...empty, signed: { ...empty.signed, "x-more": each as JsonObject } };
        const read = parseDraft(formatDraft(draft));
        expect(hex(signedBytesOf(read))).toBe(hex(signedBytesOf(draft)));
        expect(hex(parseMetadata(formatDraft(draft)).signedBytes)).toBe(hex(signedBytesOf(draft)));
      }),
      { numRuns: 200 },
    );
  });
});

describe("targets", () => {
  test.each([
    "",
    "/etc/passwd",
    "../x",
    "a/../b",
    "a//b",
    "a/",
    "./a",
    "a\\b",
    "a\u0000b",
    "a\nb",
    "x".repeat(1025),
    "\ud800",
  ])("are not listed as %j", (path) => expect(codeOf(() => checkTargetPath(path))).toBe("TUF_TARGET_PATH"));

  test("of odd names are plain names", () => {
    const names = ["__proto__", "constructor", "toString", "10", "2"];
    const draft = withTargets(empty, new Map(names.map((name) => [name, entryOf(name)])));
    const parsed = parseTargets(formatDraft(draft));
    for (const name of names) expect(parsed.targets.get(name)?.json).toEqual(entryOf(name));
    const without = withTargets(draft, new Map([["__proto__", undefined]]));
    expect([...parseTargets(formatDraft(without)).targets.names()]).toEqual(["10", "2", "constructor", "toString"]);
  });

  test("keep custom metadata only while their content stays", () => {
    const custom = { version: "1" };
    const first = withTargets(empty, new Map([["a", { ...entryOf("one"), custom }]]));
    const same = withTargets(first, new Map([["a", entryOf("one")]]));
    const other = withTargets(first, new Map([["a", entryOf("two")]]));
    expect(same.signed["targets"]).toEqual({ a: { ...entryOf("one"), custom } });
    expect(other.signed["targets"]).toEqual({ a: entryOf("two") });
  });

  test("need a length, a hash, and to be there to be removed", () => {
    const put = (entry: object): string =>
      codeOf(() => withTargets(empty, new Map([["a", entry as ReturnType<typeof entryOf>]])));
    expect(put({ length: -1, hashes: entryOf("").hashes })).toBe("TUF_TARGET_ENTRY");
    expect(put({ length: 1, hashes: {} })).toBe("TUF_TARGET_ENTRY");
    expect(put({ length: 1, hashes: { md5: "00" } })).toBe("TUF_TARGET_ENTRY");
    expect(put({ length: 1, hashes: { sha256: "00" } })).toBe("TUF_TARGET_ENTRY");
    expect(codeOf(() => withTargets(empty, new Map([["a", undefined]])))).toBe("TUF_TARGET_UNLISTED");
  });
});

describe("roles", () => {
  const root = makeRoot({
    roles: { root: roleOf([ada]), timestamp: roleOf([ada]), snapshot: roleOf([ada]), targets: roleOf([bob]) },
    expires,
    consistentSnapshot: true,
  });

  test("of a first root are what was asked for, in the form that clients read", () => {
    const parsed = parseRoot(formatDraft(root));
    expect(parsed.consistentSnapshot).toBe(true);
    expect(parsed.roles.get("targets")?.keyids).toEqual([formatSignerKey(bob).keyid]);
    expect(parsed.keys.size).toBe(2);
  });

  test("that lose a key lose it from the list as well, unless another role has it", () => {
    const next = withTopRole(root.signed, "targets", roleOf([ada]));
    expect(Object.keys(next["keys"] as object)).toEqual([formatSignerKey(ada).keyid]);
    expect(rowsOfRoot(next).get("targets")?.threshold).toBe(1);
  });

  test("cannot ask for more signatures than they have keys; one key under two ids is one", () => {
    const { key, fingerprint } = formatSignerKey(ada);
    const twice = { keys: [formatSignerKey(ada), { keyid: "00", key, fingerprint }], threshold: 2 };
    for (const role of [roleOf([ada], 2), roleOf([ada], 0), roleOf([ada, bob], 1.5), roleOf([], 1), twice])
      expect(codeOf(() => withTopRole(root.signed, "targets", role))).toBe("TUF_THRESHOLD_UNMEETABLE");
  });

  test.each(["", "root", "targets", "a/b", "../x", ".x", "a b", "ä", "-a", "x".repeat(101)])(
    "are not delegated to as %j",
    (name) => expect(codeOf(() => checkRoleName(name))).toBe("TUF_ROLE_NAME"),
  );
});

describe("delegations", () => {
  const plan = { name: "plugins", ...roleOf([bob]), paths: ["plugins/*"] };

  test("are what clients read, in their order, replaced in place", () => {
    const one = withDelegation(withDelegation(empty, plan), {
      name: "all",
      ...roleOf([ada]),
      paths: ["*"],
      isTerminating: true,
    });
    const two = withDelegation(one, { ...plan, ...roleOf([ada, bob], 2) });
    const { delegations } = parseTargets(formatDraft(two));
    expect(delegations?.roles.map(({ name, threshold, terminating }) => [name, threshold, terminating])).toEqual([
      ["plugins", 2, false],
      ["all", 1, true],
    ]);
    expect(namesOf(delegatedBy(withoutDelegation(two, "plugins")))).toEqual(["all"]);
    expect(codeOf(() => withoutDelegation(two, "nobody"))).toBe("TUF_ROLE_UNKNOWN");
    expect(codeOf(() => withDelegatedKeys(two, "nobody", roleOf([ada])))).toBe("TUF_ROLE_UNKNOWN");
  });

  test("need paths or prefixes, not both, and in form", () => {
    const { paths: _, ...bare } = plan;
    const wrong = [
      bare,
      { ...plan, pathHashPrefixes: ["0"] },
      { ...plan, paths: [] },
      { ...plan, paths: ["/x"] },
      { ...bare, pathHashPrefixes: ["G"] },
    ];
    for (const each of wrong) expect(codeOf(() => withDelegation(empty, each))).toBe("TUF_DELEGATION_PATHS");
  });

  test("and bins do not stand in one role", () => {
    const bins = withBins(empty, { prefix: "bin", bits: 3 }, roleOf([ada]), "succinct");
    expect(codeOf(() => withDelegation(bins, plan))).toBe("TUF_BINS_BESIDE");
    expect(codeOf(() => withBins(bins, { prefix: "bin", bits: 3 }, roleOf([ada]), "explicit"))).toBe("TUF_BINS_BESIDE");
    expect(delegatedBy(withDelegatedKeys(bins, "bin", roleOf([bob]))).bins?.keyids).toEqual([
      formatSignerKey(bob).keyid,
    ]);
  });
});

describe("bins", () => {
  test.each([0, 15, 1.5])("are not made of %d bits", (bits) =>
    expect(codeOf(() => checkBins({ prefix: "b", bits }))).toBe("TUF_BINS_COUNT"),
  );

  test("of both forms send a client to the same role for every path, however many bits", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 6 }), (path, bits) => {
        const bins = { prefix: "bin", bits };
        const [succinct, explicit] = (["succinct", "explicit"] as const).map((form) =>
          parseTargets(formatDraft(withBins(empty, bins, roleOf([ada]), form))),
        );
        const found = [succinct, explicit].map((each) =>
          [...delegationsOf(each?.delegations as never, path)].map(({ name }) => name),
        );
        expect(found).toEqual([[binOf(bins, path)], [binOf(bins, path)]]);
        expect(binNames(bins)).toContain(binOf(bins, path));
      }),
      { numRuns: 40 },
    );
  });

  test("cover every hash once", () => {
    const prefixes = Array.from({ length: 8 }, (_, number) => binPrefixes({ prefix: "b", bits: 3 }, number)).flat();
    expect(prefixes.toSorted()).toEqual([..."0123456789abcdef"]);
    expect(pathHash("a")).toBe(hex(hash("sha256", utf8("a"))));
  });
});

describe("snapshot and timestamp", () => {
  test("name versions, lengths and hashes; a role that was ever named stays named", () => {
    const file = { version: 2, bytes: utf8("x") };
    const first = makeSnapshot(
      new Map([
        ["a", file],
        ["__proto__", file],
      ]),
      { before: undefined, expires },
    );
    const second = makeSnapshot(new Map([["a", { ...file, version: 3 }]]), { before: first, expires });
    expect(versionsIn(second)).toEqual(
      new Map([
        ["a", 3],
        ["__proto__", 2],
      ]),
    );
    expect(versionOf(second)).toBe(2);
    expect(parseMetadata(formatDraft(makeTimestamp(file, { before: undefined, expires })))).toMatchObject({
      type: "timestamp",
      snapshot: { version: 2, length: 1 },
    });
  });
});

describe("differences", () => {
  const lines = (before: JsonObject | undefined, after: JsonObject): readonly string[] =>
    describeChanges(before && { signed: before, signatures: [] }, { signed: after, signatures: [] }).map(formatChange);

  test("name what changed, in one line each", () => {
    const before = withTargets(
      empty,
      new Map([
        ["a", entryOf("one")],
        ["gone", entryOf("x")],
      ]),
    );
    const after = withTargets(
      before,
      new Map([
        ["a", entryOf("two")],
        ["gone", undefined],
        ["new", entryOf("n")],
      ]),
    );
    expect(lines(before.signed, after.signed)).toEqual([
      expect.stringMatching(/^~ target "a": hashes: \{ "sha256": .* \} → \{ "sha256": /),
      expect.stringMatching(/^- target "gone": /),
      expect.stringMatching(/^\+ target "new": /),
    ]);
  });

  test("hide nothing: order of delegations, two of one name, members of another form, long and invisible text", () => {
    const roles = (list: readonly JsonObject[]): JsonObject => ({ delegations: { keys: {}, roles: list } });
    expect(lines(roles([{ name: "a" }, { name: "b" }]), roles([{ name: "b" }, { name: "a" }]))).toHaveLength(2);
    expect(lines(roles([{ name: "a" }]), roles([{ name: "a" }, { name: "a", x: 1 }]))).toHaveLength(1);
    expect(lines({ targets: {} }, { targets: "all" })).toEqual(['~ targets: {  } → "all"']);
    expect(lines({ delegations: { keys: 1, roles: {} } }, { delegations: { keys: 2, roles: { a: 1 } } })).toHaveLength(
      2,
    );
    const long = "x".repeat(500);
    expect(lines({ note: `${long}a` }, { note: `${long}b` })).toHaveLength(1);
    expect(lines({}, { "a\u202eb": "c\u0007d" })[0]).toBe(String.raw`+ "a\u202eb": "c\u0007d"`);
  });

  test("an empty table that comes or goes is one", () => {
    expect(lines({}, { targets: {} })).toEqual(["+ targets: {  }"]);
    expect(lines({ delegations: {} }, {})).toEqual(["- delegations: {  }"]);
    expect(lines({ delegations: {} }, { delegations: { keys: {}, roles: [] } })).toHaveLength(1);
  });

  test("are none exactly if nothing differs", () => {
    const value = fc.jsonValue({ maxDepth: 3 }).map((each) => each as never);
    const table = fc.dictionary(fc.constantFrom("targets", "keys", "delegations", "meta", "other"), value);
    fc.assert(
      fc.property(table, table, (before, after) => {
        const isSame = JSON.stringify(sorted(before)) === JSON.stringify(sorted(after));
        expect(lines(before, after).length === 0).toBe(isSame);
        expect(lines(before, structuredClone(before))).toEqual([]);
      }),
    );
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, sorted(each)]),
  );
}

describe("settings", () => {
  test("are read as they were written, and refused otherwise", () => {
    const settings = {
      validDays: new Map([
        ["root", 10],
        ["targets", 20],
        ["snapshot", 30],
        ["timestamp", 40],
        ["x", 50],
      ]),
    };
    expect(parseSettings(formatSettings(settings))).toEqual(settings);
    for (const text of [
      "{}",
      '{"schema":"other","validDays":{}}',
      '{"schema":"countersign.repository/v1","validDays":{"root":0}}',
    ])
      expect(codeOf(() => parseSettings(utf8(text)))).toBe("TUF_WORKSPACE_MALFORMED");
    expect(codeOf(() => checkDays(36_501, "x"))).toBe("TUF_WORKSPACE_MALFORMED");
  });
});
