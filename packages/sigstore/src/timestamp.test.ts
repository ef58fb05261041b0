import { base64, parseCertificate } from "@countersign/core";
import {
  certificateOids,
  makeKeyPair,
  makeTsa,
  type IssueOptions,
  type StampOptions,
  type Tsa,
} from "@countersign/local-sigstore";
import { bundleOf, makeEvidence, makeInstance, outcomeOf, trustRootOf } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { checkTimestamp } from "./timestamp.ts";
import { maxTimestampBytes, parseTimestamp } from "./timestamp-token.ts";
import type { Authority } from "./trust-root.ts";
import { examineBundle, verifyBundle } from "./verify.ts";

const instance = makeInstance();
const { tsa, now } = instance;
const nowMs = now.getTime();
const signature = new TextEncoder().encode("the signature's bytes");
const authoritiesOf = (...tsas: Tsa[]): readonly Authority[] =>
  trustRootOf(instance, { tsas: tsas.map((each) => each.trusted) }).timestampAuthorities;
const ours = authoritiesOf(tsa);
const check = (o: StampOptions, authorities = ours, by = tsa): string =>
  outcomeOf(() => checkTimestamp(by.stamp({ message: signature, ...o }), signature, authorities));
const makeOther = (leaf: Partial<IssueOptions> = {}): Tsa =>
  makeTsa({ uri: "http://other.test", now: () => now, kind: "p256", leaf });

describe("a timestamp", () => {
  test("proves its time, and who said so", () => {
    const time = new Date(nowMs - 3_600_000);
    expect(checkTimestamp(tsa.stamp({ message: signature, time }), signature, ours)).toEqual({
      authority: ours[0],
      timeMs: time.getTime(),
    });
  });

  test.each(["p256", "p384", "p521", "rsa2048"] as const)("by a %s key, whatever the hashes", (kind) => {
    const other = makeTsa({ uri: "http://other.test", now: () => now, kind });
    for (const hash of ["sha256", "sha384", "sha512"] as const) {
      for (const signerHash of ["sha256", "sha384", "sha512"] as const)
        expect(check({ hash, signerHash }, authoritiesOf(other), other)).toBe("accepted");
    }
  });

  test("over other bytes, or with other signed bytes than its content (S11)", () => {
    expect(check({ message: Uint8Array.of(1) })).toBe("SIGSTORE_TIMESTAMP_MISMATCH");
    expect(check({ imprint: new Uint8Array(32) })).toBe("SIGSTORE_TIMESTAMP_MISMATCH");
    expect(check({ imprint: signature.subarray(0, 5) })).toBe("SIGSTORE_TIMESTAMP_MISMATCH");
    expect(check({ messageDigest: new Uint8Array(48) })).toBe("SIGSTORE_TIMESTAMP_INVALID");
  });

  test("by an authority that the trust root does not know, with or without its certificate inside (S11)", () => {
    const other = makeOther();
    for (const embedCertificate of [true, false])
      expect(check({ embedCertificate }, ours, other)).toBe("SIGSTORE_TIMESTAMP_UNTRUSTED");
    expect(check({ embedCertificate: true })).toBe("accepted");
    expect(check({}, [])).toBe("SIGSTORE_TIMESTAMP_UNTRUSTED");
  });

  test("that names our authority but was signed by another key", () => {
    const signer = { key: makeKeyPair("p256"), certificate: tsa.chain[0] as Uint8Array };
    expect(check({ signer })).toBe("SIGSTORE_TIMESTAMP_INVALID");
  });

  test("that names another certificate than ours in its signed attributes", () => {
    // The same key, issuer and serial, in a certificate that is not the trust root's.
    const { serial } = parseCertificate(tsa.chain[0] as Uint8Array);
    const authority = { ...tsa.trusted };
    const twin = makeTsa({
      uri: authority.uri,
      now: () => now,
      key: tsa.key,
      leaf: { serial: Buffer.from(serial, "hex") },
    });
    const signed = tsa.stamp({
      message: signature,
      signer: { key: tsa.key, certificate: twin.chain[0] as Uint8Array },
    });
    expect(outcomeOf(() => checkTimestamp(signed, signature, ours))).toBe("SIGSTORE_TIMESTAMP_UNTRUSTED");
  });

  test("outside the trust root's window; both ends count (S11)", () => {
    const at = (from: number, to: number): string =>
      check(
        {},
        authoritiesOf({
          ...tsa,
          trusted: { ...tsa.trusted, validFor: { start: new Date(nowMs + from), end: new Date(nowMs + to) } },
        }),
      );
    expect([at(0, 0), at(-9, 0), at(1, 9), at(-9, -1)]).toEqual([
      "accepted",
      "accepted",
      "SIGSTORE_TIMESTAMP_WINDOW",
      "SIGSTORE_TIMESTAMP_WINDOW",
    ]);
  });

  test("outside the authority's certificate", () => {
    const ended = makeOther({ notBefore: new Date(nowMs - 9000), notAfter: new Date(nowMs - 1000) });
    expect(check({}, authoritiesOf(ended), ended)).toBe("SIGSTORE_TIMESTAMP_WINDOW");
    expect(check({ time: new Date(nowMs - 5000) }, authoritiesOf(ended), ended)).toBe("accepted");
  });

  const rows: readonly [string, Partial<IssueOptions>, string][] = [
    [
      "another purpose beside timeStamping",
      { extendedKeyUsages: [certificateOids.timeStamping, certificateOids.codeSigning] },
      "SIGSTORE_TIMESTAMP_AUTHORITY",
    ],
    ["another purpose", { extendedKeyUsages: [certificateOids.codeSigning] }, "SIGSTORE_TIMESTAMP_AUTHORITY"],
    ["no purpose", { extendedKeyUsages: [] }, "SIGSTORE_TIMESTAMP_AUTHORITY"],
    ["a purpose that is not critical", { extendedKeyUsageCritical: false }, "SIGSTORE_TIMESTAMP_AUTHORITY"],
    ["a CA", { isCa: true }, "SIGSTORE_TIMESTAMP_AUTHORITY"],
    [
      "the right to sign certificates",
      { keyUsages: ["digitalSignature", "keyCertSign"] },
      "SIGSTORE_TIMESTAMP_AUTHORITY",
    ],
    ["key usage without digitalSignature", { keyUsages: ["keyEncipherment"] }, "SIGSTORE_TIMESTAMP_AUTHORITY"],
    [
      "an unknown critical extension",
      { extraExtensions: [{ oid: "1.2.3.4", critical: true, value: Uint8Array.of(5, 0) }] },
      "SIGSTORE_CERTIFICATE_EXTENSION",
    ],
    ["no key usage", { keyUsages: [] }, "accepted"],
  ];
  test.each(rows)("S5: by an authority with %s", (_, leaf, outcome) => {
    const other = makeOther(leaf);
    expect(check({}, authoritiesOf(other), other)).toBe(outcome);
  });

  test("whose authority's chain is broken", () => {
    const [leaf, issuer, root] = tsa.chain as [Uint8Array, Uint8Array, Uint8Array];
    const broken = issuer.with(-1, (issuer.at(-1) as number) ^ 1);
    expect(check({}, authoritiesOf({ ...tsa, trusted: { ...tsa.trusted, chain: [leaf, broken, root] } }))).toBe(
      "SIGSTORE_CERTIFICATE_CHAIN",
    );
    expect(check({}, authoritiesOf({ ...tsa, trusted: { ...tsa.trusted, chain: [leaf, root] } }))).toBe(
      "SIGSTORE_CERTIFICATE_CHAIN",
    );
    expect(check({}, authoritiesOf({ ...tsa, trusted: { ...tsa.trusted, chain: [leaf] } }))).toBe("accepted");
  });
});

