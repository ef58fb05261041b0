import { createRequire } from "node:module";
import { bundleFromJSON, bundleToJSON } from "@sigstore/bundle";
import { SigningConfig, TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { githubActionsClaims, startLocalSigstore } from "./index.ts";
import type { LocalSigstore } from "./index.ts";

/** The parts of @sigstore/sign that the test uses; it reaches us only as a dependency of `sigstore`. */
interface SignPackage {
  readonly FulcioSigner: new (options: object) => object;
  readonly RekorWitness: new (options: object) => object;
  readonly TSAWitness: new (options: object) => object;
  readonly MessageSignatureBundleBuilder: new (options: object) => Builder;
  readonly DSSEBundleBuilder: new (options: object) => Builder;
}
interface Builder {
  readonly create: (artifact: { data: Buffer; type?: string }) => Promise<Parameters<typeof bundleToJSON>[0]>;
}
const viaSigstore = createRequire(createRequire(import.meta.url).resolve("sigstore"));
const foreign = viaSigstore("@sigstore/sign") as SignPackage;

const artifact = Buffer.from("the release tarball");
const email = "ada@example.com";
let stack: LocalSigstore;
beforeAll(async () => {
  stack = await startLocalSigstore({ witnesses: 2 });
});
afterAll(() => stack.close());

function builderParts(majorApiVersion: 1 | 2, token: string) {
  const identityProvider = { getToken: () => Promise.resolve(token) };
  const signer = new foreign.FulcioSigner({ fulcioBaseURL: stack.url, identityProvider });
  const witnesses: object[] = [
    new foreign.RekorWitness({ rekorBaseURL: stack.url, majorApiVersion, entryType: "dsse" }),
  ];
  if (majorApiVersion === 2) witnesses.push(new foreign.TSAWitness({ tsaBaseURL: `${stack.url}/api/v1/timestamp` }));
  return { signer, witnesses };
}

function verifyForeign(
  bundleJson: unknown,
  data: Parameters<typeof toSignedEntity>[1],
  o: { timestamps: boolean },
): unknown {
  const material = toTrustMaterial(TrustedRoot.fromJSON(stack.trustedRoot));
  const thresholds = { ctlogThreshold: 1, tlogThreshold: 1, timestampThreshold: 1 };
  const verifier = new Verifier(material, thresholds);
  const bundle = bundleFromJSON(JSON.parse(JSON.stringify(bundleJson)));
  expect(o.timestamps).toBe((bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps.length ?? 0) > 0);
  return verifier.verify(toSignedEntity(bundle, data));
}

describe("sigstore-js against the stack", () => {
  test.each([1, 2] as const)("a message signature goes through Rekor v%i", async (version) => {
    const parts = builderParts(version, await stack.token({ email }));
    const bundle = await new foreign.MessageSignatureBundleBuilder(parts).create({ data: artifact });
    const signer = verifyForeign(bundleToJSON(bundle), artifact, { timestamps: version === 2 });
    expect(signer).toMatchObject({ identity: { subjectAlternativeName: email, extensions: { issuer: stack.url } } });
  });

  test("a DSSE envelope goes through Rekor v1 with a CI identity", async () => {
    const claims = githubActionsClaims({ repository: "octo/release" });
    const parts = builderParts(1, await stack.token({ claims }));
    const builder = new foreign.DSSEBundleBuilder({ ...parts, certificateChain: false });
    const statement = { _type: "https://in-toto.io/Statement/v1", subject: [], predicateType: "x", predicate: {} };
    const data = Buffer.from(JSON.stringify(statement));
    const bundle = await builder.create({ data, type: "application/vnd.in-toto+json" });
    expect(verifyForeign(bundleToJSON(bundle), undefined, { timestamps: false })).toMatchObject({
      identity: {
        subjectAlternativeName: "https://github.com/octo/release/.github/workflows/release.yml@refs/heads/main",
      },
    });
  });

  test("an intoto entry goes through Rekor v1", async () => {
    const parts = builderParts(1, await stack.token({ email }));
    const witness = new foreign.RekorWitness({ rekorBaseURL: stack.url, entryType: "intoto" });
    const builder = new foreign.DSSEBundleBuilder({ ...parts, witnesses: [witness] });
    const bundle = await builder.create({ data: Buffer.from("{}"), type: "application/vnd.in-toto+json" });
    expect(verifyForeign(bundleToJSON(bundle), undefined, { timestamps: false })).toBeTruthy();
  });

  test("a changed artifact is refused by it", async () => {
    const parts = builderParts(2, await stack.token({ email }));
    const bundle = await new foreign.MessageSignatureBundleBuilder(parts).create({ data: artifact });
    expect(() => verifyForeign(bundleToJSON(bundle), Buffer.from("another"), { timestamps: true })).toThrow(
      /signature/,
    );
  });
});

test("protobuf-specs reads what is published over HTTP", async () => {
  const fetchJson = async (name: string): Promise<unknown> => (await fetch(`${stack.url}/${name}`)).json();
  const root = TrustedRoot.fromJSON(await fetchJson("trusted_root.json"));
  expect(root.tlogs.map((log) => log.baseUrl)).toEqual(["http://rekor.local", "http://log.rekor.local"]);
  const config = SigningConfig.fromJSON(await fetchJson("signing_config.json"));
  expect(config.rekorTlogUrls.map((service) => service.majorApiVersion)).toEqual([2, 1]);
});
