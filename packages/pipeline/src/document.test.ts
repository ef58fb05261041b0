import { generateSigner, utf8, type JsonObject } from "@countersign/core";
import {
  formatMetadata,
  formatSigstoreKey,
  linkPredicateType,
  linksInMemory,
  parseMetadata,
  publicKeyOf,
  signMetadata,
  sigstoreKeyId,
  verifyLayout,
  type BundleProver,
  type Verification,
} from "@countersign/in-toto";
import { makeKeyPair } from "@countersign/local-sigstore";
import { bytesOfJson, makeEvidence, makeInstance, signer, trustRootBytes, type Plan } from "@countersign/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { bundleProver, loadTrust } from "./index.ts";

const instance = makeInstance();
const { now } = instance;
const owner = generateSigner("ed25519");
const ownerKey = publicKeyOf(owner.spki);
const functionary = formatSigstoreKey(signer);
const file = `build.${functionary.keyid.slice(0, 8)}.link`;
const hashes = { sha256: "ab".repeat(32) };

const link = (more: JsonObject = {}): JsonObject => ({
  _type: "link",
  name: "build",
  command: [],
  materials: {},
  products: { app: hashes },
  byproducts: { "return-value": 0 },
  environment: {},
  ...more,
});

const step = (more: JsonObject = {}): JsonObject => ({
  _type: "step",
  name: "build",
  threshold: 1,
  pubkeys: [functionary.keyid],
  expected_command: [],
  expected_materials: [["DISALLOW", "*"]],
  expected_products: [
    ["CREATE", "app"],
    ["DISALLOW", "*"],
  ],
  ...more,
});

const layoutOf = (steps: readonly JsonObject[], keys: readonly JsonObject[] = [functionary]): JsonObject => ({
  _type: "layout",
  expires: "2050-01-01T00:00:00Z",
  readme: "",
  inspect: [],
  steps,
  keys: Object.fromEntries(keys.map((key) => [key["keyid"], key])),
});

/** The file of a bundle around a link or layout. */
function bundleOf(payload: JsonObject, plan: Plan = {}): Uint8Array {
  const made = { content: "envelope", entry: "dsse 0.0.2", payload: utf8(JSON.stringify(payload)), ...plan } as const;
  return bytesOfJson(makeEvidence(instance, made).json);
}

const leafOf = (value: string): Plan => ({ leaf: { identity: { type: "uri", value } } });

let bundles: BundleProver;
beforeAll(async () => {
  const files = [{ source: "root.json", bytes: trustRootBytes(instance.parts) }];
  bundles = bundleProver(await loadTrust({ now, files }), now);
});

interface Chain {
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly layout?: JsonObject;
  readonly bundles?: BundleProver | undefined;
}

async function verify(chain: Chain): Promise<Verification> {
  const { files, layout = layoutOf([step()]) } = chain;
  const signed = await signMetadata(layout, [{ signer: owner, key: ownerKey }], "metablock");
  return verifyLayout({
    layout: parseMetadata(utf8(formatMetadata(signed)), "strict"),
    keys: [ownerKey],
    links: linksInMemory(new Map(Object.entries(files))),
    now,
    bundles: "bundles" in chain ? chain.bundles : bundles,
  });
}

/** The verdict, or what was said against it. */
async function saidOf(chain: Chain): Promise<string> {
  const { verdict, findings, layout } = await verify(chain);
  const ignored = layout.steps.flatMap((each) => each.ignored);
  return verdict === "allowed"
    ? verdict
    : [...ignored, ...findings].map((each) => `${each.code} ${each.message}`).join("; ");
}

const only = (bytes: Uint8Array): Chain => ({ files: { [file]: bytes } });

describe("a link in a bundle by the identity that the layout names", () => {
  test.each<readonly [string, Plan]>([
    ["Rekor v2", {}],
    ["Rekor v1", { entry: "dsse 0.0.1" }],
    ["Rekor v1, intoto", { entry: "intoto 0.0.2" }],
    ["a chain", { version: "0.2" }],
  ])("is taken: %s", async (_, plan) => {
    const { verdict, claims, layout } = await verify(only(bundleOf(link(), plan)));
    expect(verdict).toBe("allowed");
    expect(claims?.layout?.steps[0]?.functionaries).toMatchObject([
      { kind: "certificate", identity: { value: signer.identity }, issuer: signer.issuer },
    ]);
    expect(layout.steps[0]?.functionaries[0]?.proved?.logs).toHaveLength(1);
  });

  test("a step without products can be signed too", async () => {
    expect(await saidOf(only(bundleOf(link({ products: {} }))))).toBe("allowed");
  });

  test("and a sublayout, with the links below it", async () => {
    const inner = bundleOf(layoutOf([step({ name: "compile" })]));
    const below = `build.${functionary.keyid.slice(0, 8)}/compile.${functionary.keyid.slice(0, 8)}.link`;
    const files = { [file]: inner, [below]: bundleOf(link({ name: "compile" })) };
    expect(await saidOf({ files })).toBe("allowed");
    const foreign = { ...files, [below]: bundleOf(link({ name: "compile" }), { leaf: { issuer: "https://o.test" } }) };
    expect(await saidOf({ files: foreign })).toContain("INTOTO_THRESHOLD");
  });

  test("and a bundle by a key that the layout lists, with its log entry", async () => {
    const managed = makeKeyPair("p256");
    const key = publicKeyOf(managed.spki);
    const layout = layoutOf([step({ pubkeys: [key.keyid] })], [key.json]);
    const name = `build.${key.keyid.slice(0, 8)}.link`;
    const made = (plan: Plan): Chain => ({ layout, files: { [name]: bundleOf(link(), plan) } });
    expect(await saidOf(made({ managed }))).toBe("allowed");
    expect(await saidOf(made({ managed, entry: "none" }))).toContain("SIGSTORE_TOO_FEW_LOG_ENTRIES");
    expect(await saidOf(made({ managed: makeKeyPair("p256") }))).toContain("INTOTO_BUNDLE_UNTRUSTED");
    expect(await saidOf(made({}))).toContain("INTOTO_BUNDLE_UNTRUSTED");
  });
});

