import { generateKeyPairSync } from "node:crypto";
import {
  digestOf,
  generateSigner,
  makeVerifier,
  parsePrivateKey,
  TrustError,
  utf8,
  type AlgorithmName,
  type Artifact,
  type HashName,
} from "@countersign/core";
import { startLocalSigstore, type Fault, type LocalSigstore, type ServiceName } from "@countersign/local-sigstore";
import { makeHttp } from "@countersign/pipeline";
import {
  formatBundle,
  parseBundle,
  parseSigningConfig,
  parseTrustRoot,
  selectServices,
  signArtifact,
  signStatement,
  verifyBundle,
  type Bundle,
  type Http,
  type Services,
  type SignAs,
  type SignIo,
  type TrustRoot,
  type VerifyOptions,
} from "@countersign/sigstore";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier as ForeignVerifier } from "@sigstore/verify";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

const email = "ada@example.com";
const hashes: readonly HashName[] = ["sha256", "sha384", "sha512"];
const content = utf8("the release tarball");
const artifact: Artifact = {
  name: "release.tar",
  digests: hashes.map((name) => digestOf(name, content)),
  bytes: content,
};
const statement = utf8(
  JSON.stringify({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "release.tar", digest: { sha256: digestOf("sha256", content).slice("sha256:".length) } }],
    predicateType: "https://example.com/predicate/v1",
    predicate: {},
  }),
);

let stack: LocalSigstore;
let trust: TrustRoot;
let services: Services;
beforeAll(async () => {
  stack = await startLocalSigstore();
  trust = parseTrustRoot(stack.trustedRootBytes);
  services = selectServices(parseSigningConfig(stack.signingConfigBytes), Date.now());
});
afterEach(() => stack.faults.clear());
afterAll(() => stack.close());

const http = makeHttp((url, init) => fetch(url, init));
/** Short, so that a service that hangs is given up on within a test. */
const impatient: Http = (request) => http({ ...request, timeoutMs: 200 });

