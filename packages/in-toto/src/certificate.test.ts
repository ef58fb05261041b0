import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import {
  derBitString,
  derBoolean,
  derExplicit,
  derImplicit,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derUtf8,
  formatPem,
  parseCertificate,
  readObject,
  type Certificate,
  type Json,
} from "@countersign/core";
import { describe, expect, test } from "vitest";
import { checkCertificateSignature, maxChainCertificates, maxChainChecks } from "./certificate-path.ts";
import {
  maxCertificateItems,
  parsePemCertificate,
  readCertificateConstraints,
  readCertificateParts,
  type CertificateConstraint,
} from "./certificate.ts";
import { inTotoError } from "./errors.ts";
import { parseMetadata } from "./metadata.ts";
import { bytesOf, codeOf, hasGoldenData, readGolden } from "./sample.contract.ts";
import type { SignedBytes } from "./signature.ts";

const nowMs = Date.UTC(2027, 5, 1);
const hourMs = 3_600_000;
const algorithm = derSequence(derOid("1.2.840.10045.4.3.2"));

interface Maker {
  readonly name: string;
  readonly secret: KeyObject;
  readonly spki: Uint8Array;
}
function maker(name: string): Maker {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { name, secret: privateKey, spki: new Uint8Array(publicKey.export({ format: "der", type: "spki" })) };
}

interface Shape {
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly uri?: string;
  readonly organization?: string;
  readonly notAfterMs?: number;
  readonly notBeforeMs?: number;
  /** Dotted OID of an empty critical extension. */
  readonly critical?: string;
  readonly usage?: number;
}

function nameOf(commonName: string, organization?: string): Uint8Array {
  const part = (oid: string, text: string): Uint8Array => derSet(derSequence(derOid(oid), derUtf8(text)));
  return derSequence(
    ...(organization === undefined ? [] : [part("2.5.4.10", organization)]),
    part("2.5.4.3", commonName),
  );
}

function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  return derSequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctets(value));
}

function utcTime(timeMs: number): Uint8Array {
  const text = `${new Date(timeMs).toISOString().slice(2, 19).replaceAll(/[-:T]/g, "")}Z`;
  return Uint8Array.of(23, text.length, ...bytesOf(text));
}

let serial = 1;
function issue(subject: Maker, issuer: Maker, shape: Shape = {}): Certificate {
  const constraints = [
    ...(shape.ca === true ? [derBoolean(true)] : []),
    ...(shape.pathLength === undefined ? [] : [derInteger(shape.pathLength)]),
  ];
  const extensions = [extension("2.5.29.19", true, derSequence(...constraints))];
  if (shape.uri !== undefined)
    extensions.push(extension("2.5.29.17", false, derSequence(derImplicit(6, bytesOf(shape.uri)))));
  if (shape.critical !== undefined) extensions.push(extension(shape.critical, true, derSequence()));
  if (shape.usage !== undefined)
    extensions.push(
      extension("2.5.29.15", true, Uint8Array.of(3, 2, Math.log2(shape.usage & -shape.usage), shape.usage)),
    );
  const tbs = derSequence(
    derExplicit(0, derInteger(2)),
    derInteger(serial++),
    algorithm,
    nameOf(issuer.name),
    derSequence(utcTime(shape.notBeforeMs ?? nowMs - hourMs), utcTime(shape.notAfterMs ?? nowMs + hourMs)),
    nameOf(subject.name, shape.organization),
    subject.spki,
    derExplicit(3, derSequence(...extensions)),
  );
  const signature = new Uint8Array(sign("sha256", tbs, issuer.secret));
  return parseCertificate(derSequence(tbs, algorithm, derBitString(signature)));
}

const [root, middle, me, stranger] = ["root", "middle", "me", "stranger"].map(maker) as [Maker, Maker, Maker, Maker];
const rootCert = issue(root, root, { ca: true });
const middleCert = issue(middle, root, { ca: true });
const uri = "spiffe://example/me";
const leaf = issue(me, middle, { uri, organization: "" });
const message = bytesOf("what is signed");
const open: CertificateConstraint = {
  commonName: "*",
  dnsNames: ["*"],
  emails: ["*"],
  organizations: ["*"],
  roots: ["*"],
  uris: ["*"],
};

