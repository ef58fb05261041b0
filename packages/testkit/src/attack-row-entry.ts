/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { base64, utf8 } from "@countersign/core";
import {
  canonical,
  hashedRekordBody001,
  hashedRekordBody002,
  makeCtLog,
  makeKeyPair,
  makeLog,
  signWith,
  type EntryJson,
} from "@countersign/local-sigstore";
import { tokenOf, tokensPath } from "./attack-row-certificate.ts";
import { entriesPath } from "./attack-row-log.ts";
import { after, forge, type Attack, type Departure, type Stage } from "./attack-vector.ts";
import { makeEvidence, type EntryKind, type Evidence, type Plan, type Signed } from "./evidence.ts";
import type { Loose } from "./json.ts";

const entry = `${entriesPath}.0`;
const v1: Plan = { entry: "hashedrekord 0.0.1" };
const seconds = (at: number): number => after(at).getTime() / 1000;

/** S9: times that nobody signed. */
export function rowS9(stage: Stage): Attack[] {
  const make = forge(stage, "S9", "integratedTime is a time only under a verified promise (sigstore_rekor.proto)");
  const { rekor, rekorV1 } = stage.a;
  const few: Departure = { expect: "SIGSTORE_TOO_FEW_TIMES" };
  const noStamp = makeEvidence(stage.a, { stamps: [] });
  const stamped = makeEvidence(stage.a);
  const time = [`${entry}.integratedTime`, String(seconds(60))] as const;
  const v2Promise = promiseOf(stage, noStamp);
  const unpromised = makeEvidence(stage.a, { ...v1, proof: { withoutPromise: true } });
  const badPromise = base64(signWith(stage.twin.rekorV1.key, utf8("x"), "sha256"));
  const times: Departure = { expect: "ok", claims: { times: [{ source: "rfc3161" }] } };
  return [
    make("v1-no-promise", "Rekor v1 time without a promise", unpromised, few),
    make("v2-time", "Rekor v2 entry with an integratedTime, no timestamp", noStamp, { ...few, edits: [time] }),
    make("v2-promise", "Rekor v2 entry with a promise signed by the v2 key, no timestamp", noStamp, {
      ...few,
      edits: [time, [`${entry}.inclusionPromise`, v2Promise]],
    }),
    make("v2-time-beside", "Rekor v2 entry with an integratedTime outside the certificate, good timestamp", stamped, {
      ...times,
      edits: [[`${entry}.integratedTime`, String(seconds(86_400))]],
    }),
    make(
      "v1-no-promise-beside",
      "Rekor v1 time without a promise outside the certificate, good timestamp",
      makeEvidence(stage.a, {
        ...v1,
        proof: { withoutPromise: true, integratedTime: seconds(86_400) },
        stamps: [{}],
      }),
      times,
    ),
    make("bad-promise", "forged promise beside a good timestamp", makeEvidence(stage.a, { ...v1, stamps: [{}] }), {
      expect: "SIGSTORE_LOG_PROMISE",
      edits: [[`${entry}.inclusionPromise.signedEntryTimestamp`, badPromise]],
    }),
    make("promise-other-log", "promise signed by another known log", makeEvidence(stage.a, v1), {
      expect: "SIGSTORE_LOG_PROMISE",
      edits: [[`${entry}.inclusionPromise`, v2Promise]],
      root: { logs: [rekor.trusted, rekorV1.trusted] },
    }),
    make("negative", "integratedTime below zero", makeEvidence(stage.a, v1), {
      expect: "SIGSTORE_BUNDLE_MALFORMED",
      edits: [[`${entry}.integratedTime`, "-1"]],
    }),
    make("zero", "promise of the log for the time 0", makeEvidence(stage.a, { ...v1, proof: { integratedTime: 0 } }), {
      expect: "SIGSTORE_LOG_PROMISE",
    }),
  ];
}

function promiseOf({ a }: Stage, { signed }: Evidence): { signedEntryTimestamp: string } {
  const body = base64(hashedRekordBody002(signed));
  const logID = Buffer.from(a.rekor.logId).toString("hex");
  const text = canonical({ body, integratedTime: seconds(60), logID, logIndex: 1 });
  return { signedEntryTimestamp: base64(signWith(a.rekor.key, text)) };
}

