import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { Certificate as ForeignCertificate } from "pkijs";
import { describe, expect, test } from "vitest";
import { concatBytes, hex, parseHex, utf8 } from "./bytes.ts";
import { parseDer } from "./der.ts";
import {
  derBitString,
  derBoolean,
  derExplicit,
  derImplicit,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derTime,
  derUtf8,
} from "./der-writer.ts";
import { parsePem } from "./pem.ts";
import { codeOf, hasSharedData, sharedData, sigstoreCertificates } from "./sample.contract.ts";
import { formatPrecertTbs, maxCertificateBytes, maxExtensions, parseCertificate } from "./x509.ts";
import { maxPurposes, sctListOid } from "./x509-extension.ts";
import {
  altNames,
  extension,
  extensions,
  makeCertificate,
  name,
  otherName,
  textName,
  utcTime,
} from "./x509.contract.ts";
import type { Certificate } from "./x509.ts";

const samples = sigstoreCertificates();

const parse = (...all: readonly Uint8Array[]): Certificate =>
  parseCertificate(makeCertificate({ rest: extensions(...all) }));

function foreignName({ type, oid, value }: Certificate["subjectAltNames"][number]): string {
  if (type === "other-name") return `othername:<unsupported> ${oid}`;
  return `${{ uri: "URI", email: "email", dns: "DNS", ip: "IP Address", directory: "DirName", other: "other" }[type]}:${value}`;
}

describe.skipIf(!hasSharedData)("real certificates", () => {
  test("there are some of each kind", () => {
    const parsed = samples.map(({ bytes }) => parseCertificate(bytes));
    const count = (is: (each: Certificate) => boolean): number => parsed.filter(is).length;
    expect(count((each) => each.basicConstraints?.ca === true)).toBeGreaterThan(5);
    expect(count((each) => each.sctList !== undefined)).toBeGreaterThan(5);
    expect(count((each) => each.extendedKeyUsage?.oids.includes("1.3.6.1.5.5.7.3.8") === true)).toBeGreaterThan(1);
    expect(parsed.flatMap((each) => each.unknownCritical)).toEqual([]);
  });

  test.each(samples.map(({ name, bytes }, at) => [`${at} ${name}`, bytes] as const))(
    "%s as node:crypto reads it",
    (_, bytes) => {
      const ours = parseCertificate(bytes);
      const theirs = new X509Certificate(bytes);
      expect(ours.raw).toEqual(bytes);
      expect(BigInt(`0x${ours.serial}`)).toBe(BigInt(`0x${theirs.serialNumber}`));
      expect([ours.notBeforeMs, ours.notAfterMs]).toEqual([
        theirs.validFromDate.getTime(),
        theirs.validToDate.getTime(),
      ]);
      expect(Buffer.from(ours.spki)).toEqual(theirs.publicKey.export({ type: "spki", format: "der" }));
      expect(ours.basicConstraints?.ca ?? false).toBe(theirs.ca);
      expect(ours.extendedKeyUsage?.oids).toEqual(theirs.keyUsage);
      expect(theirs.subjectAltName ?? "").toBe(ours.subjectAltNames.map(foreignName).join(", "));
    },
  );

  test.each(samples.map(({ name, bytes }, at) => [`${at} ${name}`, bytes] as const))(
    "%s as pkijs reads it",
    (_, bytes) => {
      const ours = parseCertificate(bytes);
      const theirs = ForeignCertificate.fromBER(new Uint8Array(bytes));
      const raw = (buffer: ArrayBuffer): string => hex(new Uint8Array(buffer));
      expect(hex(ours.tbs)).toBe(raw(theirs.tbsView.slice().buffer));
      expect(hex(ours.issuer)).toBe(raw(theirs.issuer.toSchema().toBER()));
      expect(hex(ours.subject)).toBe(raw(theirs.subject.toSchema().toBER()));
      expect(ours.signatureAlgorithm.oid).toBe(theirs.signatureAlgorithm.algorithmId);
      expect(hex(ours.signature)).toBe(raw(theirs.signatureValue.valueBlock.valueHexView.slice().buffer));
      expect([...ours.extensions.keys()]).toEqual((theirs.extensions ?? []).map((each) => each.extnID));
      for (const each of theirs.extensions ?? []) {
        const extension = ours.extensions.get(each.extnID);
        expect([extension?.critical, hex(extension?.value ?? new Uint8Array(0))]).toEqual([
          each.critical,
          raw(each.extnValue.valueBlock.valueHexView.slice().buffer),
        ]);
      }
    },
  );
});

