import { createHash } from "node:crypto";
import { utf8 } from "@countersign/core";
import { describe, expect, test } from "vitest";
import {
  certificates,
  codeOf,
  hasShared,
  jsonBytes,
  keys,
  mutants,
  readShared,
  sampleLog,
  sampleTrustRoot,
  sharedFiles,
  type Loose,
} from "../vectors/format-sample.ts";
import {
  isWithin,
  maxTrustRootBytes,
  mergeTrustRoots,
  originOf,
  parseTrustRoot,
  type TrustRoot,
} from "./trust-root.ts";

type Log = Record<string, Loose>;

const parse = (root: Loose): TrustRoot => parseTrustRoot(jsonBytes(root));
const withLog = (change: (log: Log, key: Log) => void): TrustRoot => {
  const log = sampleLog();
  change(log, log["publicKey"] as Log);
  return parse({ ...sampleTrustRoot(), tlogs: [sampleLog(), log] });
};
const warned = (root: TrustRoot): string[] => root.warnings.map((each) => each.code);
const sha256 = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const ed25519Point = keys.ed25519.bytes.subarray(12);

describe("parseTrustRoot", () => {
  test("reads every part", () => {
    const root = parse(sampleTrustRoot());
    expect(root.warnings).toEqual([]);
    expect(root.logs[0]).toMatchObject({
      baseUrl: "https://log.example/",
      origin: "log.example",
      validFor: { startMs: Date.UTC(2024, 0, 1) },
    });
    expect(root.logs[0]?.verifier.algorithm.name).toBe("ecdsa-p256-sha256");
    expect(root.authorities[0]?.validFor).toEqual({ startMs: Date.UTC(2024, 0, 1), endMs: Date.UTC(2033, 11, 31, 23) });
    expect(root.authorities[0]?.chain).toHaveLength(2);
    expect(root.timestampAuthorities[0]?.chain).toHaveLength(3);
  });

  test.each([
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
  ])("accepts %s", (mediaType) => expect(parse({ ...sampleTrustRoot(), mediaType }).logs).toHaveLength(1));

  test.each([
    "application/foo",
    "application/vnd.dev.sigstore.trustedroot.v0.3+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+jsonX",
    "",
  ])("S15: refuses media type %j", (mediaType) =>
    expect(codeOf(() => parse({ ...sampleTrustRoot(), mediaType }))).toBe("SIGSTORE_TRUST_ROOT_VERSION"),
  );

  test("lists may be absent, as in an instance without logs", () => {
    expect(parse({ mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1" })).toMatchObject({
      logs: [],
      authorities: [],
    });
  });

  test.each([
    ["an unknown key type", (_: Log, key: Log) => (key["keyDetails"] = "PKIX_NEW_THING")],
    ["a key type as a number", (_: Log, key: Log) => (key["keyDetails"] = 5)],
    ["no key type", (_: Log, key: Log) => delete key["keyDetails"]],
    ["a stateful hash-based key", (_: Log, key: Log) => (key["keyDetails"] = "LMS_SHA256")],
    ["a key that is none", (_: Log, key: Log) => (key["rawBytes"] = "AAAA")],
    ["a key of another type than its name says", (_: Log, key: Log) => (key["keyDetails"] = "PKIX_ED25519")],
    [
      "a key of another size than its name says",
      (_: Log, key: Log) =>
        Object.assign(key, { rawBytes: keys.rsa.spki, keyDetails: "PKIX_RSA_PKCS1V15_4096_SHA256" }),
    ],
    ["an unknown hash", (log: Log) => (log["hashAlgorithm"] = "SHA3_256")],
    ["no hash", (log: Log) => delete log["hashAlgorithm"]],
    ["the log id of another key", (log: Log) => (log["logId"] = { keyId: keys.rsa.keyId })],
    ["the checkpoint key id of another key", (log: Log) => (log["checkpointKeyId"] = { keyId: "AAAAAA==" })],
  ])("S16: passes over a log with %s, with a warning, and keeps the good one", (_, change) => {
    const root = withLog(change);
    expect(root.logs).toHaveLength(1);
    expect(warned(root)).toEqual(["SIGSTORE_TRUST_ROOT_LOG_SKIPPED"]);
    expect(root.warnings[0]?.level).toBe("warn");
  });

  const ed25519 = (log: Log, key: Log): void => {
    Object.assign(key, { rawBytes: keys.ed25519.spki, keyDetails: "PKIX_ED25519" });
    log["logId"] = { keyId: sha256("log.example\n", Uint8Array.of(1), ed25519Point).toString("base64") };
  };
  test.each([
    [
      "RSA by its PKIX name",
      (log: Log, key: Log) => {
        Object.assign(key, { rawBytes: keys.rsa.spki, keyDetails: "PKIX_RSA_PKCS1V15_2048_SHA256" });
        log["logId"] = { keyId: keys.rsa.keyId };
      },
      "rsa-pkcs1-sha256",
    ],
    [
      "RSA as bare PKCS#1, by its deprecated name",
      (log: Log, key: Log) => {
        Object.assign(key, {
          rawBytes: keys.rsa.bytes.subarray(24).toString("base64"),
          keyDetails: "PKCS1_RSA_PKCS1V5",
        });
        log["logId"] = { keyId: keys.rsa.keyId };
      },
      "rsa-pkcs1-sha256",
    ],
    ["Ed25519 with the id of a signed note (C2SP)", ed25519, "ed25519"],
    [
      "Ed25519 with the hash of its key",
      (log: Log, key: Log) => {
        ed25519(log, key);
        log["logId"] = { keyId: keys.ed25519.keyId };
      },
      "ed25519",
    ],
    [
      "S16: Ed25519 with a 4-byte checkpoint key id",
      (log: Log, key: Log) => {
        ed25519(log, key);
        log["checkpointKeyId"] = {
          keyId: sha256("log.example\n", Uint8Array.of(1), ed25519Point).subarray(0, 4).toString("base64"),
        };
      },
      "ed25519",
    ],
    [
      "S16: only a 4-byte checkpoint key id",
      (log: Log) => {
        delete log["logId"];
        log["checkpointKeyId"] = { keyId: Buffer.from(keys.p256.keyId, "base64").subarray(0, 4).toString("base64") };
      },
      "ecdsa-p256-sha256",
    ],
    ["an operator", (log: Log) => (log["operator"] = "example"), "ecdsa-p256-sha256"],
  ] satisfies [string, (log: Log, key: Log) => unknown, string][])("accepts a log with %s", (_, change, algorithm) => {
    const root = withLog(change);
    expect(warned(root)).toEqual([]);
    expect(root.logs[1]?.verifier.algorithm.name).toBe(algorithm);
  });

  test("a note's key id does not stand for a CT log, whose id is the hash of its key", () => {
    const log = sampleLog();
    ed25519(log, log["publicKey"] as Log);
    expect(parse({ ...sampleTrustRoot(), ctlogs: [log] }).ctLogs).toEqual([]);
  });

  test.each([
    ["no window", (_: Log, key: Log) => delete key["validFor"]],
    ["S6: a window without start", (_: Log, key: Log) => (key["validFor"] = { end: "2025-01-01T00:00:00Z" })],
    ["an empty window", (_: Log, key: Log) => (key["validFor"] = {})],
    [
      "an end before the start",
      (_: Log, key: Log) => (key["validFor"] = { start: "2025-01-01T00:00:00Z", end: "2024-12-31T23:59:59Z" }),
    ],
    ["a start that is no time", (_: Log, key: Log) => (key["validFor"] = { start: "yesterday" })],
    ["a day that does not exist", (_: Log, key: Log) => (key["validFor"] = { start: "2025-02-30T00:00:00Z" })],
    ["a time without zone", (_: Log, key: Log) => (key["validFor"] = { start: "2025-02-03T00:00:00" })],
  ])("a log with %s makes the root malformed", (_, change) => {
    expect(codeOf(() => withLog(change))).toBe("SIGSTORE_TRUST_ROOT_WINDOW");
  });

  test.each([
    ["authority without window", (authority: Log) => delete authority["validFor"], "SIGSTORE_TRUST_ROOT_WINDOW"],
    ["chain that is none", (authority: Log) => (authority["certChain"] = []), "SIGSTORE_TRUST_ROOT_MALFORMED"],
    [
      "certificate that is no base64",
      (authority: Log) => (authority["certChain"] = { certificates: [{ rawBytes: "!!!" }] }),
      "SIGSTORE_TRUST_ROOT_MALFORMED",
    ],
    [
      "eleven certificates",
      (authority: Log) =>
        (authority["certChain"] = {
          certificates: Array.from({ length: 11 }, () => ({ rawBytes: certificates.root })),
        }),
      "SIGSTORE_TRUST_ROOT_MALFORMED",
    ],
  ])("refuses: %s", (_, change, code) => {
    const root = sampleTrustRoot();
    change((root["certificateAuthorities"] as Log[])[0] as Log);
    expect(codeOf(() => parse(root))).toBe(code);
  });

  test.each([
    ["an empty chain", (authority: Log) => (authority["certChain"] = { certificates: [] })],
    ["a chain without a list", (authority: Log) => (authority["certChain"] = {})],
    ["no chain", (authority: Log) => delete authority["certChain"]],
    [
      "a certificate that cannot be read",
      (authority: Log) =>
        (authority["certChain"] = { certificates: [{ rawBytes: "MAA=" }, { rawBytes: certificates.root }] }),
    ],
  ])("S16: an authority with %s is passed over, and all else can be used", (_, change) => {
    for (const [list, parsed] of [
      ["certificateAuthorities", "authorities"],
      ["timestampAuthorities", "timestampAuthorities"],
    ] as const) {
      const json = sampleTrustRoot();
      const listed = (json[list] ?? []) as Log[];
      const first = listed[0] as Log;
      const broken = structuredClone(first);
      change(broken);
      const root = parse({ ...json, [list]: [broken, first] });
      expect(root[parsed]).toHaveLength(1);
      expect(warned(root)).toEqual(["SIGSTORE_TRUST_ROOT_AUTHORITY_SKIPPED"]);
    }
  });

  test("refuses broken ids, lists and JSON", () => {
    expect(codeOf(() => withLog((log) => (log["logId"] = { keyId: "AAAA" })))).toBe("SIGSTORE_TRUST_ROOT_MALFORMED");
    expect(codeOf(() => withLog((log) => delete log["logId"]))).toBe("SIGSTORE_TRUST_ROOT_MALFORMED");
    expect(codeOf(() => parse({ ...sampleTrustRoot(), tlogs: {} }))).toBe("SIGSTORE_TRUST_ROOT_MALFORMED");
    expect(codeOf(() => parse({ ...sampleTrustRoot(), tlogs: Array.from({ length: 257 }, sampleLog) }))).toBe(
      "SIGSTORE_TRUST_ROOT_MALFORMED",
    );
    expect(codeOf(() => parseTrustRoot(utf8("{}{}")))).toBe("CORE_JSON_MALFORMED");
    expect(codeOf(() => parseTrustRoot(new Uint8Array(maxTrustRootBytes + 1)))).toBe("CORE_TOO_LARGE");
  });

  test("passes over unknown members with a warning each", () => {
    const root = parse({ ...sampleTrustRoot(), novelty: 1, tlogs: [{ ...sampleLog(), surprise: {} }] });
    expect(warned(root)).toEqual(["SIGSTORE_TRUST_ROOT_MEMBER", "SIGSTORE_TRUST_ROOT_MEMBER"]);
    expect(root.logs).toHaveLength(1);
  });

  test("every mutant of every node gives a root or a TrustError", () => {
    const seen = new Set<string>();
    for (const mutant of mutants(sampleTrustRoot())) seen.add(codeOf(() => parse(mutant)));
    expect([...seen].toSorted()).toEqual(
      expect.arrayContaining([
        "SIGSTORE_TRUST_ROOT_MALFORMED",
        "SIGSTORE_TRUST_ROOT_VERSION",
        "SIGSTORE_TRUST_ROOT_WINDOW",
        "accepted",
      ]),
    );
  });
});

describe("Authority", () => {
  test("proves its chain's signatures, and remembers verifiers", () => {
    const [authority] = parse(sampleTrustRoot()).authorities;
    expect(() => authority?.checkChainSignatures()).not.toThrow();
    expect(authority?.verifier("ecdsa-p256-sha256")).toBe(authority?.verifier("ecdsa-p256-sha256"));
  });

  test("refuses a chain whose signature is another's, each time it is asked", () => {
    const root = sampleTrustRoot();
    (root["certificateAuthorities"] as Log[])[0]!["certChain"] = {
      certificates: [{ rawBytes: certificates.leaf }, { rawBytes: certificates.root }],
    };
    const [authority] = parse(root).authorities;
    for (let round = 0; round < 2; round++)
      expect(codeOf(() => authority?.checkChainSignatures())).toBe("SIGSTORE_CERTIFICATE_CHAIN");
  });
});

test("mergeTrustRoots is the union", () => {
  const one = parse(sampleTrustRoot());
  const both = mergeTrustRoots([one, parse({ ...sampleTrustRoot(), extra: 1 })]);
  expect([both.logs, both.ctLogs, both.authorities, both.timestampAuthorities].map((each) => each.length)).toEqual([
    2, 2, 2, 2,
  ]);
  expect(both.warnings).toHaveLength(1);
  expect(both.logs[0]).toBe(one.logs[0]);
});

test.each([
  ["https://log.example", "log.example"],
  ["https://log.example/", "log.example"],
  ["http://localhost:3003", "localhost:3003"],
  ["https://log.example/2025/h1/", "log.example/2025/h1"],
  ["log.example/path", "log.example/path"],
])("originOf(%s) is %s", (url, origin) => expect(originOf(url)).toBe(origin));

test("isWithin: both ends count, without an end it is open", () => {
  expect([1, 2, 3, 4].map((each) => isWithin({ startMs: 2, endMs: 3 }, each))).toEqual([false, true, true, false]);
  expect(isWithin({ startMs: 2 }, 8.64e15)).toBe(true);
});

describe.skipIf(!hasShared)("trust roots made by others", () => {
  const files = sharedFiles(/trusted_?root[^/]*\.json$/);
  test("are there", () => expect(files.length).toBeGreaterThan(15));
  test.each(files)("%s", (path) => {
    const bad = path.endsWith("badtype.json");
    expect(codeOf(() => parseTrustRoot(readShared(path)))).toBe(bad ? "SIGSTORE_TRUST_ROOT_VERSION" : "accepted");
    if (bad) return;
    const text = JSON.parse(new TextDecoder().decode(readShared(path))) as Record<"tlogs" | "ctlogs", unknown[]>;
    const root = parseTrustRoot(readShared(path));
    expect(root.warnings).toEqual([]);
    expect([root.logs.length, root.ctLogs.length]).toEqual([text.tlogs.length, text.ctlogs.length]);
    for (const authority of [...root.authorities, ...root.timestampAuthorities]) authority.checkChainSignatures();
  });
  test.each([
    ["trusted_root/certificate_authority.json", 1, []],
    ["trusted_root/certificate_authority.empty.json", 0, ["SIGSTORE_TRUST_ROOT_AUTHORITY_SKIPPED"]],
  ])("single authority %s", (path, count, warnings) => {
    const authority = JSON.parse(new TextDecoder().decode(readShared(path))) as Loose;
    const root = parse({ ...sampleTrustRoot(), certificateAuthorities: [authority] });
    expect(root.authorities).toHaveLength(count);
    expect(warned(root)).toEqual(warnings);
  });
});