/** S10: genuine entries of the log that are about something else. */
export function rowS10(stage: Stage): Attack[] {
  const make = forge(
    stage,
    "S10",
    "@sigstore/verify 4.1.3 never compares the entry's certificate or key with the bundle's",
  );
  const mismatch: Departure = { expect: "SIGSTORE_ENTRY_MISMATCH" };
  const kinds: EntryKind[] = ["hashedrekord 0.0.1", "hashedrekord 0.0.2", "dsse 0.0.1", "intoto 0.0.2", "dsse 0.0.2"];
  const otherKey = makeKeyPair("p256");
  const otherLeaf = makeEvidence(stage.a).leaf ?? new Uint8Array();
  const otherSignature = (signed: Signed): Signed => ({ ...signed, signature: signWith(otherKey, utf8("x")) });
  const changes: [string, string, (signed: Signed) => Signed][] = [
    ["artifact", "of another artifact", (signed) => ({ ...signed, digest: new Uint8Array(32), payload: utf8("{}") })],
    ["signature", "of another signature", otherSignature],
    [
      "certificate",
      "of another certificate, same signature and digest",
      (signed) => ({ ...signed, verifier: { ...signed.verifier, der: otherLeaf } }),
    ],
    [
      "key",
      "of a bare key, same signature and digest",
      (signed) => ({ ...signed, verifier: { ...signed.verifier, type: "public-key", der: otherKey.spki } }),
    ],
  ];
  const keyless = kinds.flatMap((kind) => {
    const content = kind.startsWith("hashedrekord") ? "message" : "envelope";
    return changes.map(([slug, about, logged]) =>
      make(
        `${kind.replace(" ", "-")}-${slug}`,
        `${kind} ${about}`,
        makeEvidence(stage.a, { entry: kind, content, logged }),
        mismatch,
      ),
    );
  });
  const managed = makeKeyPair("p256");
  const keyed = (entryKind: EntryKind, logged: (signed: Signed) => Signed): Evidence =>
    makeEvidence(stage.a, { managed, entry: entryKind, logged });
  const toOtherKey = (signed: Signed): Signed => ({ ...signed, verifier: { ...signed.verifier, der: otherKey.spki } });
  const toCertificate = (signed: Signed): Signed => ({
    ...signed,
    verifier: { ...signed.verifier, type: "certificate", der: otherLeaf },
  });
  return [
    ...keyless,
    make("managed-v2-key", "managed key: entry of another key", keyed("hashedrekord 0.0.2", toOtherKey), mismatch),
    make(
      "managed-v1-key",
      "managed key: entry of another key in Rekor v1",
      keyed("hashedrekord 0.0.1", toOtherKey),
      mismatch,
    ),
    make(
      "managed-v2-certificate",
      "managed key: entry of a certificate",
      keyed("hashedrekord 0.0.2", toCertificate),
      mismatch,
    ),
    make(
      "managed-v1-certificate",
      "managed key: entry of a certificate in Rekor v1",
      keyed("hashedrekord 0.0.1", toCertificate),
      mismatch,
    ),
  ];
}