describe("a token's form", () => {
  const parse = (o: StampOptions): string => outcomeOf(() => parseTimestamp(tsa.stamp({ message: signature, ...o })));
  test.each<[string, StampOptions, string]>([
    ["granted with modifications", { status: 1 }, "accepted"],
    ["rejected", { status: 2 }, "SIGSTORE_TIMESTAMP_MALFORMED"],
    ["SHA-1 over the signature", { hash: "sha1" }, "SIGSTORE_TIMESTAMP_MALFORMED"],
    ["SHA-1 in the signer info", { signerHash: "sha1" }, "SIGSTORE_TIMESTAMP_MALFORMED"],
    ["other content", { contentType: "1.2.840.113549.1.7.1" }, "SIGSTORE_TIMESTAMP_MALFORMED"],
    ["two signers", { signerInfos: 2 }, "SIGSTORE_TIMESTAMP_MALFORMED"],
    ["no signer", { signerInfos: 0 }, "SIGSTORE_TIMESTAMP_MALFORMED"],
    ["UTCTime", { encodedTime: Buffer.from("170d3236303330313132303030305a", "hex") }, "SIGSTORE_TIMESTAMP_MALFORMED"],
    [
      "a time with an offset",
      { encodedTime: Buffer.from("181332303236303330313132303030302b30313030", "hex") },
      "SIGSTORE_TIMESTAMP_MALFORMED",
    ],
    ["a nonce", { nonce: Uint8Array.of(7) }, "accepted"],
    ["embedded certificates", { embedCertificate: true }, "accepted"],
  ])("%s", (_, o, outcome) => {
    expect(parse(o)).toBe(outcome);
  });

  test("fractions of a second are kept", () => {
    const encodedTime = Buffer.from(`1812${Buffer.from("20260301120000.25Z").toString("hex")}`, "hex");
    expect(parseTimestamp(tsa.stamp({ message: signature, encodedTime })).timeMs).toBe(nowMs + 250);
  });

  test("too long", () => {
    expect(outcomeOf(() => parseTimestamp(new Uint8Array(maxTimestampBytes + 1)))).toBe("SIGSTORE_TIMESTAMP_MALFORMED");
  });

  test("every cut is refused; every flipped byte is refused or proves the same time", () => {
    const token = tsa.stamp({ message: signature, embedCertificate: true });
    const outcomes = new Map<string, number>();
    for (let at = 0; at < token.length; at++) {
      expect(outcomeOf(() => parseTimestamp(token.subarray(0, at)))).toBe("SIGSTORE_TIMESTAMP_MALFORMED");
      const flipped = token.with(at, (token[at] as number) ^ (1 << (at % 8)));
      const outcome = outcomeOf(() => expect(checkTimestamp(flipped, signature, ours).timeMs).toBe(nowMs));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect(
      [...outcomes.keys()].filter((code) => !/^(accepted$|SIGSTORE_TIMESTAMP_|CORE_ALGORITHM_)/.test(code)),
    ).toEqual([]);
    // What may change is what nobody relies on: the embedded certificate and the parts of the response around the token.
    expect(outcomes.get("accepted") ?? 0).toBeLessThan((tsa.chain[0] as Uint8Array).length + 40);
  });
});

describe("timestamps of a bundle", () => {
  const trust = trustRootOf(instance);
  const other = makeOther();
  const verify = (stamps: readonly StampOptions[], extra: readonly Uint8Array[] = [], times = 1): string => {
    const { json, artifact } = makeEvidence(instance, { stamps });
    const bundle = bundleOf(json);
    return outcomeOf(() =>
      verifyBundle({ ...bundle, timestamps: [...bundle.timestamps, ...extra] }, artifact, trust, {
        nowMs,
        require: { times },
      }),
    );
  };

  test("S11: a good one beside one of an unknown authority counts; the unknown one alone says why it does not", () => {
    const { json, artifact, signed } = makeEvidence(instance);
    const stranger = { signedTimestamp: base64(other.stamp({ message: signed.signature, embedCertificate: true })) };
    const timestampsOf = (list: unknown): string => {
      const material = {
        ...(json["verificationMaterial"] as object),
        timestampVerificationData: { rfc3161Timestamps: list },
      };
      return outcomeOf(() =>
        verifyBundle(bundleOf({ ...json, verificationMaterial: material } as typeof json), artifact, trust, { nowMs }),
      );
    };
    const [good] = (json["verificationMaterial"] as { timestampVerificationData: { rfc3161Timestamps: unknown[] } })
      .timestampVerificationData.rfc3161Timestamps;
    expect(timestampsOf([good, stranger])).toBe("accepted");
    expect(timestampsOf([stranger, good])).toBe("accepted");
    expect(timestampsOf([stranger])).toBe("SIGSTORE_TIMESTAMP_UNTRUSTED");
    expect(timestampsOf([])).toBe("SIGSTORE_TOO_FEW_TIMES");
  });

  test("a bad one of a known authority refuses the bundle, whatever stands beside it", () => {
    expect(verify([{}, { message: Uint8Array.of(1) }])).toBe("SIGSTORE_TIMESTAMP_MISMATCH");
    expect(verify([{ hash: "sha1" }, {}])).toBe("SIGSTORE_TIMESTAMP_MALFORMED");
    expect(verify([{}], [Uint8Array.of(1, 2, 3)])).toBe("SIGSTORE_TIMESTAMP_MALFORMED");
  });

  test("S13: every verified time must fit the certificate", () => {
    expect(verify([{}, { time: new Date(nowMs + 60_000) }])).toBe("accepted");
    expect(verify([{}, { time: new Date(nowMs + 3_600_000) }])).toBe("SIGSTORE_CERTIFICATE_TIME");
    expect(verify([{ time: new Date(nowMs - 60_000) }])).toBe("SIGSTORE_CERTIFICATE_TIME");
  });

  test("S14: two times of one authority count once", () => {
    expect(verify([{}, { time: new Date(nowMs + 1000) }], [], 2)).toBe("SIGSTORE_TOO_FEW_TIMES");
  });

  test("a certificate without any time is refused, whatever the policy asks for", () => {
    expect(verify([], [], 0)).toBe("SIGSTORE_TOO_FEW_TIMES");
  });

  test("the checks say which timestamp did what", () => {
    const { json, artifact } = makeEvidence(instance, { stamps: [{}, { message: Uint8Array.of(1) }] });
    const { checks } = examineBundle(bundleOf(json), artifact, trust, { nowMs });
    expect(
      checks.filter(({ name }) => name.startsWith("timestamp[")).map(({ name, result, code }) => [name, result, code]),
    ).toEqual([
      ["timestamp[0]", "passed", undefined],
      ["timestamp[1]", "failed", "SIGSTORE_TIMESTAMP_MISMATCH"],
    ]);
  });
});
