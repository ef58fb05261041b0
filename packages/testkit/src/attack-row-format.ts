/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { base64 } from "@countersign/core";
import { makeKeyPair } from "@countersign/local-sigstore";
import { forge, type Attack, type Departure, type Stage } from "./attack-vector.ts";
import { makeEvidence, type Plan } from "./evidence.ts";
import type { Loose } from "./json.ts";

const material = "verificationMaterial";
const proof = `${material}.tlogEntries.0.inclusionProof`;
const chainPath = `${material}.x509CertificateChain`;

/** S15: types and versions that are not known. */
export function rowS15(stage: Stage): Attack[] {
  const make = forge(stage, "S15", "@sigstore/verify 4.1.3 reads unknown versions as the latest");
  const evidence = makeEvidence(stage.a);
  const type = (mediaType: string): Departure => ({
    expect: "SIGSTORE_BUNDLE_VERSION",
    edits: [["mediaType", mediaType]],
  });
  const root = (mediaType: string, expect = "SIGSTORE_TRUST_ROOT_VERSION"): Departure => ({
    expect,
    rootEdits: [["mediaType", mediaType]],
  });
  const bundle = "application/vnd.dev.sigstore.bundle";
  const trusted = "application/vnd.dev.sigstore.trustedroot";
  return [
    make("control-v03", "version 0.3 in its first spelling", evidence, {
      expect: "ok",
      edits: [["mediaType", `${bundle}+json;version=0.3`]],
      control: true,
    }),
    make("v04", "bundle version 0.4", evidence, type(`${bundle}.v0.4+json`)),
    make("v99", "bundle version 9.9", evidence, type(`${bundle}.v9.9+json`)),
    make("json-x", "bundle of type …v0.3+jsonX", evidence, type(`${bundle}.v0.3+jsonX`)),
    make("json-before", "bundle type with something before it", evidence, type(`x${bundle}.v0.3+json`)),
    make("case", "bundle type in upper case", evidence, type(`${bundle}.v0.3+json`.toUpperCase())),
    make("parameter", "bundle version 0.4 as a parameter", evidence, type(`${bundle}+json;version=0.4`)),
    make("none", "bundle without a type", evidence, {
      expect: "SIGSTORE_BUNDLE_MALFORMED",
      edits: [["mediaType", undefined]],
    }),
    make("root-type", "trust root of type application/foo", evidence, root("application/foo")),
    make("root-v99", "trust root of version 9.9", evidence, root(`${trusted}+json;version=9.9`)),
    make("root-is-bundle", "a bundle's type in a trust root", evidence, root(`${bundle}.v0.3+json`)),
  ];
}

