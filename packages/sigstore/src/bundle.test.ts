import { utf8 } from "@countersign/core";
import { describe, expect, test } from "vitest";
import {
  at,
  certificates,
  codeOf,
  hasShared,
  jsonBytes,
  mutants,
  readShared,
  sampleBundle,
  sampleEntry,
  sampleEnvelope,
  sharedFiles,
  type Loose,
} from "../vectors/format-sample.ts";
import { formatBundle, maxBundleBytes, maxLogEntries, maxTimestamps, parseBundle } from "./bundle.ts";

type Change = (bundle: Record<string, Loose>) => void;

function parse(...changes: readonly Change[]): ReturnType<typeof parseBundle> {
  const bundle = sampleBundle();
  for (const change of changes) change(bundle);
  return parseBundle(jsonBytes(bundle));
}
const set =
  (path: string, value: Loose): Change =>
  (bundle) => {
    const names = path.split(".");
    at(bundle, names.slice(0, -1).join(".") || "")[names.at(-1) as string] = value;
  };
const top =
  (name: string, value: Loose): Change =>
  (bundle) => {
    bundle[name] = value;
  };
const drop =
  (path: string, name: string): Change =>
  (bundle) => {
    delete at(bundle, path)[name];
  };
const entry =
  (change: (entry: Record<string, Loose>) => void): Change =>
  (bundle) => {
    change((at(bundle, "verificationMaterial")["tlogEntries"] as Record<string, Loose>[])[0] as Record<string, Loose>);
  };
const mediaType = (text: string): Change => top("mediaType", text);
const old = "application/vnd.dev.sigstore.bundle+json;version=";
const asChain =
  (...chain: string[]): Change =>
  (bundle) => {
    const material = at(bundle, "verificationMaterial");
    delete material["certificate"];
    material["x509CertificateChain"] = { certificates: chain.map((rawBytes) => ({ rawBytes })) };
  };
const asKey =
  (hint: string): Change =>
  (bundle) => {
    const material = at(bundle, "verificationMaterial");
    delete material["certificate"];
    material["publicKey"] = { hint };
  };
const asEnvelope =
  (envelope: Loose): Change =>
  (bundle) => {
    delete bundle["messageSignature"];
    bundle["dsseEnvelope"] = envelope;
  };

test("what older cosign wrote under the same option is named, and what to do with it", () => {
  const older = { base64Signature: "AA==", cert: "AA==", rekorBundle: { SignedEntryTimestamp: "AA==", Payload: {} } };
  expect(() => parseBundle(jsonBytes(older))).toThrow(
    expect.objectContaining({
      code: "SIGSTORE_BUNDLE_OLDER",
      fix: expect.stringContaining("bundle convert") as string,
    }),
  );
  expect(codeOf(() => parseBundle(jsonBytes({ base64Signature: 1, mediaType: "x" })))).toBe("SIGSTORE_BUNDLE_VERSION");
  const signature = Buffer.alloc(71, 7).toString("base64");
  for (const text of [signature, `${signature}\n`, "-----BEGIN CERTIFICATE-----\n"])
    expect(codeOf(() => parseBundle(Buffer.from(text)))).toBe("SIGSTORE_BUNDLE_OLDER");
  for (const text of [signature.slice(0, 20), `${signature}!`])
    expect(codeOf(() => parseBundle(Buffer.from(text)))).toBe("CORE_JSON_MALFORMED");
});