describe.skipIf(!hasSharedData)("x509-limbo", () => {
  interface Case {
    readonly id: string;
    readonly expected_result: "SUCCESS" | "FAILURE";
    readonly trusted_certs: readonly string[];
    readonly untrusted_intermediates: readonly string[];
    readonly peer_certificate: string;
  }
  const file = new URL("crypto/x509-limbo-native.json", sharedData);
  const cases = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as { testcases: readonly Case[] }).testcases
    : [];
  const read = (each: Case): string[] =>
    [...each.trusted_certs, ...each.untrusted_intermediates, each.peer_certificate].map((pem) =>
      codeOf(() => parsePem(pem).map(({ bytes }) => parseCertificate(bytes))),
    );

  test("all certificates of good chains are taken", () => {
    const good = cases.filter((each) => each.expected_result === "SUCCESS");
    expect(good.length).toBeGreaterThan(40);
    for (const each of good) expect(new Set(read(each)), each.id).toEqual(new Set(["taken"]));
  });

  test("what is wrong with one certificate alone is refused here", () => {
    const refused = cases
      .filter((each) => read(each).some((code) => code === "CORE_CERTIFICATE_MALFORMED"))
      .map((each) => each.id);
    expect(refused).toEqual(
      expect.arrayContaining([
        "rfc5280::aki::critical-aki",
        "rfc5280::ski::critical-ski",
        "rfc5280::serial::too-long",
        "rfc5280::serial::zero",
        "rfc5280::serial::negative",
        "rfc5280::ee-empty-issuer",
        "rfc5280::ca-empty-subject",
        "rfc5280::duplicate-extensions",
        "rfc5280::mismatching-signature-algorithm",
        "rfc5280::san::malformed",
        "rfc5280::san::noncritical-with-empty-subject",
        "rfc5280::eku::ee-eku-empty",
        "webpki::v1-cert",
      ]),
    );
  });
});

describe("fields of a made-up certificate", () => {
  test("without extensions", () => {
    const certificate = parseCertificate(makeCertificate());
    expect(certificate.serial).toBe("4d");
    expect(certificate.notBeforeMs).toBe(Date.parse("2024-01-01T00:00:00Z"));
    expect(certificate.notAfterMs).toBe(Date.parse("2024-12-31T23:59:59Z"));
    expect(certificate.issuer).toEqual(name("issuer"));
    expect(certificate.signatureAlgorithm).toEqual({ oid: "1.2.840.10045.4.3.2" });
    expect([certificate.extensions.size, certificate.subjectAltNames, certificate.unknownCritical]).toEqual([
      0,
      [],
      [],
    ]);
    expect(certificate).not.toHaveProperty("basicConstraints");
  });

  test("algorithm parameters are kept as DER", () => {
    const algorithm = derSequence(derOid("1.2.840.113549.1.1.11"), derNull());
    expect(parseCertificate(makeCertificate({ algorithm })).signatureAlgorithm).toEqual({
      oid: "1.2.840.113549.1.1.11",
      params: derNull(),
    });
  });

  test("a validity that goes past 2049", () => {
    const validity = derSequence(utcTime("491231235959Z"), derTime(Date.UTC(2050, 0)));
    const { notBeforeMs, notAfterMs } = parseCertificate(makeCertificate({ validity }));
    expect(notAfterMs - notBeforeMs).toBe(1000);
  });

  test("known extensions", () => {
    const certificate = parse(
      extension("2.5.29.15", parseHex("03020106"), "critical"),
      extension("2.5.29.37", derSequence(derOid("1.3.6.1.5.5.7.3.3"), derOid("1.3.6.1.5.5.7.3.8"))),
      extension("2.5.29.19", derSequence(derBoolean(true), derInteger(0)), "critical"),
      extension("2.5.29.35", derSequence(derImplicit(0, Uint8Array.of(1, 2)))),
      extension("2.5.29.14", derOctets(Uint8Array.of(3, 4))),
      extension(sctListOid, derOctets(Uint8Array.of(0, 0))),
    );
    expect([...(certificate.keyUsage ?? [])]).toEqual(["keyCertSign", "cRLSign"]);
    expect(certificate.extendedKeyUsage).toEqual({ critical: false, oids: ["1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.8"] });
    expect(certificate.basicConstraints).toEqual({ ca: true, pathLength: 0 });
    expect(certificate.authorityKeyId).toEqual(Uint8Array.of(1, 2));
    expect(certificate.subjectKeyId).toEqual(Uint8Array.of(3, 4));
    expect(certificate.sctList).toEqual(Uint8Array.of(0, 0));
    expect(certificate.unknownCritical).toEqual([]);
  });

  test("critical extensions that are not read are listed: name constraints and the precertificate poison too", () => {
    const certificate = parse(
      extension("2.5.29.30", derSequence(), "critical"),
      extension("1.3.6.1.4.1.11129.2.4.3", derNull(), "critical"),
      extension("2.5.29.32", derSequence()),
    );
    expect(certificate.unknownCritical).toEqual(["2.5.29.30", "1.3.6.1.4.1.11129.2.4.3"]);
    expect(certificate.extensions.get("2.5.29.32")).toEqual({ critical: false, value: derSequence() });
  });

  test("an extension that is not read may hold anything", () => {
    expect(codeOf(() => parse(extension("1.3.6.1.4.1.57264.1.1", utf8("https://issuer"))))).toBe("taken");
  });
});