/** S16: trust roots with something in them that is not known. */
export function rowS16(stage: Stage): Attack[] {
  const make = forge(stage, "S16", "@sigstore/verify 4.1.3 cannot use the root at all (probes P24 and P25)");
  const v2 = makeEvidence(stage.a);
  const v1 = makeEvidence(stage.a, { entry: "hashedrekord 0.0.1" });
  const details: [string, Loose] = ["tlogs.0.publicKey.keyDetails", "PKIX_HYPOTHETICAL_512"];
  const peers = "sigstore-python refuses such a root whole (trust.py: missing a certificate in Certificate Authority)";
  const empty: [string, Loose] = ["timestampAuthorities.0.certChain", { certificates: [] }];
  const skipped = { expect: "ok" };
  const short: Departure = {
    expect: "ok",
    root: { version: "0.2" },
    source: "@sigstore/verify 4.1.3 refuses every bundle under a root with 4-byte key ids",
  };
  const onlyShort: Departure = {
    expect: "ok",
    root: { version: "0.2", logs: [stage.a.rekor.trusted, stage.a.rekorV1.trusted] },
    rootEdits: [
      ["tlogs.0.logId", undefined],
      ["tlogs.1.logId", undefined],
    ],
  };
  const wrongId: Departure = {
    expect: "SIGSTORE_LOG_UNKNOWN",
    rootEdits: [["tlogs.1.logId", { keyId: base64(stage.b.rekor.logId) }]],
  };
  const cut = (bytes: Uint8Array): [string, Loose] => [
    `${material}.tlogEntries.0.logId.keyId`,
    base64(bytes.subarray(0, 4)),
  ];
  return [
    make("key-details", "log with unknown keyDetails beside the good one", v2, { ...skipped, rootEdits: [details] }),
    make("key-details-number", "keyDetails as a number beside the good one", v2, {
      ...skipped,
      rootEdits: [[details[0], 99]],
    }),
    make("key", "log with a key of an unknown kind beside the good one", v2, {
      ...skipped,
      rootEdits: [["tlogs.0.publicKey.rawBytes", base64(Uint8Array.of(0x30, 7, 0x30, 3, 6, 1, 42, 3, 0))]],
    }),
    make("hash", "log with an unknown hash beside the good one", v2, {
      ...skipped,
      rootEdits: [["tlogs.0.hashAlgorithm", "SHA3_256"]],
    }),
    make("member", "unknown member", v2, { ...skipped, rootEdits: [["tlogs.0.mood", "good"]] }),
    make("authority", "timestamp authority without certificates, and another time", v1, {
      ...skipped,
      source: peers,
      rootEdits: [empty],
    }),
    make("only-authority", "the bundle's own timestamp authority without certificates", v2, {
      expect: "SIGSTORE_TIMESTAMP_UNTRUSTED",
      source: peers,
      rootEdits: [empty],
    }),
    make("only", "the bundle's own log has unknown keyDetails", v1, {
      expect: "SIGSTORE_LOG_UNKNOWN",
      rootEdits: [details],
    }),
    make("short-id-v2", "4-byte checkpointKeyId, Rekor v2", v2, short),
    make("short-id-v1", "4-byte checkpointKeyId, Rekor v1", v1, short),
    make("only-short-id-v2", "only a 4-byte checkpointKeyId, Rekor v2", v2, onlyShort),
    make("only-short-id-v1", "only a 4-byte checkpointKeyId, Rekor v1", v1, onlyShort),
    make("short-id-bundle", "4-byte log id in the bundle's entry", v2, {
      expect: "ok",
      edits: [cut(stage.a.rekor.logId)],
      root: { version: "0.2" },
    }),
    make("other-id", "log id in the root that is not the key's", v2, wrongId),
  ];
}

/** S17: values in a bundle that no signature covers. */
export function rowS17(stage: Stage): Attack[] {
  const make = forge(stage, "S17", "@sigstore/verify 4.1.3 leaves these values unverified (probes P4 and P5)");
  const evidence = makeEvidence(stage.a);
  const size = String(stage.a.rekor.tree.size());
  const index = String(stage.a.rekor.tree.size() - 1);
  const claims = { logs: [{ origin: stage.a.rekor.origin, index, treeSize: size, proof: "inclusion" }] };
  const same: Departure = { expect: "ok", claims };
  return [
    make("control", "what the claims say of the log is what was proved", evidence, { ...same, control: true }),
    make("root-hash", "another rootHash beside the proof", evidence, {
      ...same,
      edits: [[`${proof}.rootHash`, base64(new Uint8Array(32))]],
    }),
    make("tree-size", "another treeSize beside the proof", evidence, {
      ...same,
      edits: [[`${proof}.treeSize`, "999999"]],
    }),
    make("log-index", "another logIndex beside the entry", evidence, {
      ...same,
      edits: [[`${material}.tlogEntries.0.logIndex`, "424242"]],
    }),
    make("integrated-time", "an integratedTime in Rekor v2", evidence, {
      ...same,
      claims: { ...claims, times: [{ source: "rfc3161" }] },
      edits: [[`${material}.tlogEntries.0.integratedTime`, "1772366400"]],
    }),
    make("proof-index", "another index in the proof", evidence, {
      expect: "SIGSTORE_LOG_INCLUSION",
      edits: [[`${proof}.logIndex`, "0"]],
    }),
    make("hint", "digest hint of another artifact", evidence, {
      expect: "SIGSTORE_ARTIFACT_MISMATCH",
      edits: [["messageSignature.messageDigest.digest", base64(new Uint8Array(32))]],
    }),
    make("no-hint", "no digest hint", evidence, { ...same, edits: [["messageSignature.messageDigest", undefined]] }),
    make("hint-length", "digest hint of the wrong length", evidence, {
      expect: "SIGSTORE_BUNDLE_MALFORMED",
      edits: [["messageSignature.messageDigest.algorithm", "SHA2_512"]],
    }),
  ];
}

