import { base64, concatBytes, parseCertificate, type Certificate } from "@countersign/core";
import {
  makeAuthority,
  makeCtLog,
  makeKeyPair,
  type CtLog,
  type IssueOptions,
  type SctMaker,
} from "@countersign/local-sigstore";
import { bundleOf, makeEvidence, makeInstance, outcomeOf, trustRootOf, type Plan } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { checkSct, logsOfSct, maxScts, parseSctList, type Sct } from "./sct.ts";
import type { Log } from "./trust-root.ts";
import { examineBundle, verifyBundle } from "./verify.ts";

const instance = makeInstance();
const nowMs = instance.now.getTime();
const start = new Date(nowMs - 1000);
const { spki } = makeKeyPair("p256");
const issuer = parseCertificate(instance.ca.chain[0] as Uint8Array);
const logsOf = (...logs: CtLog[]): readonly Log[] =>
  trustRootOf(instance, { ctLogs: logs.map((log) => log.trusted) }).ctLogs;

function leafWith(sct: IssueOptions["sct"], ctLogs: readonly CtLog[] = [instance.ctLog]): Certificate {
  return parseCertificate(
    instance.ca.issue({
      spki,
      identity: { type: "email", value: "a@b.test" },
      issuer: "https://token.test",
      ctLogs,
      ...(sct && { sct }),
    }).certificate,
  );
}
const firstSct = (leaf: Certificate): Sct => parseSctList(leaf.sctList as Uint8Array)[0] as Sct;
const outcome = (leaf: Certificate, logs = logsOf(instance.ctLog)): string =>
  outcomeOf(() => checkSct(firstSct(leaf), leaf, issuer, logs));

describe("one SCT", () => {
  test("a promise of this certificate is proved, and by whom", () => {
    const leaf = leafWith("good");
    expect(checkSct(firstSct(leaf), leaf, issuer, logsOf(instance.ctLog)).baseUrl).toBe("http://ct.a.test");
  });

  test("static CT's extensions are signed", () => {
    const maker: SctMaker = (precert) => [
      instance.ctLog.promise({ ...precert, time: instance.now, extensions: Uint8Array.of(0, 0, 5, 1, 2, 3, 4, 5) }),
    ];
    const leaf = leafWith(maker);
    expect(firstSct(leaf).extensions.length).toBe(8);
    expect(outcome(leaf)).toBe("accepted");
    const changed = { ...firstSct(leaf), extensions: Uint8Array.of(1) };
    expect(outcomeOf(() => checkSct(changed, leaf, issuer, logsOf(instance.ctLog)))).toBe("SIGSTORE_SCT_INVALID");
  });

  test.each(["p256", "p384", "rsa2048"] as const)("a log with a %s key", (kind) => {
    const log = makeCtLog({ baseUrl: "http://ct.test", start, key: makeKeyPair(kind) });
    const sct = leafWith("good", [log]);
    // Logs of RFC 6962 sign with SHA-256 whatever the curve; the trust root's name for P-384 says SHA-384.
    expect(outcome(sct, logsOf(log))).toBe(kind === "p384" ? "SIGSTORE_SCT_INVALID" : "accepted");
  });

  test("a promise of another precertificate, under another issuer, by another key (S12)", () => {
    expect(outcome(leafWith("wrong-precert"))).toBe("SIGSTORE_SCT_INVALID");
    const leaf = leafWith("good");
    const other = parseCertificate(makeAuthority({ uri: "", now: () => instance.now }).chain[0] as Uint8Array);
    expect(outcomeOf(() => checkSct(firstSct(leaf), leaf, other, logsOf(instance.ctLog)))).toBe("SIGSTORE_SCT_INVALID");
    const forged: SctMaker = (precert) => [
      instance.ctLog.promise({ ...precert, time: instance.now, signer: makeKeyPair("p256") }),
    ];
    expect(outcome(leafWith(forged))).toBe("SIGSTORE_SCT_INVALID");
  });

  test("a changed time, hash or kind of signature", () => {
    const leaf = leafWith("good");
    const logs = logsOf(instance.ctLog);
    for (const change of [
      { timestampMs: nowMs + 1 },
      { hashAlgorithm: 2 },
      { signatureAlgorithm: 1 },
      { signature: new Uint8Array(8) },
    ]) {
      expect(outcomeOf(() => checkSct({ ...firstSct(leaf), ...change }, leaf, issuer, logs))).toBe(
        "SIGSTORE_SCT_INVALID",
      );
    }
  });

  test("the log's window counts at the SCT's own time, both ends included (S12)", () => {
    const leaf = leafWith("good");
    const window = (from: number, to: number): string =>
      outcomeOf(() =>
        checkSct(
          firstSct(leaf),
          leaf,
          issuer,
          logsOf(instance.ctLog).map((log) => ({ ...log, validFor: { startMs: nowMs + from, endMs: nowMs + to } })),
        ),
      );
    expect([window(0, 0), window(1, 9), window(-9, -1)]).toEqual([
      "accepted",
      "SIGSTORE_SCT_WINDOW",
      "SIGSTORE_SCT_WINDOW",
    ]);
  });

  test("only logs of its id are asked", () => {
    const leaf = leafWith("good");
    const other = makeCtLog({ baseUrl: "http://other.test", start });
    expect(logsOfSct(firstSct(leaf), logsOf(other, instance.ctLog)).map((log) => log.baseUrl)).toEqual([
      "http://ct.a.test",
    ]);
  });
});

