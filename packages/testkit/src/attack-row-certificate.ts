/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import {
  certificateOids,
  formatSctList,
  makeAuthority,
  makeKeyPair,
  makeTsa,
  type Authority,
  type AuthorityOptions,
  type IssueOptions,
  type Tsa,
  type TsaOptions,
} from "@countersign/local-sigstore";
import { base64 } from "@countersign/core";
import { after, forge, type Attack, type Departure, type Forge, type Stage } from "./attack-vector.ts";
import { makeEvidence, type Evidence } from "./evidence.ts";

/** Where the tokens of a bundle stand. */
export const tokensPath = "verificationMaterial.timestampVerificationData.rfc3161Timestamps";
const unknownCritical = { oid: "1.2.3.4.5", critical: true, value: Uint8Array.of(5, 0) };
const nameConstraints = { oid: "2.5.29.30", critical: true, value: Uint8Array.of(0x30, 0) };

/** S5: certificates that are not fit for what they are used for. */
export function rowS5(stage: Stage): Attack[] {
  const make = forge(
    stage,
    "S5",
    "@sigstore/verify 4.1.3 looks at no extended key usage, critical extension or path length of leaf and TSA",
  );
  return [...leaves(stage, make), ...chains(stage, make), ...timestampAuthorities(stage, make)];
}

function leaves(stage: Stage, make: Forge): Attack[] {
  const leaf = (how: Partial<IssueOptions>): Evidence => makeEvidence(stage.a, { leaf: how });
  const usage: Departure = { expect: "SIGSTORE_CERTIFICATE_USAGE" };
  const { codeSigning, serverAuth, timeStamping } = certificateOids;
  return [
    make(
      "control-leaf",
      "certificate with codeSigning among other purposes",
      leaf({ extendedKeyUsages: [serverAuth, codeSigning] }),
      { expect: "ok", control: true },
    ),
    make("leaf-no-purpose", "leaf without extended key usage", leaf({ extendedKeyUsages: [] }), usage),
    make("leaf-server", "leaf for TLS servers", leaf({ extendedKeyUsages: [serverAuth] }), usage),
    make("leaf-any", "leaf for any purpose", leaf({ extendedKeyUsages: ["2.5.29.37.0"] }), usage),
    make(
      "leaf-stamps",
      "leaf for timestamps",
      leaf({ extendedKeyUsages: [timeStamping], extendedKeyUsageCritical: true }),
      usage,
    ),
    make(
      "leaf-ca",
      "leaf with the CA flag",
      leaf({ isCa: true, keyUsages: ["digitalSignature", "keyCertSign"] }),
      usage,
    ),
    make("leaf-no-key-usage", "leaf without key usage", leaf({ keyUsages: [] }), usage),
    make(
      "leaf-no-signature",
      "leaf whose key usage is without digitalSignature",
      leaf({ keyUsages: ["keyEncipherment"] }),
      usage,
    ),
    make("leaf-critical", "leaf with an unknown critical extension", leaf({ extraExtensions: [unknownCritical] }), {
      expect: "SIGSTORE_CERTIFICATE_EXTENSION",
    }),
  ];
}

function chains(stage: Stage, make: Forge): Attack[] {
  const options: AuthorityOptions = {
    uri: "http://ca.a.test",
    now: () => stage.a.now,
    ctLogs: [stage.a.ctLog],
    kind: "p256",
  };
  const judged = (authority: Authority, how: Departure): [Evidence, Departure] => [
    makeEvidence(stage.a, { authority }),
    { root: { cas: [authority.trusted] }, ...how },
  ];
  const chain: Departure = { expect: "SIGSTORE_CERTIFICATE_CHAIN" };
  const below = (o: Parameters<Authority["subordinate"]>[0]): Authority =>
    makeAuthority({ ...options, pathLength: 1 }).subordinate(o);
  const tooDeep = makeAuthority(options).subordinate({});
  const stranger = makeAuthority({ ...options, commonName: "stranger" });
  const swapped: Departure = {
    ...chain,
    root: {
      cas: [
        {
          ...stage.a.ca.trusted,
          chain: [stage.a.ca.chain[0] ?? new Uint8Array(), stranger.chain[1] ?? new Uint8Array()],
        },
      ],
    },
  };
  const twinRoot: Departure = {
    ...chain,
    root: {
      cas: [
        {
          ...stage.a.ca.trusted,
          chain: [stage.a.ca.chain[0] ?? new Uint8Array(), stage.twin.ca.chain[1] ?? new Uint8Array()],
        },
      ],
    },
  };
  return [
    make(
      "control-chain",
      "authority with a second intermediate that its path length allows",
      ...judged(below({}), { expect: "ok", control: true }),
    ),
    make("path-length", "authority below one whose path length is 0", ...judged(tooDeep, chain)),
    make("not-a-ca", "issuer without the CA flag", ...judged(below({ isCa: false }), chain)),
    make("no-cert-sign", "issuer without keyCertSign", ...judged(below({ keyUsages: ["digitalSignature"] }), chain)),
    make(
      "issuer-purpose",
      "issuer that is limited to timestamps",
      ...judged(below({ extendedKeyUsages: [certificateOids.timeStamping] }), chain),
    ),
    make(
      "issuer-critical",
      "issuer with an unknown critical extension",
      ...judged(below({ extraExtensions: [unknownCritical] }), { expect: "SIGSTORE_CERTIFICATE_EXTENSION" }),
    ),
    make(
      "issuer-constraints",
      "issuer with name constraints",
      ...judged(below({ extraExtensions: [nameConstraints] }), { expect: "SIGSTORE_CERTIFICATE_EXTENSION" }),
    ),
    make(
      "issuer-expired",
      "issuer that had expired",
      ...judged(below({ notAfter: after(-60) }), { expect: "SIGSTORE_CERTIFICATE_TIME" }),
    ),
    make("chain-other-name", "intermediate under a root of another name", makeEvidence(stage.a), swapped),
    make(
      "chain-other-key",
      "intermediate under a root of the same name and another key",
      makeEvidence(stage.a),
      twinRoot,
    ),
    make("unknown-authority", "leaf of an unknown authority", makeEvidence(stage.b), {
      expect: "SIGSTORE_LOG_UNKNOWN",
    }),
    make(
      "twin-authority",
      "leaf of an authority that has only its name from the known one",
      makeEvidence(stage.a, { authority: stage.twin.ca, leaf: { ctLogs: [stage.a.ctLog] } }),
      {
        expect: "SIGSTORE_CERTIFICATE_UNTRUSTED",
      },
    ),
  ];
}