function ioOf(options: Partial<VerifyOptions> = {}): SignIo & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    http,
    waits,
    logs: trust.logs,
    now: () => new Date(Date.now()),
    sleep: async (ms) => void waits.push(ms),
    verify: (bundle) => void verifyBundle(bundle, artifact, trust, { nowMs: Date.now(), ...options }),
  };
}
const rekorV1 = (): Services => ({
  ...services,
  rekor: [{ url: stack.url, majorApiVersion: 1, operator: "", validFor: { startMs: 0 } }],
});
const keyless = async (chosen: Services = services, algorithm?: AlgorithmName): Promise<SignAs> => ({
  kind: "keyless",
  token: await stack.token({ email }),
  services: chosen,
  ...(algorithm && { algorithm }),
});
async function errorOf(making: Promise<unknown>): Promise<TrustError> {
  const error = await making.then(
    () => new Error("accepted"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof TrustError) return error;
  throw error;
}

describe("keyless, against a whole local Sigstore", () => {
  test("the signing config leads to Rekor v2 and a timestamp authority", () => {
    expect(services.rekor.map((each) => each.majorApiVersion)).toEqual([2]);
    expect(services.tsa).toHaveLength(1);
  });

  test.each([undefined, "ecdsa-p384-sha384", "ecdsa-p521-sha512", "rsa-pkcs1-sha256"] as const)(
    "signs an artifact through Rekor v2 with %s",
    async (algorithm) => {
      const bundle = await signArtifact(artifact, await keyless(services, algorithm), ioOf());
      expect(bundle).toMatchObject({ version: "0.3", entries: { length: 1 }, timestamps: { length: 1 } });
      expect(bundle.entries[0]).toMatchObject({ kind: "hashedrekord", version: "0.0.2" });
      const claims = verifyBundle(parseBundle(utf8(formatBundle(bundle))), artifact, trust, { nowMs: Date.now() });
      expect(claims.signer).toMatchObject({
        kind: "certificate",
        identity: { type: "email", value: email },
        issuer: stack.url,
      });
    },
  );

  test("signs an artifact through Rekor v1, whose promise gives the time", async () => {
    const bundle = await signArtifact(artifact, await keyless({ ...rekorV1(), tsa: [] }), ioOf());
    expect(bundle.entries[0]).toMatchObject({ kind: "hashedrekord", version: "0.0.1" });
    expect(bundle.timestamps).toEqual([]);
  });

  test("signs an artifact that is known by its digest only", async () => {
    const { bytes: _, ...known } = artifact;
    expect((await signArtifact(known, await keyless(), ioOf())).content).toMatchObject({
      kind: "message",
      digest: artifact.digests[0],
    });
  });

  test.each([
    ["Rekor v2 as hashedrekord over the PAE", () => services, "hashedrekord 0.0.2"],
    ["Rekor v1 as dsse", rekorV1, "dsse 0.0.1"],
  ])("signs a Statement through %s", async (_, chosen, kind) => {
    const bundle = await signStatement(statement, await keyless(chosen()), ioOf());
    expect(bundle.content.kind).toBe("envelope");
    expect(`${bundle.entries[0]?.kind} ${bundle.entries[0]?.version}`).toBe(kind);
  });
});

describe("an independent verifier accepts what we signed", () => {
  test.each([
    ["artifact, Rekor v2", () => services, signArtifact.bind(undefined, artifact)],
    ["artifact, Rekor v1", rekorV1, signArtifact.bind(undefined, artifact)],
    ["Statement, Rekor v2", () => services, signStatement.bind(undefined, statement)],
    ["Statement, Rekor v1", rekorV1, signStatement.bind(undefined, statement)],
  ] as const)("%s", async (_, chosen, sign) => {
    const bundle = bundleFromJSON(JSON.parse(formatBundle(await sign(await keyless(chosen()), ioOf()))));
    const verifier = new ForeignVerifier(toTrustMaterial(TrustedRoot.fromJSON(stack.trustedRoot)), {
      ctlogThreshold: 1,
      tlogThreshold: 1,
      timestampThreshold: 1,
    });
    const data = bundle.content.$case === "messageSignature" ? Buffer.from(content) : undefined;
    expect(verifier.verify(toSignedEntity(bundle, data))).toMatchObject({
      identity: { subjectAlternativeName: email },
    });
  });
});

describe("with a key, against a whole local Sigstore", () => {
  const pemOf = (type: "ec" | "ed25519" | "rsa"): string => {
    const pair =
      type === "ec"
        ? generateKeyPairSync("ec", { namedCurve: "P-256" })
        : type === "rsa"
          ? generateKeyPairSync("rsa", { modulusLength: 2048 })
          : generateKeyPairSync("ed25519");
    return pair.privateKey.export({ format: "pem", type: "pkcs8" }) as string;
  };
  test.each([
    ["P-256", "ec", undefined],
    ["RSA", "rsa", undefined],
    ["Ed25519ph", "ed25519", "ed25519ph"],
  ] as const)("signs through both generations of Rekor with %s", async (_, type, algorithm) => {
    const signer = parsePrivateKey(pemOf(type), algorithm);
    const key = makeVerifier(signer.spki);
    for (const chosen of [services, rekorV1()]) {
      const bundle = await signArtifact(artifact, { kind: "key", signer, services: chosen }, ioOf({ key }));
      expect(bundle.material).toMatchObject({ kind: "key" });
      expect(bundle.entries).toHaveLength(1);
    }
    if (algorithm === "ed25519ph") return;
    const attested = await signStatement(statement, { kind: "key", signer, services }, ioOf({ key }));
    expect(attested.content.kind).toBe("envelope");
  });

  test("an Ed25519 key signs a Statement purely, which Rekor v1 logs", async () => {
    const signer = parsePrivateKey(pemOf("ed25519"));
    const bundle = await signStatement(
      statement,
      { kind: "key", signer, services: rekorV1() },
      ioOf({ key: makeVerifier(signer.spki) }),
    );
    expect(bundle.entries[0]?.kind).toBe("dsse");
  });

  test("the same signature again: Rekor v1 says 409, and its entry is fetched", async () => {
    const signer = generateSigner("rsa-pkcs1-sha256");
    const io = ioOf({ key: makeVerifier(signer.spki) });
    const as: SignAs = { kind: "key", signer, services: { rekor: rekorV1().rekor } };
    const [first, second] = [await signArtifact(artifact, as, io), await signArtifact(artifact, as, io)];
    expect(second.entries[0]?.body).toEqual(first.entries[0]?.body);
    expect(second.entries[0]?.logIndex).toBe(first.entries[0]?.logIndex);
  });

  describe("the same signature again: Rekor v2 says 409, and its entry is read from the tiles", () => {
    const logged = async (): Promise<{ as: SignAs; first: Bundle; io: SignIo }> => {
      const signer = generateSigner("rsa-pkcs1-sha256");
      const io = ioOf({ key: makeVerifier(signer.spki) });
      const as: SignAs = { kind: "key", signer, services: { rekor: services.rekor } };
      return { as, io, first: await signArtifact(artifact, as, io) };
    };
    const grow = (count: number): void => {
      for (let at = 0; at < count; at++) stack.rekor.append(utf8(`${Math.random()}`));
    };
    /** Answers in place of the log where `change` says so. */
    const changed =
      (change: (path: string, body: Uint8Array) => Uint8Array | number | undefined): Http =>
      async (request) => {
        const response = await http(request);
        const by = change(new URL(request.url).pathname, response.body);
        if (by === undefined) return response;
        return typeof by === "number" ? { ...response, status: by } : { ...response, body: by };
      };

    test.each([0, 1, 300])("%d entries later", async (count) => {
      const { as, io, first } = await logged();
      grow(count);
      const second = await signArtifact(artifact, as, io);
      expect(second.entries[0]?.body).toEqual(first.entries[0]?.body);
      expect(second.entries[0]?.logIndex).toBe(first.entries[0]?.logIndex);
      expect(second.entries[0]?.logId).toEqual(first.entries[0]?.logId);
    });

    test("an entry that is not in a checkpoint yet is waited for", async () => {
      const { as, io } = await logged();
      let reads = 0;
      const later = changed((path) => (path.endsWith("/checkpoint") && ++reads < 3 ? 503 : undefined));
      const waits: number[] = [];
      const patient = { ...io, http: later, sleep: (ms: number) => Promise.resolve(void waits.push(ms)) };
      expect((await signArtifact(artifact, as, patient)).entries).toHaveLength(1);
      expect(waits.length).toBeGreaterThan(0);
    });

    const flip = (body: Uint8Array): Uint8Array => body.map((byte, at) => (at === body.length - 1 ? byte ^ 1 : byte));
    const place = (index: string) => (path: string, body: Uint8Array) =>
      path.endsWith("/log/entries") ? utf8(Buffer.from(body).toString().replace(/index \d+/, `index ${index}`)) : undefined; // prettier-ignore
    test.each<[string, Parameters<typeof changed>[0], string]>([
      ["no tiles are served", (path) => (path.includes("/tile/") ? 404 : undefined), "SIGSTORE_REKOR_DUPLICATE"],
      [
        "no checkpoint is served",
        (path) => (path.endsWith("/checkpoint") ? 501 : undefined),
        "SIGSTORE_REKOR_DUPLICATE",
      ],
      [
        "the checkpoint is damaged",
        (path, body) => (path.endsWith("/checkpoint") ? body.slice(0, -9) : undefined),
        "SIGSTORE_REKOR_DUPLICATE",
      ],
      [
        "a tile is damaged",
        (path, body) => (path.includes("/tile/0/") ? flip(body) : undefined),
        "SIGSTORE_REKOR_DUPLICATE",
      ],
      [
        "the entries are damaged",
        (path, body) => (path.includes("/entries/") ? flip(body) : undefined),
        "SIGSTORE_REKOR_DUPLICATE",
      ],
      ["the place is past the tree", place("99999999999"), "SIGSTORE_REKOR_DUPLICATE"],
      ["no place is named", place(""), "SIGSTORE_REKOR_DUPLICATE"],
      ["the place is that of another entry", place("0"), "SIGSTORE_REKOR_RESPONSE"],
    ])("refused where %s", async (_, change, code) => {
      const { as, io } = await logged();
      expect((await errorOf(signArtifact(artifact, as, { ...io, http: changed(change) }))).code).toBe(code);
    });

    test("the entry has the whole id of the log, also where the trust root gives four bytes of it", async () => {
      const { as, io, first } = await logged();
      const logs = trust.logs.map((log) => ({ ...log, logId: log.logId.slice(0, 4) }));
      const second = await signArtifact(artifact, as, { ...io, logs });
      expect(second.entries[0]?.logId).toEqual(first.entries[0]?.logId);
    });

    test("refused where the trust root knows no such log", async () => {
      const { as, io } = await logged();
      expect((await errorOf(signArtifact(artifact, as, { ...io, logs: [] }))).code).toBe("SIGSTORE_REKOR_DUPLICATE");
    });
  });

  test.each(["ed25519", "ml-dsa-44"] as const)("%s signs the artifact itself, without a log", async (name) => {
    const signer = generateSigner(name);
    const io = ioOf({ key: makeVerifier(signer.spki), require: { logEntries: 0 } });
    const bundle = await signArtifact(artifact, { kind: "key", signer }, io);
    expect(bundle).toMatchObject({ entries: [], timestamps: [] });
  });
});

describe("S21: a service that answers with something else", () => {
  const cases: [ServiceName, Fault, string, (() => Services)?][] = [
    ["fulcio", { kind: "wrong-key" }, "SIGSTORE_FULCIO_RESPONSE"],
    ["fulcio", { kind: "garbage" }, "SIGSTORE_FULCIO_RESPONSE"],
    ["fulcio", { kind: "cut-body" }, "SIGSTORE_FULCIO_RESPONSE"],
    ["fulcio", { kind: "wrong-sct" }, "SIGSTORE_SCT_INVALID"],
    ["fulcio", { kind: "no-sct" }, "SIGSTORE_TOO_FEW_SCTS"],
    ["fulcio", { kind: "expired" }, "SIGSTORE_CERTIFICATE_TIME"],
    ["rekor", { kind: "wrong-entry" }, "SIGSTORE_REKOR_RESPONSE"],
    ["rekor", { kind: "no-proof" }, "SIGSTORE_REKOR_RESPONSE"],
    ["rekor", { kind: "garbage" }, "SIGSTORE_REKOR_RESPONSE"],
    ["rekor", { kind: "wrong-checkpoint" }, "SIGSTORE_LOG_CHECKPOINT"],
    ["rekor", { kind: "wrong-checkpoint-name" }, "SIGSTORE_LOG_CHECKPOINT"],
    ["rekor", { kind: "wrong-proof" }, "SIGSTORE_LOG_INCLUSION"],
    ["rekor-v1", { kind: "wrong-entry" }, "SIGSTORE_REKOR_RESPONSE", rekorV1],
    ["rekor-v1", { kind: "no-proof" }, "SIGSTORE_REKOR_RESPONSE", rekorV1],
    ["rekor-v1", { kind: "cut-body" }, "SIGSTORE_REKOR_RESPONSE", rekorV1],
    ["rekor-v1", { kind: "wrong-promise" }, "SIGSTORE_LOG_PROMISE", rekorV1],
    ["tsa", { kind: "wrong-hash" }, "SIGSTORE_TSA_RESPONSE"],
    ["tsa", { kind: "rejected" }, "SIGSTORE_TSA_RESPONSE"],
    ["tsa", { kind: "garbage" }, "SIGSTORE_TSA_RESPONSE"],
    ["tsa", { kind: "wrong-time" }, "SIGSTORE_CERTIFICATE_TIME"],
  ];
  test.each(cases)("%s: %o gives %s and no bundle", async (service, fault, code, chosen) => {
    stack.faults.set(service, fault);
    const as = await keyless((chosen ?? ((): Services => services))());
    const error = await errorOf(signArtifact(artifact, as, ioOf()));
    expect(error.code).toBe(code);
    expectNoToken(error, as);
  });
});

describe("services that fail", () => {
  test.each(["fulcio", "tsa", "rekor"] as const)(
    "%s is asked again after a 503, and then it works",
    async (service) => {
      stack.faults.set(service, { kind: "status", status: 503, times: 2 });
      const io = ioOf();
      const bundle: Bundle = await signArtifact(artifact, await keyless(), io);
      expect(bundle.entries).toHaveLength(1);
      expect(io.waits).toEqual([500, 1000]);
    },
  );

  test.each([
    ["status", { kind: "status", status: 500 }, "SIGSTORE_HTTP_UNAVAILABLE", 2],
    ["disconnect", { kind: "disconnect" }, "PIPELINE_HTTP_FAILED", 2],
    ["hang", { kind: "hang" }, "PIPELINE_HTTP_TIMEOUT", 2],
    ["refusal", { kind: "status", status: 403, body: "no" }, "SIGSTORE_HTTP_REFUSED", 0],
    ["redirect", { kind: "redirect", location: "http://127.0.0.1:9/" }, "PIPELINE_HTTP_REDIRECT", 2],
    ["oversized", { kind: "oversized", bytes: 300_000 }, "PIPELINE_HTTP_TOO_LARGE", 0],
  ] satisfies [string, Fault, string, number][])("Fulcio: %s", async (_, fault, code, waits) => {
    stack.faults.set("fulcio", fault);
    const as = await keyless();
    const io = { ...ioOf(), ...(fault.kind === "hang" && { http: impatient }) };
    const error = await errorOf(signArtifact(artifact, as, io));
    expect([error.code, io.waits.length]).toEqual([code, waits]);
    expectNoToken(error, as);
  });

  test("nothing gets into the log when the timestamp authority fails", async () => {
    stack.faults.set("tsa", { kind: "rejected" });
    const before = stack.rekor.tree.size();
    await errorOf(signArtifact(artifact, await keyless(), ioOf()));
    expect(stack.rekor.tree.size()).toBe(before);
  });

  test("a token that Fulcio does not accept", async () => {
    stack.faults.set("oidc", { kind: "wrong-signer" });
    const as = await keyless();
    const error = await errorOf(signArtifact(artifact, as, ioOf()));
    expect(error.code).toBe("SIGSTORE_HTTP_REFUSED");
    expectNoToken(error, as);
  });
});

/** No stretch of eight characters of the token stands in anything that might be printed. */
function expectNoToken(error: TrustError, as: SignAs): void {
  const token = as.kind === "keyless" ? as.token : "";
  expect(token.length).toBeGreaterThan(100);
  const text: string[] = [];
  for (let each: unknown = error; each instanceof Error; each = each.cause)
    text.push(each.message, each.stack ?? "", JSON.stringify(each));
  for (let at = 0; at + 8 <= token.length; at += 4) expect(text.join("\n")).not.toContain(token.slice(at, at + 8));
}
