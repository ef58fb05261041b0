import { base64, makeVerifier } from "@countersign/core";
import { makeKeyPair, makeLog, makeWitness, type TrustedLog, type V1Options } from "@countersign/local-sigstore";
import {
  bundleOf,
  makeEvidence,
  makeInstance,
  outcomeOf,
  trustRootOf,
  withAt,
  type EntryKind,
  type Loose,
  type Plan,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { examineBundle, verifyBundle, type VerifyOptions } from "./verify.ts";

const instance = makeInstance();
const { now, rekor, rekorV1 } = instance;
const nowMs = now.getTime();
const trust = trustRootOf(instance);
const v1 = "hashedrekord 0.0.1" satisfies EntryKind;
const v2 = "hashedrekord 0.0.2" satisfies EntryKind;
const entry = "verificationMaterial.tlogEntries.0";

interface Change {
  readonly plan?: Plan;
  readonly edit?: (json: Loose) => Loose;
  readonly logs?: readonly TrustedLog[];
  readonly options?: Partial<VerifyOptions>;
}

function outcome({ plan = {}, edit = (json) => json, logs, options = {} }: Change): string {
  const { json, artifact } = makeEvidence(instance, plan);
  const root = logs === undefined ? trust : trustRootOf(instance, { logs });
  return outcomeOf(() => verifyBundle(bundleOf(edit(json)), artifact, root, { nowMs, ...options }));
}
const set =
  (path: string, value: Loose | undefined) =>
  (json: Loose): Loose =>
    withAt(json, path, value);
const both = [rekorV1.trusted, rekor.trusted];

describe("an entry's log", () => {
  test("unknown, or of another key under the same name: refused as unknown", () => {
    expect(outcome({ logs: [rekorV1.trusted] })).toBe("SIGSTORE_LOG_UNKNOWN");
    expect(outcome({ logs: [makeLog({ origin: rekor.origin, start: now }).trusted] })).toBe("SIGSTORE_LOG_UNKNOWN");
    expect(outcome({ edit: set(`${entry}.logId.keyId`, base64(rekorV1.logId)) })).toBe("SIGSTORE_LOG_CHECKPOINT");
  });

  test("known by the four bytes of a checkpoint key id (S16)", () => {
    const short = { ...rekor.trusted, logId: rekor.logId.subarray(0, 4), checkpointKeyId: rekor.logId.subarray(0, 4) };
    expect(outcome({ logs: [short] })).toBe("accepted");
    expect(outcome({ logs: [short], edit: set(`${entry}.logId.keyId`, base64(rekor.logId.subarray(0, 4))) })).toBe(
      "accepted",
    );
    expect(outcome({ logs: [short], edit: set(`${entry}.logId.keyId`, "AAAAAA==") })).toBe("SIGSTORE_LOG_UNKNOWN");
  });

  test("standing twice in the trust root: one of its windows has to fit", () => {
    const past = { ...rekor.trusted, validFor: { start: new Date(0), end: new Date(1000) } };
    expect(outcome({ logs: [past, rekor.trusted] })).toBe("accepted");
    expect(outcome({ logs: [rekor.trusted, past] })).toBe("accepted");
    expect(outcome({ logs: [past] })).toBe("SIGSTORE_LOG_WINDOW");
  });

  test("a kind nobody knows", () => {
    expect(outcome({ edit: set(`${entry}.kindVersion.kind`, "rekord") })).toBe("SIGSTORE_ENTRY_KIND");
    expect(outcome({ edit: set(`${entry}.kindVersion.version`, "0.0.3") })).toBe("SIGSTORE_ENTRY_KIND");
  });

  test("an unknown log's entry beside a good one counts for nothing; a forged one of a known log refuses", () => {
    const stranger = makeInstance("b");
    const theirs = (makeEvidence(stranger).json["verificationMaterial"] as { tlogEntries: Loose[] })
      .tlogEntries[0] as Loose;
    const beside =
      (other: (ours: Loose) => Loose) =>
      (json: Loose): Loose => {
        const [ours] = (json as { verificationMaterial: { tlogEntries: Loose[] } }).verificationMaterial.tlogEntries;
        return withAt(json, "verificationMaterial.tlogEntries", [ours as Loose, other(ours as Loose)]);
      };
    expect(outcome({ edit: beside(() => theirs) })).toBe("accepted");
    expect(outcome({ edit: beside((ours) => withAt(ours, "inclusionProof.logIndex", "0")) })).toBe(
      "SIGSTORE_LOG_INCLUSION",
    );
  });
});

describe("S6: the key's window", () => {
  const windowed = (log: TrustedLog, from: number, to: number): TrustedLog => ({
    ...log,
    validFor: { start: new Date(nowMs + from), end: new Date(nowMs + to) },
  });
  test.each([
    [v1, 0, 0, "accepted"],
    [v1, -5000, 0, "accepted"],
    [v1, 1000, 5000, "SIGSTORE_LOG_WINDOW"],
    [v1, -5000, -1000, "SIGSTORE_LOG_WINDOW"],
    [v2, 0, 0, "accepted"],
    [v2, 1000, 5000, "SIGSTORE_LOG_WINDOW"],
    [v2, -5000, -1000, "SIGSTORE_LOG_WINDOW"],
  ] as const)("%s, from %i to %i ms: %s", (kind, from, to, expected) => {
    expect(outcome({ plan: { entry: kind }, logs: both.map((log) => windowed(log, from, to)) })).toBe(expected);
  });

  test("Rekor v1's own checkpoint time counts, to the second", () => {
    const at = (offsetMs: number): string =>
      outcome({
        plan: { entry: v1, proof: { checkpoint: { extensions: [`Timestamp: ${nowMs + offsetMs}617352`] } } },
        logs: [windowed(rekorV1.trusted, -5000, 0)],
      });
    expect([at(0), at(999), at(1000), at(-6000)]).toEqual([
      "accepted",
      "accepted",
      "SIGSTORE_LOG_WINDOW",
      "SIGSTORE_LOG_WINDOW",
    ]);
  });

  test("with a managed key and no time at all, now counts", () => {
    const managed = makeKeyPair("p256");
    const options = { key: makeVerifier(managed.spki) };
    expect(outcome({ plan: { managed }, options })).toBe("accepted");
    expect(outcome({ plan: { managed }, options, logs: [windowed(rekor.trusted, -5000, -1000)] })).toBe(
      "SIGSTORE_LOG_WINDOW",
    );
    expect(outcome({ plan: { managed, entry: v1 }, options, logs: [windowed(rekorV1.trusted, -5000, 0)] })).toBe(
      "accepted",
    );
  });
});

describe("S7: the checkpoint", () => {
  const other = makeKeyPair("ed25519");
  const rows: readonly [string, NonNullable<V1Options["checkpoint"]>, string][] = [
    [
      "the log's own line last",
      { ownLine: "last", witnesses: [makeWitness({ name: "w.test", now: () => now })] },
      "accepted",
    ],
    [
      "a cosignature of an unknown witness",
      { witnesses: [makeWitness({ name: "w.test", now: () => now })] },
      "accepted",
    ],
    [
      "no line of the log",
      { ownLine: "absent", witnesses: [makeWitness({ name: "w.test", now: () => now })] },
      "SIGSTORE_LOG_CHECKPOINT",
    ],
    ["no line at all", { ownLine: "absent" }, "SIGSTORE_LOG_CHECKPOINT"],
    ["another name on the line", { name: "another.test" }, "SIGSTORE_LOG_CHECKPOINT"],
    ["a piece of the name", { name: "log.a" }, "SIGSTORE_LOG_CHECKPOINT"],
    ["another origin", { origin: "another.test" }, "SIGSTORE_LOG_CHECKPOINT"],
    ["a longer origin", { origin: `${rekor.origin}.evil` }, "SIGSTORE_LOG_CHECKPOINT"],
    ["Rekor v1's form of the origin", { origin: `${rekor.origin} - 5` }, "SIGSTORE_LOG_CHECKPOINT"],
    ["another key", { key: other }, "SIGSTORE_LOG_CHECKPOINT"],
    [
      "another key under the log's key hint",
      { key: other, keyHint: rekor.logId.subarray(0, 4) },
      "SIGSTORE_LOG_CHECKPOINT",
    ],
    ["the right key with another key hint", { keyHint: Uint8Array.of(1, 2, 3, 4) }, "SIGSTORE_LOG_CHECKPOINT"],
    ["an extension line", { extensions: ["anything"] }, "accepted"],
    ["another root", { root: new Uint8Array(32) }, "SIGSTORE_LOG_INCLUSION"],
    ["another size", { size: 1 }, "SIGSTORE_LOG_INCLUSION"],
    ["a size that is no number", { size: "07" }, "SIGSTORE_LOG_CHECKPOINT"],
    ["a root of 31 bytes", { root: new Uint8Array(31) }, "SIGSTORE_LOG_CHECKPOINT"],
  ];
  test.each(rows)("Rekor v2: %s", (_, checkpoint, expected) => {
    expect(outcome({ plan: { proof: { checkpoint } } })).toBe(expected);
  });

  test.each<[string, NonNullable<V1Options["checkpoint"]>, string]>([
    ["its own form of the origin", {}, "accepted"],
    ["the bare name as the origin", { origin: rekorV1.name }, "accepted"],
    ["a tree id that is no number", { origin: `${rekorV1.name} - x` }, "SIGSTORE_LOG_CHECKPOINT"],
    ["a name before the name", { origin: `x${rekorV1.name} - 1` }, "SIGSTORE_LOG_CHECKPOINT"],
    ["another key", { key: makeKeyPair("p256") }, "SIGSTORE_LOG_CHECKPOINT"],
    ["another name on the line", { name: "rekor.b.test" }, "SIGSTORE_LOG_CHECKPOINT"],
  ])("Rekor v1: %s", (_, checkpoint, expected) => {
    expect(outcome({ plan: { entry: v1, proof: { checkpoint } } })).toBe(expected);
  });
});

describe("S8, S9: what proves the entry, and the time", () => {
  test("a promise alone is enough in version 0.1 only", () => {
    expect(outcome({ plan: { entry: v1, version: "0.1" }, edit: set(`${entry}.inclusionProof`, undefined) })).toBe(
      "accepted",
    );
    expect(outcome({ plan: { entry: v1, version: "0.2" }, edit: set(`${entry}.inclusionProof`, undefined) })).toBe(
      "SIGSTORE_BUNDLE_PROOF_MISSING",
    );
    expect(outcome({ plan: { entry: v1, version: "0.1" }, edit: set(`${entry}.inclusionPromise`, undefined) })).toBe(
      "SIGSTORE_BUNDLE_PROOF_MISSING",
    );
  });

  test("a proof without a checkpoint is no proof", () => {
    const { json, artifact } = makeEvidence(instance, { entry: v1, version: "0.1" });
    const without = withAt(json, `${entry}.inclusionProof.checkpoint`, undefined);
    const claims = verifyBundle(bundleOf(without), artifact, trust, { nowMs });
    expect(claims.logs).toMatchObject([{ proof: "promise" }]);
    expect(claims.logs[0]).not.toHaveProperty("index");
    const bundle = bundleOf(without);
    const [only] = bundle.entries;
    const { promise: _, ...bare } = only as NonNullable<typeof only>;
    expect(
      outcomeOf(() => verifyBundle({ ...bundle, entries: [bare] }, artifact, trust, { nowMs, require: { times: 0 } })),
    ).toBe("SIGSTORE_LOG_NO_EVIDENCE");
    expect(outcomeOf(() => verifyBundle({ ...bundle, version: "0.3" }, artifact, trust, { nowMs }))).toBe(
      "SIGSTORE_LOG_NO_EVIDENCE",
    );
  });

  test("a promise over anything else: body, time, index, log id", () => {
    expect(outcome({ plan: { entry: v1 }, edit: set(`${entry}.inclusionPromise.signedEntryTimestamp`, "MEUC") })).toBe(
      "SIGSTORE_LOG_PROMISE",
    );
    expect(outcome({ plan: { entry: v1 }, edit: set(`${entry}.integratedTime`, String(nowMs / 1000 + 1)) })).toBe(
      "SIGSTORE_LOG_PROMISE",
    );
    expect(outcome({ plan: { entry: v1 }, edit: set(`${entry}.logIndex`, "7") })).toBe("SIGSTORE_LOG_PROMISE");
  });

  test("a promised time that is none", () => {
    for (const integratedTime of [0, -1]) {
      const expected = integratedTime < 0 ? "SIGSTORE_BUNDLE_MALFORMED" : "SIGSTORE_LOG_PROMISE";
      expect(outcome({ plan: { entry: v1, proof: { integratedTime } } })).toBe(expected);
    }
    expect(outcome({ plan: { entry: v1, proof: { integratedTime: 9e12 } } })).toBe("SIGSTORE_LOG_PROMISE");
  });

  test("a promised time in the future, or outside the certificate", () => {
    expect(outcome({ plan: { entry: v1, proof: { integratedTime: nowMs / 1000 + 3600 } } })).toBe(
      "SIGSTORE_CERTIFICATE_TIME",
    );
    expect(outcome({ plan: { entry: v1, proof: { integratedTime: nowMs / 1000 - 1 } } })).toBe(
      "SIGSTORE_CERTIFICATE_TIME",
    );
    expect(outcome({ plan: { entry: v1, proof: { integratedTime: nowMs / 1000 + 600 } } })).toBe("accepted");
  });

  test("without its promise the time counts for nothing, right or wrong", () => {
    const plan: Plan = { entry: v1, proof: { withoutPromise: true } };
    expect(outcome({ plan })).toBe("SIGSTORE_TOO_FEW_TIMES");
    expect(outcome({ plan: { ...plan, stamps: [{}] } })).toBe("accepted");
    expect(outcome({ plan: { ...plan, stamps: [{}] }, edit: set(`${entry}.integratedTime`, "1") })).toBe("accepted");
  });

  test("Rekor v2's integratedTime is never a time, even with a promise beside it", () => {
    expect(outcome({ plan: { stamps: [] }, edit: set(`${entry}.integratedTime`, String(nowMs / 1000)) })).toBe(
      "SIGSTORE_TOO_FEW_TIMES",
    );
    const promise = base64(
      rekorV1.setFor({ body: new Uint8Array(), integratedTime: nowMs / 1000, logIndex: 1, key: rekor.key }),
    );
    expect(
      outcome({ plan: { stamps: [] }, edit: set(`${entry}.inclusionPromise`, { signedEntryTimestamp: promise }) }),
    ).toBe("SIGSTORE_TOO_FEW_TIMES");
  });
});

describe("the inclusion proof", () => {
  const proof = `${entry}.inclusionProof`;
  test.each<[string, (json: Loose) => Loose, string]>([
    ["another index", set(`${proof}.logIndex`, "1"), "SIGSTORE_LOG_INCLUSION"],
    ["an index beyond the tree", set(`${proof}.logIndex`, "9007199254740993"), "SIGSTORE_LOG_INCLUSION"],
    ["no hashes: a made-up tree of one leaf (S8)", set(`${proof}.hashes`, []), "SIGSTORE_LOG_INCLUSION"],
    [
      "a hash too many",
      (json) =>
        withAt(
          json,
          `${proof}.hashes`,
          Array.from({ length: 20 }, () => base64(new Uint8Array(32))),
        ),
      "SIGSTORE_LOG_INCLUSION",
    ],
    ["a wrong hash", set(`${proof}.hashes.0`, base64(new Uint8Array(32))), "SIGSTORE_LOG_INCLUSION"],
    ["S17: another tree size than the checkpoint's", set(`${proof}.treeSize`, "123456"), "accepted"],
    ["S17: another root than the checkpoint's", set(`${proof}.rootHash`, base64(new Uint8Array(32))), "accepted"],
    ["S17: another global index", set(`${entry}.logIndex`, "123456"), "accepted"],
  ])("%s", (_, edit, expected) => {
    expect(outcome({ edit })).toBe(expected);
  });

  test("S17: claims hold what was proved, not what was said", () => {
    const { json, artifact } = makeEvidence(instance);
    const honest = verifyBundle(bundleOf(json), artifact, trust, { nowMs }).logs;
    const lied = [
      [`${proof}.treeSize`, "123456"],
      [`${proof}.rootHash`, base64(new Uint8Array(32))],
      [`${entry}.logIndex`, "99"],
    ].reduce<Loose>((value, [path, text]) => withAt(value, path as string, text as string), json);
    expect(verifyBundle(bundleOf(lied), artifact, trust, { nowMs }).logs).toEqual(honest);
    expect(honest).toEqual([
      {
        origin: rekor.origin,
        logId: base64(rekor.logId),
        operator: "log-a",
        entry: "hashedrekord 0.0.2",
        index: String(rekor.tree.size() - 1),
        treeSize: String(rekor.tree.size()),
        proof: "inclusion",
      },
    ]);
  });
});

describe("S14: how many logs", () => {
  test("an entry given twice counts once; a second operator's counts", () => {
    const { json, artifact } = makeEvidence(instance, { entry: v1, stamps: [{}] });
    const bundle = bundleOf(json);
    const twice = { ...bundle, entries: [...bundle.entries, ...bundle.entries] };
    const need = (entries: typeof bundle, logEntries: number): string =>
      outcomeOf(() => verifyBundle(entries, artifact, trust, { nowMs, require: { logEntries } }));
    expect([need(twice, 1), need(twice, 2)]).toEqual(["accepted", "SIGSTORE_TOO_FEW_LOG_ENTRIES"]);
    expect(verifyBundle(twice, artifact, trust, { nowMs }).logs).toHaveLength(1);
  });

  test("none", () => {
    expect(outcome({ plan: { entry: "none" } })).toBe("SIGSTORE_TOO_FEW_LOG_ENTRIES");
    expect(outcome({ plan: { entry: "none" }, options: { require: { logEntries: 0 } } })).toBe("accepted");
  });
});

test("every check is listed, with the code of what failed", () => {
  const { json, artifact } = makeEvidence(instance);
  const wrong = withAt(json, `${entry}.inclusionProof.hashes`, []);
  const { checks, claims, problem } = examineBundle(bundleOf(wrong), artifact, trust, { nowMs });
  expect(claims).toBeUndefined();
  expect(problem?.code).toBe("SIGSTORE_LOG_INCLUSION");
  expect(checks.filter(({ result }) => result === "failed").map(({ name }) => name)).toEqual([
    "log-entry[0]",
    "log-entries",
  ]);
  expect(checks.filter(({ result }) => result === "passed").map(({ name }) => name)).toContain("signature");
});