describe("parseBundle", () => {
  test("reads every part of a bundle", () => {
    const bundle = parse();
    expect(bundle).toMatchObject({ version: "0.3", material: { kind: "certificate" }, content: { kind: "message" } });
    expect(bundle.content).toMatchObject({
      digest: `sha256:${"07".repeat(32)}`,
      signature: Uint8Array.of(0x30, 0x45, 2),
    });
    expect(bundle.timestamps).toEqual([Uint8Array.of(0x30, 0)]);
    expect(bundle.entries[0]).toMatchObject({ logIndex: 12n, integratedTime: 1_700_000_000n, kind: "hashedrekord" });
    expect(bundle.entries[0]?.proof).toMatchObject({ logIndex: 2n, treeSize: 3n, hashes: { length: 2 } });
  });

  test("takes absent numbers as zero and null as absent, as protobuf JSON does", () => {
    const bundle = parse(
      entry((each) => {
        delete each["logIndex"];
        each["integratedTime"] = null;
        each["inclusionPromise"] = null;
      }),
      set("verificationMaterial.timestampVerificationData", null),
    );
    expect(bundle.entries[0]).toMatchObject({ logIndex: 0n, integratedTime: 0n });
    expect(bundle.entries[0]).not.toHaveProperty("promise");
    expect(bundle.timestamps).toEqual([]);
  });

  test.each([
    ["0.1", [mediaType(`${old}0.1`), asChain(certificates.leaf)]],
    ["0.1", [mediaType(`${old}0.1`), asChain(certificates.leaf), entry((each) => delete each["inclusionProof"])]],
    ["0.1", [mediaType(`${old}0.1`), asKey("")]],
    ["0.2", [mediaType(`${old}0.2`), asChain(certificates.leaf, certificates.issuer)]],
    ["0.3", [mediaType(`${old}0.3`)]],
    ["0.3", [asKey("hint")]],
    ["0.3", [asKey("hint"), set("verificationMaterial.tlogEntries", [])]],
    ["0.3", [drop("messageSignature", "messageDigest")]],
    ["0.3", [asEnvelope(sampleEnvelope())]],
    ["0.3", [asKey("one"), asEnvelope({ ...sampleEnvelope(), signatures: [{ sig: "MEUC", keyid: "one" }] })]],
    ["0.3", [asKey("one"), asEnvelope({ ...sampleEnvelope(), signatures: [{ sig: "MEUC", keyid: "" }] })]],
  ] satisfies [string, Change[]][])(
    "accepts version %s, form %#, and formats it to the same value",
    (version, changes) => {
      const bundle = parse(...changes);
      expect(bundle.version).toBe(version);
      expect(parseBundle(utf8(formatBundle(bundle)))).toEqual(bundle);
    },
  );

  const malformed = "SIGSTORE_BUNDLE_MALFORMED";
  test.each([
    ["S15 unknown version", "SIGSTORE_BUNDLE_VERSION", mediaType("application/vnd.dev.sigstore.bundle.v0.4+json")],
    ["S15 far version", "SIGSTORE_BUNDLE_VERSION", mediaType("application/vnd.dev.sigstore.bundle.v9.9+json")],
    [
      "S15 something after the type",
      "SIGSTORE_BUNDLE_VERSION",
      mediaType("application/vnd.dev.sigstore.bundle.v0.3+jsonX"),
    ],
    ["S15 old spelling of an unknown version", "SIGSTORE_BUNDLE_VERSION", mediaType(`${old}0.99`)],
    ["no media type", malformed, drop("", "mediaType")],
    [
      "S18 two signatures",
      "SIGSTORE_BUNDLE_SIGNATURES",
      asEnvelope({ ...sampleEnvelope(), signatures: [{ sig: "MEUC" }, { sig: "MEUC" }] }),
    ],
    ["no signature", "CORE_ENVELOPE_MALFORMED", asEnvelope({ ...sampleEnvelope(), signatures: [] })],
    [
      "unknown member of the envelope's signature",
      "SIGSTORE_BUNDLE_MALFORMED",
      asEnvelope({ ...sampleEnvelope(), signatures: [{ sig: "MEUC", cert: "x" }] }),
    ],
    ["unknown member of the envelope", "SIGSTORE_BUNDLE_MALFORMED", asEnvelope({ ...sampleEnvelope(), extra: 1 })],
    ["S19 chain in 0.3", "SIGSTORE_BUNDLE_CHAIN", asChain(certificates.leaf)],
    ["both contents", malformed, top("dsseEnvelope", sampleEnvelope())],
    ["no content", malformed, drop("", "messageSignature")],
    ["no material", malformed, drop("verificationMaterial", "certificate")],
    ["two materials", malformed, set("verificationMaterial.publicKey", { hint: "" })],
    ["empty signature", malformed, set("messageSignature.signature", "")],
    ["unknown digest", malformed, set("messageSignature.messageDigest.algorithm", "SHA3_256")],
    ["digest as a number", malformed, set("messageSignature.messageDigest.algorithm", 1)],
    ["short digest", malformed, set("messageSignature.messageDigest.digest", "AAAA")],
    ["S20 unknown member", malformed, top("extra", 1)],
    ["S20 unknown member inside", malformed, entry((each) => (each["extra"] = 1))],
    ["S20 white space in base64", malformed, set("messageSignature.signature", "ME UC")],
    ["S20 missing padding", malformed, set("messageSignature.signature", "MEU")],
    ["S20 URL alphabet", malformed, set("messageSignature.signature", "-_-_")],
    ["S20 stray bits", malformed, set("messageSignature.signature", "MEX=")],
    ["no proof", "SIGSTORE_BUNDLE_PROOF_MISSING", entry((each) => delete each["inclusionProof"])],
    [
      "S8 no checkpoint",
      "SIGSTORE_BUNDLE_PROOF_MISSING",
      entry((each) => delete at(each, "inclusionProof")["checkpoint"]),
    ],
    ["negative index", malformed, entry((each) => (each["logIndex"] = "-1"))],
    ["negative index in the proof", malformed, entry((each) => (at(each, "inclusionProof")["logIndex"] = "-1"))],
    ["index beyond int64", malformed, entry((each) => (each["logIndex"] = "9223372036854775808"))],
    ["index with leading zero", malformed, entry((each) => (each["logIndex"] = "012"))],
    ["log id of 5 bytes", malformed, entry((each) => (each["logId"] = { keyId: "AAAAAAA=" }))],
    [
      "proof hash of 31 bytes",
      malformed,
      entry((each) => (at(each, "inclusionProof")["hashes"] = [Buffer.alloc(31).toString("base64")])),
    ],
    ["proof hash that is no string", malformed, entry((each) => (at(each, "inclusionProof")["hashes"] = [7]))],
    [
      "64 proof hashes",
      malformed,
      entry(
        (each) =>
          (at(each, "inclusionProof")["hashes"] = Array.from({ length: 64 }, () =>
            Buffer.alloc(32).toString("base64"),
          )),
      ),
    ],
    [
      "root hash of 31 bytes",
      malformed,
      entry((each) => (at(each, "inclusionProof")["rootHash"] = Buffer.alloc(31).toString("base64"))),
    ],
    ["empty body", malformed, entry((each) => (each["canonicalizedBody"] = ""))],
    ["empty promise", malformed, entry((each) => (each["inclusionPromise"] = { signedEntryTimestamp: "" }))],
    [
      "too many entries",
      malformed,
      set("verificationMaterial.tlogEntries", Array.from({ length: maxLogEntries + 1 }, sampleEntry)),
    ],
    [
      "too many timestamps",
      malformed,
      set("verificationMaterial.timestampVerificationData", {
        rfc3161Timestamps: Array.from({ length: maxTimestamps + 1 }, () => ({ signedTimestamp: "MAA=" })),
      }),
    ],
    [
      "certificate that is none",
      "CORE_CERTIFICATE_MALFORMED",
      set("verificationMaterial.certificate", { rawBytes: "MAA=" }),
    ],
  ] satisfies [string, string, Change][])("refuses: %s", (_, code, change) => {
    expect(codeOf(() => parse(change))).toBe(code);
  });

  test.each([
    [
      "S19 root appended",
      "SIGSTORE_BUNDLE_CHAIN",
      [mediaType(`${old}0.1`), asChain(certificates.leaf, certificates.issuer, certificates.root)],
    ],
    ["S19 empty chain", "SIGSTORE_BUNDLE_CHAIN", [mediaType(`${old}0.2`), asChain()]],
    ["S19 single certificate in 0.2", "SIGSTORE_BUNDLE_CHAIN", [mediaType(`${old}0.2`)]],
    [
      "S19 eleven certificates",
      malformed,
      [mediaType(`${old}0.2`), asChain(...Array.from({ length: 11 }, () => certificates.leaf))],
    ],
    [
      "0.1 without promise",
      "SIGSTORE_BUNDLE_PROOF_MISSING",
      [mediaType(`${old}0.1`), asKey(""), entry((each) => delete each["inclusionPromise"])],
    ],
    [
      "0.2 without proof",
      "SIGSTORE_BUNDLE_PROOF_MISSING",
      [mediaType(`${old}0.2`), asKey(""), entry((each) => delete each["inclusionProof"])],
    ],
    [
      "S18 hint of another key",
      "SIGSTORE_BUNDLE_HINT",
      [asKey("one"), asEnvelope({ ...sampleEnvelope(), signatures: [{ sig: "MEUC", keyid: "two" }] })],
    ],
  ] satisfies [string, string, Change[]][])("refuses: %s", (_, code, changes) => {
    expect(codeOf(() => parse(...changes))).toBe(code);
  });

  test("refuses what is not JSON, has a member twice, or is too long", () => {
    expect(codeOf(() => parseBundle(utf8("{")))).toBe("CORE_JSON_MALFORMED");
    expect(codeOf(() => parseBundle(utf8("[]")))).toBe(malformed);
    expect(codeOf(() => parseBundle(utf8('{"mediaType":"a","mediaType":"b"}')))).toBe("CORE_JSON_DUPLICATE");
    expect(codeOf(() => parseBundle(new Uint8Array(maxBundleBytes + 1)))).toBe("CORE_TOO_LARGE");
  });

  test("every mutant of every node is refused by a TrustError, or formats to what it parsed to", () => {
    let refused = 0;
    for (const mutant of mutants(sampleBundle())) {
      const bytes = jsonBytes(mutant);
      if (codeOf(() => parseBundle(bytes)) !== "accepted") refused++;
      else expect(parseBundle(utf8(formatBundle(parseBundle(bytes))))).toEqual(parseBundle(bytes));
    }
    expect(refused).toBeGreaterThan(350);
  });
});

describe.skipIf(!hasShared)("bundles made by public services", () => {
  const expected = new Map([
    ["bundle-verify/bundle-unknown-version_fail/bundle.sigstore.json", "SIGSTORE_BUNDLE_VERSION"],
  ]);
  const files = sharedFiles(/(?:bundle\.sigstore\.json|^real\/.*\.sigstore(?:\.json)?)$/);

  test("are there", () => expect(files.length).toBeGreaterThan(25));
  test.each(files)("%s", (path) => {
    const bytes = readShared(path);
    expect(codeOf(() => parseBundle(bytes))).toBe(expected.get(path) ?? "accepted");
    if (expected.has(path)) return;
    const bundle = parseBundle(bytes);
    expect(parseBundle(utf8(formatBundle(bundle)))).toEqual(bundle);
    for (let cut = 1; cut < bytes.length; cut += 997)
      expect(codeOf(() => parseBundle(bytes.subarray(0, cut)))).toMatch(/^CORE_/);
  });
});