interface Question {
  readonly certificate?: Certificate | undefined;
  readonly signer?: Maker;
  readonly roots?: readonly Certificate[];
  readonly intermediates?: readonly Certificate[];
  readonly constraints?: readonly CertificateConstraint[];
}

function ask(question: Question): string {
  const {
    certificate = leaf,
    signer = me,
    roots = [rootCert],
    intermediates = [middleCert],
    constraints = [open],
  } = question;
  const sig = new Uint8Array(sign("sha256", message, signer.secret));
  const isBare = "certificate" in question && question.certificate === undefined;
  const signature = { keyid: "ab", sig, json: {}, ...(isBare ? {} : { certificate }) };
  const signed: SignedBytes = {
    form: "metablock",
    mode: "strict",
    signatures: [signature],
    signedBytes: () => message,
  };
  const byId = (list: readonly Certificate[]): Map<string, readonly Certificate[]> =>
    new Map(list.map((each, k) => [`id${k}`, [each]]));
  const authorities = { roots: byId(roots), intermediates: byId(intermediates) };
  return codeOf(() => {
    const found = checkCertificateSignature(signed, signature, { authorities, constraints, nowMs });
    expect(found).toMatchObject({ root: "id0", key: { keyid: "ab", ids: ["ab"], scheme: "ecdsa-sha2-nistp256" } });
  });
}

describe("the path", () => {
  const [untrusted, wrong] = ["INTOTO_CERTIFICATE_UNTRUSTED", "INTOTO_SIGNATURE_BAD"];
  const other = issue(root, root, { ca: true });
  test.each<[string, Question, string]>([
    ["leads to a root of the layout", {}, "taken"],
    ["may be direct", { certificate: issue(me, root), intermediates: [] }, "taken"],
    ["may be of the leaf alone, if it is listed", { roots: [leaf] }, "taken"],
    ["lacks an intermediate", { intermediates: [] }, untrusted],
    ["leads to another root", { roots: [issue(stranger, stranger, { ca: true })] }, untrusted],
    [
      "leads to another key of that name",
      { roots: [issue({ ...stranger, name: "root" }, { ...stranger, name: "root" }, { ca: true })] },
      untrusted,
    ],
    ["goes through another root of the same key", { roots: [other] }, "taken"],
    ["goes through who is no authority", { intermediates: [issue(middle, root)] }, untrusted],
    [
      "goes through who may not sign certificates",
      { intermediates: [issue(middle, root, { ca: true, usage: 0x80 })] },
      untrusted,
    ],
    ["goes through who may", { intermediates: [issue(middle, root, { ca: true, usage: 0x04 })] }, "taken"],
    ["is longer than the root allows", { roots: [issue(root, root, { ca: true, pathLength: 0 })] }, untrusted],
    ["has an expired leaf", { certificate: issue(me, middle, { notAfterMs: nowMs - 1000 }) }, untrusted],
    ["has a leaf that is not valid yet", { certificate: issue(me, middle, { notBeforeMs: nowMs + 1000 }) }, untrusted],
    [
      "has an expired intermediate",
      { intermediates: [issue(middle, root, { ca: true, notAfterMs: nowMs - 1000 })] },
      untrusted,
    ],
    ["has an expired root", { roots: [issue(root, root, { ca: true, notAfterMs: nowMs - 1000 })] }, untrusted],
    [
      "has a critical extension that nobody knows",
      { certificate: issue(me, middle, { critical: "1.2.3" }) },
      untrusted,
    ],
    ["has name constraints", { intermediates: [issue(middle, root, { ca: true, critical: "2.5.29.30" })] }, untrusted],
    ["is of nobody", { certificate: undefined }, untrusted],
    ["is of somebody else than who signed", { signer: stranger }, wrong],
  ])("%s", (_, question, code) => {
    expect(ask(question)).toBe(code);
  });

  test("I7: is searched for in bounded time", () => {
    const names = Array.from({ length: maxChainCertificates + 2 }, (_, k) => maker(`ca${k}`));
    const long = names.slice(1).map((subject, k) => issue(subject, names[k] as Maker, { ca: true }));
    const top = issue(names[0] as Maker, names[0] as Maker, { ca: true });
    const end = issue(me, names.at(-1) as Maker);
    expect(ask({ certificate: end, roots: [top], intermediates: long })).toBe("INTOTO_CERTIFICATE_UNTRUSTED");
    // Everybody issues everybody.
    const loop = Array.from({ length: maxChainChecks }, () => issue(middle, { ...middle }, { ca: true }));
    expect(ask({ roots: [issue(stranger, stranger, { ca: true })], intermediates: loop })).toBe(
      "INTOTO_CERTIFICATE_UNTRUSTED",
    );
  });
});