/** S14: one party that is counted twice. */
export function rowS14(stage: Stage): Attack[] {
  const make = forge(stage, "S14", "thresholds count distinct operators (sigstore_trustroot.proto)");
  const { a, b } = stage;
  const evidence = makeEvidence(a);
  const [own] = (evidence.json["verificationMaterial"] as unknown as { tlogEntries: EntryJson[] }).tlogEntries;
  const entries = (second: EntryJson | undefined): [string, Loose] => [
    `${entriesPath}.1`,
    (second ?? null) as unknown as Loose,
  ];
  const again = a.rekor.append(hashedRekordBody002(evidence.signed));
  const inB = b.rekor.append(hashedRekordBody002(evidence.signed));
  const inV1 = a.rekorV1.append(hashedRekordBody001(evidence.signed), {});
  const logsOf = (...operators: string[]): Pick<Departure, "root" | "rootEdits"> => ({
    root: { logs: [a.rekor.trusted, b.rekor.trusted, a.rekorV1.trusted] },
    rootEdits: [
      ...operators.map((name, index) => [`tlogs.${index}.operator`, name] as const),
      ["timestampAuthorities.0.operator", "one"],
    ],
  });
  const distinct = logsOf("one", "two", "three");
  const twoTsas: Departure["root"] = { tsas: [a.tsa.trusted, b.tsa.trusted] };
  const few = "SIGSTORE_TOO_FEW_LOG_ENTRIES";
  const fewTimes = "SIGSTORE_TOO_FEW_TIMES";
  const two = { logEntries: 2 };
  const times = { times: 2 };
  const token = (tsa: typeof a.tsa, at: number): Loose => tokenOf(tsa, evidence, { time: after(at) });
  const stamps = (...list: Loose[]): [string, Loose] => [tokensPath, list];
  const twiceNamed = [
    { ...a.tsa.trusted, uri: "http://one.test" },
    { ...a.tsa.trusted, uri: "http://two.test" },
  ];
  const end = after(30);
  const renamed = [
    { ...a.tsa.trusted, uri: "http://one.test", validFor: { start: after(-60), end } },
    { ...a.tsa.trusted, uri: "http://two.test", validFor: { start: end } },
  ];
  const ctTwo: Departure["root"] = { ctLogs: [a.ctLog.trusted, b.ctLog.trusted] };
  const oneOperator: Departure["rootEdits"] = [
    ["ctlogs.0.operator", "one"],
    ["ctlogs.1.operator", "one"],
  ];
  const sctTwice = makeEvidence(a, { leaf: { ctLogs: [a.ctLog, a.ctLog] } });
  const start = after(-60);
  const formerly = makeLog({ origin: a.rekor.origin, start });
  const ctFormerly = makeCtLog({ baseUrl: a.ctLog.trusted.baseUrl, start });
  const sctRenewed = makeEvidence(a, { leaf: { ctLogs: [a.ctLog, ctFormerly] } });
  const sctBoth = makeEvidence(a, { leaf: { ctLogs: [a.ctLog, b.ctLog] } });
  return [
    make("control-two-logs", "two logs of two operators", evidence, {
      expect: "ok",
      edits: [entries(inB)],
      require: two,
      ...distinct,
    }),
    make("same-entry", "the same entry twice", evidence, {
      expect: few,
      edits: [entries(own)],
      require: two,
      ...distinct,
    }),
    make("same-log", "two entries of one log", evidence, {
      expect: few,
      edits: [entries(again)],
      require: two,
      ...distinct,
    }),
    make("same-operator", "two logs of one operator", evidence, {
      expect: few,
      edits: [entries(inB)],
      require: two,
      ...logsOf("one", "one", "three"),
    }),
    make("generations", "Rekor v1 and v2 of one operator", evidence, {
      expect: few,
      edits: [entries(inV1)],
      require: two,
      ...logsOf("one", "two", "one"),
    }),
    make("one-claim", "the same entry twice is one log in the claims", evidence, {
      expect: "ok",
      edits: [entries(own)],
      claims: { logs: [{ proof: "inclusion" }] },
    }),
    make("control-two-stamps", "timestamps of two operators", evidence, {
      expect: "ok",
      edits: [stamps(token(a.tsa, 5), token(b.tsa, 6))],
      require: times,
      root: twoTsas,
    }),
    make("same-stamp", "the same timestamp twice", evidence, {
      expect: fewTimes,
      edits: [stamps(token(a.tsa, 5), token(a.tsa, 5))],
      require: times,
      root: twoTsas,
    }),
    make("same-tsa", "two timestamps of one authority", evidence, {
      expect: fewTimes,
      edits: [stamps(token(a.tsa, 5), token(a.tsa, 6))],
      require: times,
      root: twoTsas,
    }),
    make("tsa-and-log", "timestamp and promise of one operator", evidence, {
      expect: fewTimes,
      edits: [entries(inV1)],
      require: times,
      ...logsOf("one", "two", "one"),
    }),
    make("tsa-two-names", "one authority under two addresses", evidence, {
      expect: fewTimes,
      edits: [stamps(token(a.tsa, 5), token(a.tsa, 6))],
      require: times,
      root: { tsas: twiceNamed },
    }),
    make("tsa-renamed", "one authority's key under two addresses, one after the other", evidence, {
      expect: fewTimes,
      edits: [stamps(token(a.tsa, 5), token(a.tsa, 60))],
      require: times,
      root: { tsas: renamed },
    }),
    make("tsa-operators", "one authority's key with two operators", evidence, {
      expect: fewTimes,
      edits: [stamps(token(a.tsa, 5), token(a.tsa, 60))],
      require: times,
      root: { tsas: renamed },
      rootEdits: [
        ["timestampAuthorities.0.operator", "one"],
        ["timestampAuthorities.1.operator", "two"],
      ],
    }),
    make("same-sct", "two SCTs of one log", sctTwice, { expect: "SIGSTORE_TOO_FEW_SCTS", require: { scts: 2 } }),
    make("sct-operator", "SCTs of two logs of one operator", sctBoth, {
      expect: "SIGSTORE_TOO_FEW_SCTS",
      require: { scts: 2 },
      root: ctTwo,
      rootEdits: oneOperator,
    }),
    make("log-new-key", "one log by its former and its present key, nobody named", evidence, {
      expect: few,
      edits: [entries(formerly.append(hashedRekordBody002(evidence.signed)))],
      require: two,
      root: { logs: [a.rekor.trusted, formerly.trusted] },
    }),
    make("sct-new-key", "SCTs of one CT log by both its keys, nobody named", sctRenewed, {
      expect: "SIGSTORE_TOO_FEW_SCTS",
      require: { scts: 2 },
      root: { ctLogs: [a.ctLog.trusted, ctFormerly.trusted] },
    }),
    make("control-two-scts", "SCTs of two logs", sctBoth, { expect: "ok", require: { scts: 2 }, root: ctTwo }),
  ];
}