/** S19: certificates that a bundle of its version may not carry. */
export function rowS19(stage: Stage): Attack[] {
  const make = forge(stage, "S19", "@sigstore/verify 4.1.3 accepts a chain with the root appended (probe P9)");
  const [intermediate, root] = stage.a.ca.chain.map((der) => ({ rawBytes: base64(der) }));
  const old: Plan = { entry: "hashedrekord 0.0.1", version: "0.1" };
  const v01 = makeEvidence(stage.a, old);
  const v02 = makeEvidence(stage.a, { ...old, version: "0.2" });
  const v03 = makeEvidence(stage.a);
  const leaf = { rawBytes: base64(v01.leaf ?? new Uint8Array()) };
  const add = (...others: (Loose | undefined)[]): Departure["edits"] => [
    [`${chainPath}.certificates`, [leaf, ...others.map((each) => each ?? null)]],
  ];
  const chain: Departure = { expect: "SIGSTORE_BUNDLE_CHAIN" };
  const single = { rawBytes: base64(v02.leaf ?? new Uint8Array()) };
  const several = { certificates: [{ rawBytes: base64(v03.leaf ?? new Uint8Array()) }] };
  return [
    make("control-chain", "version 0.1 with the intermediate after the leaf", v01, {
      expect: "ok",
      edits: add(intermediate) ?? [],
      control: true,
    }),
    make("control-v02", "version 0.2 with the leaf alone", v02, { expect: "ok", control: true }),
    make("root", "version 0.1 with the root at the end", v01, { ...chain, edits: add(intermediate, root) ?? [] }),
    make("root-only", "version 0.1 with leaf and root", v01, { ...chain, edits: add(root) ?? [] }),
    make("other-chain", "version 0.1 with another authority's intermediate after the leaf", v01, {
      expect: "ok",
      edits: add({ rawBytes: base64(stage.twin.ca.chain[0] ?? new Uint8Array()) }) ?? [],
    }),
    make("leaf-last", "version 0.1 with the intermediate before the leaf", v01, {
      expect: "SIGSTORE_SIGNATURE_INVALID",
      edits: [[`${chainPath}.certificates`, [intermediate ?? null, leaf]]],
    }),
    make("empty", "version 0.1 with an empty chain", v01, { ...chain, edits: [[`${chainPath}.certificates`, []]] }),
    make("v03-chain", "version 0.3 with a chain", v03, {
      ...chain,
      edits: [
        [`${material}.certificate`, undefined],
        [chainPath, several],
      ],
    }),
    make("v02-single", "version 0.2 with a single certificate", v02, {
      ...chain,
      edits: [
        [chainPath, undefined],
        [`${material}.certificate`, single],
      ],
    }),
    make("both", "a certificate and a chain", v03, {
      expect: "SIGSTORE_BUNDLE_MALFORMED",
      edits: [[chainPath, several]],
    }),
    make("key-and-certificate", "a certificate and a key hint", v03, {
      expect: "SIGSTORE_BUNDLE_MALFORMED",
      edits: [[`${material}.publicKey`, { hint: "" }]],
    }),
    make("eleven", "version 0.1 with eleven certificates", v01, {
      expect: "SIGSTORE_BUNDLE_MALFORMED",
      edits: add(...Array.from({ length: 10 }, () => intermediate)) ?? [],
    }),
  ];
}