describe("refused", () => {
  const validity = (from: Uint8Array, to: Uint8Array): Uint8Array => derSequence(from, to);
  const serial = (bytes: number): Uint8Array => derInteger((1n << BigInt(bytes * 8 - 1)) - 1n);
  const bits = (text: string): Uint8Array => extension("2.5.29.15", parseHex(text));

  test.each([
    ["version 1", makeCertificate({ version: new Uint8Array(0) })],
    ["version 2", makeCertificate({ version: derExplicit(0, derInteger(1)) })],
    ["version 4", makeCertificate({ version: derExplicit(0, derInteger(3)) })],
    ["empty version", makeCertificate({ version: Uint8Array.of(0xa0, 0) })],
    ["serial 0", makeCertificate({ serial: derInteger(0) })],
    ["negative serial", makeCertificate({ serial: derInteger(-5) })],
    ["serial of 21 bytes", makeCertificate({ serial: serial(21) })],
    ["serial that is no INTEGER", makeCertificate({ serial: derOctets(Uint8Array.of(1)) })],
    ["serial that is an ENUMERATED", makeCertificate({ serial: Uint8Array.of(10, 1, 5) })],
    ["version that is an ENUMERATED", makeCertificate({ version: derExplicit(0, Uint8Array.of(10, 1, 2)) })],
    ["two signature algorithms", makeCertificate({ innerAlgorithm: derSequence(derOid("1.2.840.10045.4.3.3")) })],
    [
      "parameters on one of them",
      makeCertificate({ innerAlgorithm: derSequence(derOid("1.2.840.10045.4.3.2"), derNull()) }),
    ],
    ["empty issuer", makeCertificate({ issuer: derSequence() })],
    ["empty relative name", makeCertificate({ issuer: derSequence(derSet()) })],
    ["name without SET", makeCertificate({ subject: derSequence(derSequence(derOid("2.5.4.3"), derUtf8("x"))) })],
    ["attribute without value", makeCertificate({ subject: derSequence(derSet(derSequence(derOid("2.5.4.3")))) })],
    ["empty subject, no other name", makeCertificate({ subject: derSequence() })],
    [
      "empty subject, other name not critical",
      makeCertificate({ subject: derSequence(), rest: extensions(altNames(textName(6, "a:b"))) }),
    ],
    [
      "UTCTime without seconds",
      makeCertificate({ validity: validity(utcTime("2401010000Z"), utcTime("241231235959Z")) }),
    ],
    [
      "GeneralizedTime before 2050",
      makeCertificate({ validity: validity(derTime(Date.UTC(2024)), utcTime("241231235959Z")) }),
    ],
    [
      "GeneralizedTime with a fraction",
      makeCertificate({
        validity: validity(utcTime("240101000000Z"), concatBytes(Uint8Array.of(24, 17), utf8("20500101000000.5Z"))),
      }),
    ],
    ["one time", makeCertificate({ validity: derSequence(utcTime("240101000000Z")) })],
    ["key without bits", makeCertificate({ spki: derSequence(derSequence(derOid("1.3.101.112"))) })],
    ["key that is no SEQUENCE", makeCertificate({ spki: derNull() })],
    ["issuer unique id", makeCertificate({ rest: derImplicit(1, Uint8Array.of(0, 1)) })],
    [
      "unique id before extensions",
      makeCertificate({ rest: concatBytes(derImplicit(1, Uint8Array.of(0, 1)), extensions(bits("03020780"))) }),
    ],
    ["empty extensions", makeCertificate({ rest: extensions() })],
    [
      "two lists of extensions",
      makeCertificate({ rest: concatBytes(extensions(bits("03020780")), extensions(bits("03020780"))) }),
    ],
    ["signature of odd bits", makeCertificate({ signature: parseHex("030201fe") })],
    ["signature as OCTET STRING", makeCertificate({ signature: derOctets(Uint8Array.of(1)) })],
    ["a fourth part", derSequence(...parseDer(makeCertificate()).children.map((each) => each.raw), derNull())],
    ["a byte after it", concatBytes(makeCertificate(), Uint8Array.of(0))],
    ["nothing", new Uint8Array(0)],
    ["too long", makeCertificate({ signature: derBitString(new Uint8Array(maxCertificateBytes)) })],
  ])("%s", (_, bytes) => expect(codeOf(() => parseCertificate(bytes))).toBe("CORE_CERTIFICATE_MALFORMED"));

  test("a serial of 20 bytes is the longest", () => {
    expect(parseCertificate(makeCertificate({ serial: serial(20) })).serial).toHaveLength(40);
  });

  test.each([
    ["twice the same", [bits("03020780"), bits("03020780")]],
    ["twice the same, unknown", [extension("1.2.3", derNull()), extension("1.2.3", derNull())]],
    ["explicit FALSE", [derSequence(derOid("1.2.3"), derBoolean(false), derOctets(derNull()))]],
    ["value that is no OCTET STRING", [derSequence(derOid("1.2.3"), derNull())]],
    ["four parts", [derSequence(derOid("1.2.3"), derBoolean(true), derOctets(derNull()), derNull())]],
    ["too many", Array.from({ length: maxExtensions + 1 }, (_, at) => extension(`1.2.${at}`, derNull()))],
    ["trailing byte inside", [extension("2.5.29.14", concatBytes(derOctets(Uint8Array.of(1)), Uint8Array.of(0)))]],
    ["empty value", [extension("2.5.29.14", new Uint8Array(0))]],
    ["key usage without a bit", [bits("030100")]],
    ["key usage with a trailing zero bit", [bits("03020680")]],
    ["key usage with a tenth bit", [bits("0303060040")]],
    ["extended key usage without a purpose", [extension("2.5.29.37", derSequence())]],
    [
      "extended key usage with too many",
      [extension("2.5.29.37", derSequence(...Array.from({ length: maxPurposes + 1 }, () => derOid("1.2.3"))))],
    ],
    ["basic constraints with FALSE", [extension("2.5.29.19", derSequence(derBoolean(false)))]],
    ["path length without a CA", [extension("2.5.29.19", derSequence(derInteger(0)))]],
    ["negative path length", [extension("2.5.29.19", derSequence(derBoolean(true), derInteger(-1)))]],
    ["path length beyond reason", [extension("2.5.29.19", derSequence(derBoolean(true), derInteger(2n ** 64n)))]],
    ["three basic constraints", [extension("2.5.29.19", derSequence(derBoolean(true), derInteger(1), derInteger(1)))]],
    ["critical subject key identifier", [extension("2.5.29.14", derOctets(Uint8Array.of(1)), "critical")]],
    [
      "critical authority key identifier",
      [extension("2.5.29.35", derSequence(derImplicit(0, Uint8Array.of(1))), "critical")],
    ],
    [
      "authority's serial without its issuer",
      [extension("2.5.29.35", derSequence(derImplicit(0, Uint8Array.of(1)), derImplicit(2, Uint8Array.of(1))))],
    ],
    [
      "authority key identifier of another tag",
      [extension("2.5.29.35", derSequence(derImplicit(3, Uint8Array.of(1))))],
    ],
    [
      "constructed authority key identifier",
      [extension("2.5.29.35", derSequence(derExplicit(0, derOctets(Uint8Array.of(1)))))],
    ],
    ["SCT list without its OCTET STRING", [extension(sctListOid, Uint8Array.of(0, 0))]],
  ])("extension: %s", (_, all) => expect(codeOf(() => parse(...all))).toBe("CORE_CERTIFICATE_MALFORMED"));
});