describe("constraints", () => {
  const refused = "INTOTO_CERTIFICATE_CONSTRAINT";
  const exact: CertificateConstraint = {
    commonName: "me",
    dnsNames: [],
    emails: [],
    organizations: [],
    roots: ["id0"],
    uris: [uri],
  };
  test.each<[string, readonly Partial<CertificateConstraint>[], string]>([
    ["exactly these", [{}], "taken"],
    ["any", [open], "taken"],
    ["one of two", [{ commonName: "you" }, {}], "taken"],
    ["none", [], refused],
    ["another name", [{ commonName: "you" }], refused],
    ["no name", [{ commonName: "" }], refused],
    ["another URI", [{ uris: ["spiffe://example/you"] }], refused],
    ["no URI", [{ uris: [] }], refused],
    ["one URI more", [{ uris: [uri, "spiffe://example/you"] }], refused],
    ["a star among others is no star", [{ uris: ["*", uri] }], refused],
    ["an organization", [{ organizations: ["x"] }], refused],
    ["an empty organization is none", [{ organizations: [""] }], "taken"],
    ["an e-mail address", [{ emails: ["a@b"] }], refused],
    ["a DNS name", [{ dnsNames: ["a"] }], refused],
    ["another root", [{ roots: ["id1"] }], refused],
    ["no root", [{ roots: [] }], refused],
    ["this root among others", [{ roots: ["id1", "id0"] }], "taken"],
  ])("%s", (_, constraints, code) => {
    expect(ask({ constraints: constraints.map((each) => ({ ...exact, ...each })) })).toBe(code);
  });

  test("I4: what the subject says twice must be named twice", () => {
    const certificate = issue(me, middle, { uri, organization: "a" });
    const of = (organizations: readonly string[]): string =>
      ask({ certificate, constraints: [{ ...exact, organizations }] });
    expect([of(["a"]), of(["a", "a"]), of([])]).toEqual(["taken", refused, refused]);
  });
});