describe("attacks on identities", () => {
  const cut = (text: string): string => text.slice(0, -1);
  const attacks: readonly (readonly [string, () => Uint8Array, string])[] = [
    ["no log entry", () => bundleOf(link(), { entry: "none" }), "SIGSTORE_TOO_FEW_LOG_ENTRIES"],
    [
      "the log entry of another statement",
      () => bundleOf(link(), { logged: (signed) => ({ ...signed, digest: new Uint8Array(32), payload: utf8("{}") }) }),
      "SIGSTORE_ENTRY_MISMATCH",
    ],
    [
      "the signature of another statement",
      () => bundleOf(link(), { signature: makeEvidence(instance, { content: "envelope" }).signed.signature }),
      "SIGSTORE_SIGNATURE_INVALID",
    ],
    ["another identity", () => bundleOf(link(), leafOf(`${signer.identity}x`)), "INTOTO_IDENTITY_MISMATCH"],
    ["the beginning of the identity", () => bundleOf(link(), leafOf(cut(signer.identity))), "INTOTO_IDENTITY_MISMATCH"],
    ["another issuer", () => bundleOf(link(), { leaf: { issuer: `${signer.issuer}/` } }), "INTOTO_IDENTITY_MISMATCH"],
    ["another Sigstore", () => otherInstance(), "INTOTO_BUNDLE_UNTRUSTED"],
    ["another payload type", () => bundleOf(link(), { payloadType: "text/plain" }), "INTOTO_METADATA_TYPE"],
    [
      "a signature over an artifact",
      () => bundleOf(link(), { content: "message", entry: "hashedrekord 0.0.2" }),
      "SIGSTORE_ENVELOPE_NEEDED",
    ],
    [
      "a Statement of another predicate",
      () => bundleOf({ ...statement, predicateType: "https://slsa.dev/provenance/v1" }),
      "INTOTO_METADATA_TYPE",
    ],
    ["the link of another step", () => bundleOf(link({ name: "test" })), "INTOTO_LINK_NAME"],
    ["a key instead of a certificate", () => bundleOf(link(), { managed: makeKeyPair("p256") }), "SIGSTORE_KEY_NEEDED"],
    [
      "no bundle, but a plain link",
      () => utf8(JSON.stringify({ signed: link(), signatures: [] })),
      "INTOTO_BUNDLE_NEEDED",
    ],
    [
      "other products than the rules want",
      () => bundleOf(link({ products: { evil: hashes } })),
      "INTOTO_RULE_DISALLOWED",
    ],
  ];
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "app", digest: hashes }],
    predicate: {},
  };
  const otherInstance = (): Uint8Array => {
    const plan = { content: "envelope", entry: "dsse 0.0.2", payload: utf8(JSON.stringify(link())) } as const;
    return bytesOfJson(makeEvidence(makeInstance("b"), plan).json);
  };

  test.each(attacks)("%s", async (_, make, said) => {
    expect(await saidOf(only(make()))).toContain(said);
  });

  test("a threshold is not met by one identity with two certificates, under two ids", async () => {
    const second = { ...functionary, keyid: "cd".repeat(32) };
    const other = { ...functionary, scheme: "fulcio", keyid: sigstoreKeyId(signer, "fulcio") };
    const pubkeys = [functionary.keyid, second.keyid, other.keyid];
    const layout = layoutOf([step({ pubkeys, threshold: 2 })], [functionary, second, other]);
    const files = Object.fromEntries(pubkeys.map((id) => [`build.${id.slice(0, 8)}.link`, bundleOf(link())]));
    expect(await saidOf({ layout, files })).toContain("INTOTO_THRESHOLD");
  });

  test("but by two identities", async () => {
    const identity = "https://ci.test/org/repo/other.yml@refs/heads/main";
    const second = formatSigstoreKey({ ...signer, identity });
    const pubkeys = [functionary.keyid, second.keyid];
    const layout = layoutOf([step({ pubkeys, threshold: 2 })], [functionary, second]);
    const name = `build.${second.keyid.slice(0, 8)}.link`;
    const files = { [file]: bundleOf(link()), [name]: bundleOf(link(), leafOf(identity)) };
    expect(await saidOf({ layout, files })).toBe("allowed");
    const differing = {
      ...files,
      [name]: bundleOf(link({ products: { app: { sha256: "cd".repeat(32) } } }), leafOf(identity)),
    };
    expect(await saidOf({ layout, files: differing })).toContain("INTOTO_LINKS_DISAGREE");
  });

  test("nothing counts where nothing proves bundles", async () => {
    expect(await saidOf({ ...only(bundleOf(link())), bundles: undefined })).toContain("nothing that verifies bundles");
  });
});