/** S20: lax encodings and members that are not known. */
export function rowS20(stage: Stage): Attack[] {
  const make = forge(stage, "S20", "Node's base64 and JSON.parse read all of these");
  const evidence = makeEvidence(stage.a);
  const envelope = makeEvidence(stage.a, { content: "envelope" });
  const malformed: Departure = { expect: "SIGSTORE_BUNDLE_MALFORMED" };
  const signature = base64(evidence.signed.signature);
  const sign = (text: string): Departure => ({ ...malformed, edits: [["messageSignature.signature", text]] });
  const twice = (member: string): Departure => ({
    expect: "CORE_JSON_DUPLICATE",
    text: (json) => json.replace(member, `${member}null,${member}`),
  });
  const unknown = (path: string): Departure => ({ ...malformed, edits: [[`${path}.mood`, "good"]] });
  const replace = (from: string | RegExp, to: string, expect = "CORE_JSON_MALFORMED"): Departure => ({
    expect,
    text: (json) => json.replace(from, to),
  });
  return [
    make("space", "white space inside base64", evidence, sign(`${signature.slice(0, 8)}\n${signature.slice(8)}`)),
    make("space-end", "white space after base64", evidence, sign(`${signature} `)),
    make("padding", "base64 without its padding", evidence, sign(base64(new Uint8Array(64)).replaceAll("=", ""))),
    make(
      "url",
      "base64 in the URL alphabet",
      evidence,
      sign(base64(new Uint8Array(63).fill(0xfb)).replaceAll("+", "-").replaceAll("/", "_")),
    ),
    make("bits", "base64 with bits after its end", evidence, sign("AB==")),
    make("junk", "base64 with something after its padding", evidence, sign("AAA=AAAA")),
    make("payload", "lax base64 in the envelope", envelope, {
      expect: "CORE_ENVELOPE_MALFORMED",
      edits: [["dsseEnvelope.payload", "e30"]],
    }),
    make("member", "unknown member of the bundle", evidence, { ...malformed, edits: [["mood", "good"]] }),
    make("member-material", "unknown member of the material", evidence, unknown(material)),
    make("member-entry", "unknown member of a log entry", evidence, unknown(`${material}.tlogEntries.0`)),
    make("member-proof", "unknown member of a proof", evidence, unknown(proof)),
    make("member-message", "unknown member of the signature", evidence, unknown("messageSignature")),
    make(
      "member-snake",
      "member under its proto name",
      evidence,
      replace('"verificationMaterial"', '"verification_material"', "SIGSTORE_BUNDLE_MALFORMED"),
    ),
    make("twice", "the signature twice", evidence, twice('"signature":')),
    make(
      "twice-escaped",
      "the signature twice, once with an escape in its name",
      evidence,
      replace('"signature":', '"\\u0073ignature":"","signature":', "CORE_JSON_DUPLICATE"),
    ),
    make("twice-payload", "the envelope's payload twice", envelope, twice('"payload":')),
    make("proto", "member __proto__", evidence, replace("{", '{"__proto__":{},', "SIGSTORE_BUNDLE_MALFORMED")),
    make("trailing", "something after the bundle", evidence, {
      expect: "CORE_JSON_MALFORMED",
      text: (json) => `${json}{}`,
    }),
    make("mark", "byte order mark", evidence, { expect: "CORE_JSON_MALFORMED", text: (json) => `\uFEFF${json}` }),
    make("deep", "nested a thousand deep", evidence, {
      expect: "CORE_JSON_DEPTH",
      text: (json) => json.replace("{", `{"a":${"[".repeat(1000)}${"]".repeat(1000)},`),
    }),
    make("both", "a signature and an envelope", evidence, {
      ...malformed,
      edits: [["dsseEnvelope", envelope.json["dsseEnvelope"]]],
    }),
    make("neither", "neither signature nor envelope", evidence, {
      ...malformed,
      edits: [["messageSignature", undefined]],
    }),
    make(
      "key-empty",
      "bundle of a managed key without a hint",
      makeEvidence(stage.a, { managed: makeKeyPair("p256") }),
      { expect: "ok", edits: [[`${material}.publicKey`, {}]] },
    ),
  ];
}