describe("what a layout says of certificates", () => {
  const reader = (value: Json): ReturnType<typeof readObject> =>
    readObject(value, "layout", (detail) => inTotoError("INTOTO_LAYOUT_MALFORMED", detail));
  const pem = formatPem("CERTIFICATE", rootCert.raw);

  test("authorities in PEM, by id", () => {
    const parts = readCertificateParts(
      reader({ rootcas: { a: { keyval: { certificate: pem } } }, intermediatecas: {} }),
    );
    expect([...parts.roots.keys()]).toEqual(["a"]);
    expect(parts.roots.get("a")?.[0]?.raw).toEqual(rootCert.raw);
    expect(readCertificateParts(reader({}))).toEqual({ roots: new Map(), intermediates: new Map() });
  });

  test("authorities as the drafts of ITE-7 write them", () => {
    const old = readCertificateParts(reader({ rootcas: { a: { keyval: { public: pem } } } }));
    expect(old.roots.get("a")?.[0]?.raw).toEqual(rootCert.raw);
    const middlePem = formatPem("CERTIFICATE", middleCert.raw);
    const bundle = { bundleid: "b", roots: [pem, pem], intermediates: [middlePem] };
    const parts = readCertificateParts(reader({ trustBundles: { b: bundle, c: {} } }));
    expect(parts.roots.get("b")?.map(({ raw }) => raw)).toEqual([rootCert.raw, rootCert.raw]);
    expect(parts.intermediates.get("b")?.map(({ raw }) => raw)).toEqual([middleCert.raw]);
    const [constraint] = readCertificateConstraints(reader({ cert_constraints: [{ trustBundleIds: ["b"] }] }));
    expect(constraint?.roots).toEqual(["b"]);
  });

  test.each<[Json]>([
    [{ trustBundles: [] }],
    [{ trustBundles: { a: { roots: pem } } }],
    [{ trustBundles: { a: { roots: ["x"] } } }],
    [{ trustBundles: {}, rootcas: {} }],
    [{ rootcas: [] }],
    [{ rootcas: 1 }],
    [{ rootcas: { a: 1 } }],
    [{ rootcas: { a: { keyval: {} } } }],
    [{ rootcas: { a: { keyval: { certificate: "x" } } } }],
    [{ rootcas: { a: { keyval: { certificate: pem + pem } } } }],
    [{ rootcas: { a: { keyval: { certificate: formatPem("PUBLIC KEY", root.spki) } } } }],
    [{ rootcas: { a: { keyval: { certificate: formatPem("CERTIFICATE", root.spki) } } } }],
    [{ rootcas: Object.fromEntries(Array.from({ length: maxCertificateItems + 1 }, (_, k) => [`k${k}`, 1])) }],
  ])("%.80j is refused", (value) => {
    expect(codeOf(() => readCertificateParts(reader(value)))).toBe("INTOTO_CERTIFICATE_MALFORMED");
  });

  test("constraints whose lists are of strings", () => {
    const read = (each: Json): string => codeOf(() => readCertificateConstraints(reader({ cert_constraints: [each] })));
    expect([read({}), read({ uris: ["a"] }), read({ uris: [1] }), read({ uris: "a" }), read(1)]).toEqual([
      "taken",
      "taken",
      "INTOTO_CERTIFICATE_MALFORMED",
      "INTOTO_CERTIFICATE_MALFORMED",
      "INTOTO_CERTIFICATE_MALFORMED",
    ]);
  });
});

describe.skipIf(!hasGoldenData)("in-toto-golang's functionary", () => {
  test("is allowed by its layout, and nobody else", () => {
    const metadata = parseMetadata(readGolden("golang/demo.layout"), "strict");
    if (metadata.type !== "layout") return expect.unreachable();
    const { authorities, steps } = metadata.layout;
    const pem = (name: string): string => new TextDecoder().decode(readGolden(`golang/${name}`));
    const certificate = parsePemCertificate(pem("example.com.write-code.cert.pem"));
    const key = { key: pem("example.com.write-code.key.pem"), padding: 6, saltLength: 32 };
    const signature = { keyid: "ab", sig: new Uint8Array(sign("sha256", message, key)), certificate, json: {} };
    const signed: SignedBytes = {
      form: "metablock",
      mode: "strict",
      signatures: [signature],
      signedBytes: () => message,
    };
    const constraints = steps[0]?.certificateConstraints ?? [];
    const check = (change: object): string =>
      codeOf(() => checkCertificateSignature(signed, signature, { authorities, constraints, nowMs, ...change }));
    expect(check({})).toBe("taken");
    expect(check({ nowMs: Date.UTC(2031, 8, 1) })).toBe("INTOTO_CERTIFICATE_UNTRUSTED");
    expect(check({ constraints: constraints.map((each) => ({ ...each, commonName: "package.example.com" })) })).toBe(
      "INTOTO_CERTIFICATE_CONSTRAINT",
    );
  });
});

test("who has two certificates is one person", () => {
  const personOf = (maker: Maker, certificate: Certificate): string => {
    const sig = new Uint8Array(sign("sha256", message, maker.secret));
    const signature = { keyid: "ab", sig, json: {}, certificate };
    const signed: SignedBytes = {
      form: "metablock",
      mode: "strict",
      signatures: [signature],
      signedBytes: () => message,
    };
    const authorities = { roots: new Map([["root", [rootCert]]]), intermediates: new Map() };
    return checkCertificateSignature(signed, signature, { authorities, constraints: [open], nowMs }).person;
  };
  const again = { ...maker("me"), name: "me" };
  const first = personOf(me, issue(me, root, { uri }));
  expect(personOf(again, issue(again, root, { uri }))).toBe(first);
  expect(personOf(again, issue(again, root, { uri: `${uri}/other` }))).not.toBe(first);
  expect(personOf(stranger, issue(stranger, root, { uri }))).not.toBe(first);
});