describe("attestations in bundles", () => {
  const predicateType = "https://in-toto.io/attestation/test-result/v0.1";
  const statement = (more: JsonObject = {}): JsonObject => ({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "app", digest: hashes }],
    predicateType,
    predicate: { result: "PASSED", configuration: [] },
    ...more,
  });
  const attested = (more: JsonObject = {}, keys: readonly JsonObject[] = [functionary]): JsonObject => ({
    ...layoutOf([], keys),
    steps: [
      {
        _type: "step",
        name: "test",
        expected_materials: [
          ["ALLOW", "app"],
          ["DISALLOW", "*"],
        ],
        expected_products: [["DISALLOW", "*"]],
        expectedPredicates: [
          { predicateType, functionaries: [functionary.keyid], expectedAttributes: ["result == 'PASSED'"], ...more },
        ],
      },
    ],
  });
  const files = (...made: readonly Uint8Array[]): Chain["files"] =>
    Object.fromEntries(made.map((bytes, at) => [`test.${at}.sigstore.json`, bytes]));

  test("by an identity, and by a key with its log entry", async () => {
    expect(await saidOf({ layout: attested(), files: files(bundleOf(statement())) })).toBe("allowed");
    const managed = makeKeyPair("p256");
    const key = publicKeyOf(managed.spki);
    const byKey = attested({ functionaries: [functionary.keyid, key.keyid], threshold: 2 }, [functionary, key.json]);
    expect(
      await saidOf({ layout: byKey, files: files(bundleOf(statement()), bundleOf(statement(), { managed })) }),
    ).toBe("allowed");
  });

  test.each<readonly [string, () => Uint8Array, string]>([
    ["without log entry", () => bundleOf(statement(), { entry: "none" }), "SIGSTORE_TOO_FEW_LOG_ENTRIES"],
    ["of another identity", () => bundleOf(statement(), leafOf("https://evil.test/")), "another signer"],
    ["of another issuer", () => bundleOf(statement(), { leaf: { issuer: "https://evil.test" } }), "another signer"],
    [
      "with the log entry of another",
      () =>
        bundleOf(statement(), { logged: (signed) => ({ ...signed, payload: utf8("{}"), digest: new Uint8Array(32) }) }),
      "SIGSTORE_ENTRY_MISMATCH",
    ],
    [
      "of another payload type",
      () => bundleOf(statement(), { payloadType: "text/plain" }),
      "INTOTO_STATEMENT_UNUSABLE",
    ],
    [
      "over an artifact",
      () => bundleOf(statement(), { content: "message", entry: "hashedrekord 0.0.2" }),
      "CORE_ENVELOPE_MALFORMED",
    ],
    ["that is a key's", () => bundleOf(statement(), { managed: makeKeyPair("p256") }), "SIGSTORE_KEY_NEEDED"],
    [
      "of another predicate",
      () => bundleOf(statement({ predicateType: "https://slsa.dev/provenance/v1" })),
      "INTOTO_STATEMENT_UNUSABLE",
    ],
    [
      "of another artifact",
      () => bundleOf(statement({ subject: [{ name: "evil", digest: hashes }] })),
      "INTOTO_RULE_DISALLOWED",
    ],
    [
      "of a test that failed",
      () => bundleOf(statement({ predicate: { result: "FAILED", configuration: [] } })),
      "INTOTO_ATTRIBUTE_FALSE",
    ],
  ])("not one %s", async (_, make, said) => {
    expect(await saidOf({ layout: attested(), files: files(make()) })).toContain(said);
  });

  test("a threshold is not met by one identity twice", async () => {
    const layout = attested({ threshold: 2 });
    expect(await saidOf({ layout, files: files(bundleOf(statement()), bundleOf(statement())) })).toContain(
      "INTOTO_STATEMENT_MISSING",
    );
  });

  test("a link 0.3 in a bundle is a link too", async () => {
    const link3 = (name: string): Uint8Array =>
      bundleOf(
        statement({
          predicateType: linkPredicateType,
          predicate: { name, materials: [], byproducts: { "return-value": 0 } },
        }),
      );
    expect(await saidOf(only(link3("build")))).toBe("allowed");
    expect(await saidOf(only(link3("test")))).toContain("INTOTO_LINK_NAME");
  });
});