describe("the list's form", () => {
  const [sct] = leafWith("good").sctList === undefined ? [] : [(leafWith("good").sctList as Uint8Array).subarray(4)];
  const one = sct as Uint8Array;
  const vector = (bytes: Uint8Array): Uint8Array =>
    concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes);
  const list = (...scts: Uint8Array[]): Uint8Array => vector(concatBytes(...scts.map(vector)));

  test("every cut and every byte too many is refused", () => {
    const whole = list(one);
    expect(parseSctList(whole)).toHaveLength(1);
    for (let length = 0; length < whole.length; length++) {
      expect(outcomeOf(() => parseSctList(whole.subarray(0, length)))).toBe("SIGSTORE_SCT_MALFORMED");
    }
    expect(outcomeOf(() => parseSctList(concatBytes(whole, Uint8Array.of(0))))).toBe("SIGSTORE_SCT_MALFORMED");
    expect(outcomeOf(() => parseSctList(list(concatBytes(one, Uint8Array.of(0)))))).toBe("SIGSTORE_SCT_MALFORMED");
  });

  test("an empty list, another version, a time no Date holds, too many", () => {
    expect(outcomeOf(() => parseSctList(list()))).toBe("SIGSTORE_SCT_MALFORMED");
    expect(outcomeOf(() => parseSctList(list(one.with(0, 1))))).toBe("SIGSTORE_SCT_MALFORMED");
    expect(outcomeOf(() => parseSctList(list(one.with(33, 255))))).toBe("SIGSTORE_SCT_MALFORMED");
    expect(parseSctList(list(...Array.from({ length: maxScts }, () => one)))).toHaveLength(maxScts);
    expect(outcomeOf(() => parseSctList(list(...Array.from({ length: maxScts + 1 }, () => one))))).toBe(
      "SIGSTORE_SCT_MALFORMED",
    );
  });
});

describe("SCTs of a bundle", () => {
  const other = makeCtLog({ baseUrl: "http://other.test", start });
  const run = (leaf: Plan["leaf"], ctLogs: readonly CtLog[] = [instance.ctLog], scts = 1): string => {
    const { json, artifact } = makeEvidence(instance, leaf === undefined ? {} : { leaf });
    const trust = trustRootOf(instance, { ctLogs: ctLogs.map((log) => log.trusted) });
    return outcomeOf(() => verifyBundle(bundleOf(json), artifact, trust, { nowMs, require: { scts } }));
  };

  test("S12: the SCT of an unknown log beside a good one counts for nothing, alone it is not enough", () => {
    expect(run({ ctLogs: [other, instance.ctLog] })).toBe("accepted");
    expect(run({ ctLogs: [other] })).toBe("SIGSTORE_SCT_UNKNOWN");
    expect(run({ ctLogs: [other] }, [instance.ctLog], 0)).toBe("accepted");
  });

  test("S12: a forged SCT of a known log is refused, also beside a good one", () => {
    const forge: SctMaker = (precert) => [
      instance.ctLog.promise({ ...precert, time: instance.now }),
      instance.ctLog.promise({ ...precert, time: instance.now, signer: makeKeyPair("p256") }),
    ];
    expect(run({ sct: forge })).toBe("SIGSTORE_SCT_INVALID");
  });

  test("none at all", () => {
    expect(run({ sct: "none" })).toBe("SIGSTORE_TOO_FEW_SCTS");
    expect(run({ sct: [] })).toBe("SIGSTORE_SCT_MALFORMED");
  });

  test("S14: two SCTs of one log, and of two logs of one operator, count once", () => {
    const twice: SctMaker = (precert) =>
      [1, 2].map((ms) => instance.ctLog.promise({ ...precert, time: new Date(nowMs + ms) }));
    expect(run({ sct: twice }, [instance.ctLog], 2)).toBe("SIGSTORE_TOO_FEW_SCTS");
    const sister = makeCtLog({ baseUrl: "http://sister.test", start, operator: "ct-a" });
    expect(run({ ctLogs: [instance.ctLog, sister] }, [instance.ctLog, sister], 2)).toBe("SIGSTORE_TOO_FEW_SCTS");
    const stranger = makeCtLog({ baseUrl: "http://stranger.test", start, operator: "ct-b" });
    expect(run({ ctLogs: [instance.ctLog, stranger] }, [instance.ctLog, stranger], 2)).toBe("accepted");
  });

  test("claims name each log once", () => {
    const twice: SctMaker = (precert) =>
      [1, 2].map((ms) => instance.ctLog.promise({ ...precert, time: new Date(nowMs + ms) }));
    const { json, artifact } = makeEvidence(instance, { leaf: { sct: twice } });
    const { claims, checks } = examineBundle(bundleOf(json), artifact, trustRootOf(instance), { nowMs });
    expect(claims?.scts).toEqual([
      { logId: base64(instance.ctLog.logId), operator: "ct-a", time: new Date(nowMs + 1).toISOString() },
    ]);
    expect(checks.filter(({ name }) => name.startsWith("sct["))).toHaveLength(2);
  });
});