describe("mangled", () => {
  const made = makeCertificate({
    rest: extensions(
      extension("2.5.29.15", parseHex("03020780"), "critical"),
      altNames(textName(6, "https://example.com"), otherName("1.3.6.1.4.1.57264.1.7", derUtf8("user"))),
      extension("2.5.29.19", derSequence(derBoolean(true), derInteger(1)), "critical"),
      extension("2.5.29.35", derSequence(derImplicit(0, Uint8Array.of(1)))),
    ),
  });
  const leaf = samples.find(({ bytes }) => parseCertificate(bytes).sctList !== undefined)?.bytes;

  test("every byte changed in five ways, each cut, each byte doubled or left out: refused or read, never another error", () => {
    const taken = mangleAll(made);
    expect(taken).toBeGreaterThan(100);
  });

  test.skipIf(leaf === undefined)("a real one alike", () => {
    expect(mangleAll(leaf as Uint8Array)).toBeGreaterThan(1000);
  });

  function mangleAll(bytes: Uint8Array): number {
    let taken = 0;
    const look = (mangled: Uint8Array): void => {
      const code = codeOf(() => formatPrecertTbs(parseCertificate(mangled)));
      if (code === "taken") taken++;
      else expect(code).toBe("CORE_CERTIFICATE_MALFORMED");
    };
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      for (const mask of [0x01, 0x20, 0x80, 0xff, byte]) look(bytes.with(at, byte ^ mask));
      const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
      expect(codeOf(() => parseCertificate(head))).toBe("CORE_CERTIFICATE_MALFORMED");
      look(concatBytes(head, tail));
      look(concatBytes(head, Uint8Array.of(byte, byte), tail));
    }
    return taken;
  }
});