function timestampAuthorities(stage: Stage, make: Forge): Attack[] {
  const stamped = (o: Partial<TsaOptions>): [Evidence, Departure] => {
    const tsa = makeTsa({ uri: "http://tsa.a.test", now: () => stage.a.now, kind: "p256", ...o });
    const evidence = makeEvidence(stage.a);
    return [
      evidence,
      {
        expect: "SIGSTORE_TIMESTAMP_AUTHORITY",
        root: { tsas: [tsa.trusted] },
        edits: [[tokensPath, [tokenOf(tsa, evidence)]]],
      },
    ];
  };
  const withLeaf = (leaf: TsaOptions["leaf"]): [Evidence, Departure] => stamped({ leaf: leaf ?? {} });
  const { codeSigning, timeStamping } = certificateOids;
  const [critical, criticalHow] = withLeaf({ extraExtensions: [unknownCritical] });
  const narrow = makeAuthority({ uri: "x", now: () => stage.a.now, extendedKeyUsages: [codeSigning], kind: "p256" });
  const deep = makeAuthority({
    uri: "x",
    now: () => stage.a.now,
    extendedKeyUsages: [timeStamping],
    kind: "p256",
  }).subordinate({});
  const [purpose, purposeHow] = stamped({ authority: narrow });
  const [path, pathHow] = stamped({ authority: deep });
  return [
    make(
      "tsa-not-critical",
      "TSA whose timeStamping is not critical",
      ...withLeaf({ extendedKeyUsageCritical: false }),
    ),
    make(
      "tsa-two-purposes",
      "TSA with a second purpose",
      ...withLeaf({ extendedKeyUsages: [timeStamping, codeSigning] }),
    ),
    make("tsa-no-purpose", "TSA without extended key usage", ...withLeaf({ extendedKeyUsages: [] })),
    make("tsa-code", "TSA for code signing", ...withLeaf({ extendedKeyUsages: [codeSigning] })),
    make("tsa-any", "TSA for any purpose", ...withLeaf({ extendedKeyUsages: ["2.5.29.37.0"] })),
    make("tsa-ca", "TSA with the CA flag", ...withLeaf({ isCa: true })),
    make(
      "tsa-no-signature",
      "TSA whose key usage is without digitalSignature",
      ...withLeaf({ keyUsages: ["keyEncipherment"] }),
    ),
    make("tsa-critical", "TSA with an unknown critical extension", critical, {
      ...criticalHow,
      expect: "SIGSTORE_CERTIFICATE_EXTENSION",
    }),
    make("tsa-issuer-purpose", "TSA under an authority that is limited to code signing", purpose, {
      ...purposeHow,
      expect: "SIGSTORE_CERTIFICATE_CHAIN",
    }),
    make("tsa-path-length", "TSA under an authority that its path length does not allow", path, {
      ...pathHow,
      expect: "SIGSTORE_CERTIFICATE_CHAIN",
    }),
  ];
}

/** The JSON of a token by `tsa` over what the evidence signed. */
export function tokenOf(
  tsa: Tsa,
  { signed }: Evidence,
  how: Parameters<Tsa["stamp"]>[0] = {},
): { signedTimestamp: string } {
  return { signedTimestamp: base64(tsa.stamp({ message: signed.signature, ...how })) };
}

/** S12: promises of certificate logs. */
export function rowS12(stage: Stage): Attack[] {
  const make = forge(stage, "S12", "@sigstore/verify 4.1.3 refuses all if one SCT is of an unknown log (probe P15)");
  const { a, b } = stage;
  const leaf = (how: Partial<IssueOptions>): Evidence => makeEvidence(a, { leaf: how });
  const invalid: Departure = { expect: "SIGSTORE_SCT_INVALID" };
  const time = a.now;
  const logWindow = (start: number, end: number): Departure => ({
    expect: "SIGSTORE_SCT_WINDOW",
    root: { ctLogs: [{ ...a.ctLog.trusted, validFor: { start: after(start), end: after(end) } }] },
  });
  const empty = { oid: certificateOids.sctList, value: formatSctList([]) };
  return [
    make("unknown-beside-good", "SCT of an unknown log before a good one", leaf({ ctLogs: [b.ctLog, a.ctLog] }), {
      expect: "ok",
    }),
    make("good-beside-unknown", "SCT of an unknown log after a good one", leaf({ ctLogs: [a.ctLog, b.ctLog] }), {
      expect: "ok",
    }),
    make("unknown", "SCT of an unknown log only", leaf({ ctLogs: [b.ctLog] }), { expect: "SIGSTORE_SCT_UNKNOWN" }),
    make("none", "no SCT", leaf({ sct: "none" }), { expect: "SIGSTORE_TOO_FEW_SCTS" }),
    make("none-waived", "no SCT, and none is asked for", leaf({ sct: "none" }), { expect: "ok", require: { scts: 0 } }),
    make("other-precertificate", "SCT over another precertificate", leaf({ sct: "wrong-precert" }), invalid),
    make(
      "issuer-hash",
      "SCT of the right log with another issuer's key hash",
      leaf({ sct: ({ tbs }) => [a.ctLog.promise({ tbs, issuerSpki: b.ca.key.spki, time })] }),
      invalid,
    ),
    make(
      "other-key",
      "SCT that names the known log, signed with another key",
      leaf({ sct: (precert) => [a.ctLog.promise({ ...precert, time, signer: makeKeyPair("p256") })] }),
      invalid,
    ),
    make(
      "good-and-forged",
      "SCT that names the known log with another key, beside its good one",
      leaf({
        sct: (precert) => [
          a.ctLog.promise({ ...precert, time }),
          a.ctLog.promise({ ...precert, time, signer: makeKeyPair("p256") }),
        ],
      }),
      invalid,
    ),
    make("waived-forged", "forged SCT where none is asked for", leaf({ sct: "wrong-precert" }), {
      ...invalid,
      require: { scts: 0 },
    }),
    make("empty", "empty list of SCTs", leaf({ sct: "none", extraExtensions: [empty] }), {
      expect: "SIGSTORE_SCT_MALFORMED",
    }),
    make(
      "cut",
      "list of SCTs that is cut",
      leaf({ sct: (precert) => [a.ctLog.promise({ ...precert, time }).subarray(0, 60)] }),
      { expect: "SIGSTORE_SCT_MALFORMED" },
    ),
    make("log-ended", "the log's key had ended", leaf({}), logWindow(-86400, -1)),
    make("log-not-begun", "the log's key had not begun", leaf({}), logWindow(1, 86400)),
    make(
      "extensions",
      "SCT with extensions, which are signed",
      leaf({ sct: (precert) => [a.ctLog.promise({ ...precert, time, extensions: Uint8Array.of(1, 0, 1, 7) })] }),
      { expect: "ok", control: true },
    ),
  ];
}

/** S13: every verified time has to fit the certificate. */
export function rowS13(stage: Stage): Attack[] {
  const make = forge(stage, "S13", "any one fitting time is enough for lenient peers");
  const seconds = (at: number): number => after(at).getTime() / 1000;
  const v1 = (at: number, ...stamps: number[]): Evidence =>
    makeEvidence(stage.a, {
      entry: "hashedrekord 0.0.1",
      proof: { integratedTime: seconds(at) },
      stamps: stamps.map((stamp) => ({ time: after(stamp) })),
    });
  const wrong: Departure = { expect: "SIGSTORE_CERTIFICATE_TIME" };
  return [
    make("control-both", "promise and timestamp inside the certificate's life", v1(60, 120), {
      expect: "ok",
      control: true,
    }),
    make("control-ends", "promise at its first second, timestamp at its last", v1(0, 600), {
      expect: "ok",
      control: true,
    }),
    make("stamp-after", "promise inside, timestamp after it", v1(60, 601), wrong),
    make("stamp-before", "promise inside, timestamp before it", v1(60, -1), wrong),
    make("promise-after", "timestamp inside, promise after it", v1(601, 60), wrong),
    make("promise-before", "timestamp inside, promise before it", v1(-1, 60), wrong),
    make(
      "one-stamp-of-two",
      "two timestamps, the second after it",
      makeEvidence(stage.a, { stamps: [{ time: after(60) }, { time: after(3600) }] }),
      wrong,
    ),
    make("only-promise-after", "stolen key: the only time is after the certificate's life", v1(86_000), wrong),
    make(
      "only-stamp-after",
      "stolen key: the only timestamp is after the certificate's life",
      makeEvidence(stage.a, { stamps: [{ time: after(3600) }] }),
      wrong,
    ),
  ];
}
