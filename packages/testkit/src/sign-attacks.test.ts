import {
  digestOf,
  formatPem,
  generateSigner,
  parseCertificate,
  parsePem,
  TrustError,
  utf8,
  type Artifact,
} from "@countersign/core";
import {
  startLocalSigstore,
  type Fault,
  type Identity,
  type IssueOptions,
  type LocalSigstore,
  type ServiceName,
} from "@countersign/local-sigstore";
import { attest, loadTrust, makeHttp, sign, signDocument, type SignWorld, type Trust } from "@countersign/pipeline";
import {
  parseBundle,
  parseSigningConfig,
  selectServices,
  type HttpRequest,
  type Services,
  type SignAs,
} from "@countersign/sigstore";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { statementOf } from "./index.ts";

const content = utf8("the release tarball");
const artifact: Artifact = { name: "release.tar", digests: [digestOf("sha256", content)], bytes: content };
let stack: LocalSigstore;
let stranger: LocalSigstore;
let trust: Trust;
beforeAll(async () => {
  [stack, stranger] = await Promise.all([startLocalSigstore(), startLocalSigstore()]);
  const bytes = stack.trustedRootBytes;
  trust = await loadTrust({ files: [{ source: "stack", bytes }], now: new Date(Date.now()) });
});
afterEach(() => stack.faults.clear());
afterAll(() => Promise.all([stack.close(), stranger.close()]));

const overWire = makeHttp((url, init) => fetch(url, init));
interface Watched extends SignWorld {
  readonly asked: string[];
}
function watched(): Watched {
  const asked: string[] = [];
  const http = (request: HttpRequest): ReturnType<typeof overWire> => {
    asked.push(request.url);
    return overWire(request);
  };
  return { asked, trust, http, now: () => new Date(Date.now()), sleep: () => Promise.resolve() };
}
const servicesOf = (of: LocalSigstore): Services =>
  selectServices(parseSigningConfig(of.signingConfigBytes), Date.now());
const inV1 = (services: Services): Services => ({
  ...services,
  rekor: services.rekor.map((each) => ({ ...each, majorApiVersion: 1 })),
});
const keyless = (token: string, services = servicesOf(stack)): SignAs => ({ kind: "keyless", token, services });
const freshToken = (of = stack): Promise<string> => of.token({ email: "ada@example.com" });

/** The stack's own services, but for a Fulcio that puts into certificates what it likes. */
function certifying(options: Partial<IssueOptions>): SignWorld["http"] {
  return async (request) => {
    const response = await overWire(request);
    if (!request.url.endsWith("/signingCert")) return response;
    const [leaf = ""] =
      /-----BEGIN [^"]*?-----END CERTIFICATE-----/.exec(new TextDecoder().decode(response.body)) ?? [];
    const [block] = parsePem(`${leaf.replaceAll("\\n", "\n")}\n`);
    const { spki } = parseCertificate(block?.bytes ?? new Uint8Array());
    const { certificate, chain } = stack.ca.issue({ spki, ...options });
    const certificates = [certificate, ...chain].map((der) => formatPem("CERTIFICATE", der));
    return { ...response, body: utf8(JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates } } })) };
  };
}

/** Nothing came back but a TrustError, and no stretch of eight characters of the token is in anything it would print. */
async function refusalOf(making: Promise<unknown>, token: string): Promise<TrustError> {
  const error = await making.then(
    (made) => new Error(`made ${JSON.stringify(made)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TrustError)) throw error;
  const said: string[] = [];
  for (let each: unknown = error; each instanceof Error; each = each.cause)
    said.push(String(each), each.stack ?? "", JSON.stringify(each));
  for (let at = 0; at + 8 <= token.length; at++) expect(said.join("\n")).not.toContain(token.slice(at, at + 8));
  return error;
}

describe("S21", () => {
  const faults: [about: string, ServiceName, Fault["kind"], code: string, "v1"?][] = [
    ["Fulcio certifies another key", "fulcio", "wrong-key", "SIGSTORE_FULCIO_RESPONSE"],
    ["Fulcio certifies another person", "fulcio", "wrong-identity", "SIGSTORE_FULCIO_IDENTITY"],
    ["Fulcio names another issuer", "fulcio", "wrong-issuer", "SIGSTORE_FULCIO_IDENTITY"],
    ["Fulcio's SCT is over another certificate", "fulcio", "wrong-sct", "PIPELINE_SELF_CHECK"],
    ["Fulcio's certificate has no SCT", "fulcio", "no-sct", "PIPELINE_SELF_CHECK"],
    ["Fulcio's certificate has expired", "fulcio", "expired", "PIPELINE_SELF_CHECK"],
    ["Rekor answers with another entry", "rekor", "wrong-entry", "SIGSTORE_REKOR_RESPONSE"],
    ["Rekor's checkpoint does not verify", "rekor", "wrong-checkpoint", "PIPELINE_SELF_CHECK"],
    ["Rekor's checkpoint has another name", "rekor", "wrong-checkpoint-name", "PIPELINE_SELF_CHECK"],
    ["Rekor's proof does not hold", "rekor", "wrong-proof", "PIPELINE_SELF_CHECK"],
    ["Rekor gives no proof", "rekor", "no-proof", "SIGSTORE_REKOR_RESPONSE"],
    ["Rekor v1 answers with another entry", "rekor-v1", "wrong-entry", "SIGSTORE_REKOR_RESPONSE", "v1"],
    ["Rekor v1's promise does not verify", "rekor-v1", "wrong-promise", "PIPELINE_SELF_CHECK", "v1"],
    ["Rekor v1's checkpoint does not verify", "rekor-v1", "wrong-checkpoint", "PIPELINE_SELF_CHECK", "v1"],
    ["the TSA stamps another hash", "tsa", "wrong-hash", "SIGSTORE_TSA_RESPONSE"],
    ["the TSA's signature is another's", "tsa", "wrong-signer", "PIPELINE_SELF_CHECK"],
    ["the TSA's time is wrong", "tsa", "wrong-time", "PIPELINE_SELF_CHECK"],
  ];
  test.each(faults)("S21 %s: nothing is given out", async (_, service, kind, code, generation) => {
    stack.faults.set(service, { kind } as Fault);
    const services = generation === "v1" ? inV1(servicesOf(stack)) : servicesOf(stack);
    const token = await freshToken();
    expect((await refusalOf(sign(artifact, keyless(token, services), watched()), token)).code).toBe(code);
    const statement = statementOf(content);
    const attestation = { statement, artifacts: [artifact] };
    const again = await refusalOf(attest(attestation, keyless(token, services), watched()), token);
    expect(again.code).toBe(code);
  });

  test("S21 another Sigstore's Fulcio, Rekor or TSA in the place of one: nothing is given out", async () => {
    const [own, theirs] = [servicesOf(stack), servicesOf(stranger)];
    const swaps: [Services, LocalSigstore, string][] = [
      [{ ...own, ...(theirs.fulcio && { fulcio: theirs.fulcio }) }, stranger, "SIGSTORE_CERTIFICATE_UNTRUSTED"],
      [{ ...own, rekor: theirs.rekor }, stack, "SIGSTORE_LOG_UNKNOWN"],
      [{ ...own, tsa: theirs.tsa }, stack, "SIGSTORE_TIMESTAMP_UNTRUSTED"],
    ];
    for (const [services, issuer, code] of swaps) {
      const token = await freshToken(issuer);
      const error = await refusalOf(sign(artifact, keyless(token, services), watched()), token);
      expect([error.code, error.message]).toEqual(["PIPELINE_SELF_CHECK", expect.stringContaining(code)]);
    }
  });

  const early = faults.filter(([, service]) => service === "fulcio" || service === "tsa");
  test.each(early)("S21 %s: nothing is in a log either", async (_, service, kind) => {
    stack.faults.set(service, { kind } as Fault);
    const before = [stack.rekor.tree.size(), stack.rekorV1.tree.size()];
    const own = servicesOf(stack);
    for (const services of [own, inV1(own)]) {
      const token = await freshToken();
      const statement = statementOf(content);
      await refusalOf(sign(artifact, keyless(token, services), watched()), token);
      await refusalOf(attest({ statement, artifacts: [artifact] }, keyless(token, services), watched()), token);
      await refusalOf(signDocument(statement, keyless(token, services), watched()), token);
    }
    expect([stack.rekor.tree.size(), stack.rekorV1.tree.size()]).toEqual(before);
  });

  test("a log of Rekor v1 that gives the only time: signed in every way, since nothing is judged before it", async () => {
    const services = { ...inV1(servicesOf(stack)), tsa: [] };
    const token = await freshToken();
    const statement = statementOf(content);
    for (const made of [
      await sign(artifact, keyless(token, services), watched()),
      await attest({ statement, artifacts: [artifact] }, keyless(token, services), watched()),
      await signDocument(statement, keyless(token, services), watched()),
    ])
      expect(parseBundle(utf8(made.bundle))).toMatchObject({ timestamps: [], entries: [{ version: "0.0.1" }] });
  });

  test("S21 a certificate of which the token says nothing: refused, and in no log", async () => {
    const strangers: readonly Identity[] = [
      { type: "email", value: "eve@example.com" },
      { type: "uri", value: "https://github.com/eve/evil/.github/workflows/release.yml@refs/heads/main" },
      { type: "other-name", value: "eve!example.net" },
      { type: "dns", value: "eve.example.net" },
    ];
    const before = stack.rekor.tree.size();
    for (const identity of strangers) {
      const token = await freshToken();
      const world = { ...watched(), http: certifying({ identity, issuer: stack.url }) };
      const error = await refusalOf(sign(artifact, keyless(token), world), token);
      expect([error.code, error.message]).toEqual([
        "SIGSTORE_FULCIO_IDENTITY",
        expect.stringContaining(`name, expected "ada@example.com", got "${identity.value}"`),
      ]);
    }
    expect(stack.rekor.tree.size()).toBe(before);
  });

  test("S21 a name by a rule of a private Fulcio: refused, and how to go on is said; taken if exactly it was asked for", async () => {
    const identity = { type: "uri", value: "https://ci.example.com/a" } as const;
    const issuer = "https://upstream.example.com";
    const signing = async (named: object): Promise<SignAs> => ({ ...keyless(await freshToken()), named }) as SignAs;
    const world = { ...watched(), http: certifying({ identity, issuer }) };
    const before = stack.rekor.tree.size();
    const strangers = [{}, { identity: identity.value }, { issuer }, { identity: `${identity.value}/`, issuer }];
    for (const named of strangers) {
      const error = await refusalOf(sign(artifact, await signing(named), world), await freshToken());
      expect([error.code, error.fix]).toEqual([
        "SIGSTORE_FULCIO_IDENTITY",
        expect.stringContaining("--certificate-identity"),
      ]);
    }
    expect(stack.rekor.tree.size()).toBe(before);
    const { report } = await sign(artifact, await signing({ identity: identity.value, issuer }), world);
    expect(report.decision.verdict).toBe("allowed");
    const own = await refusalOf(sign(artifact, await signing({ identity: "eve@example.com" }), watched()), await freshToken()); // prettier-ignore
    expect([own.code, own.message]).toEqual(["SIGSTORE_FULCIO_IDENTITY", expect.stringContaining('"ada@example.com"')]);
  });

  test("S21 a name that holds a piece of the token is not shown", async () => {
    const token = await freshToken();
    const identity = { type: "uri", value: `https://evil.example/${token.slice(40, 60)}` } as const;
    const world = { ...watched(), http: certifying({ identity, issuer: stack.url }) };
    expect((await refusalOf(sign(artifact, keyless(token), world), token)).code).toBe("SIGSTORE_FULCIO_IDENTITY");
  });

  test("S21 a certificate that names two people, or no issuer: refused as our own affair, and in no log", async () => {
    const ada = { type: "email", value: "ada@example.com" } as const;
    const unclear: readonly Partial<IssueOptions>[] = [{ identity: [ada, ada], issuer: stack.url }, { identity: ada }];
    const before = stack.rekor.tree.size();
    for (const options of unclear) {
      const token = await freshToken();
      const world = { ...watched(), http: certifying(options) };
      const error = await refusalOf(sign(artifact, keyless(token), world), token);
      expect([error.code, error.message]).toEqual([
        "PIPELINE_SELF_CHECK",
        expect.stringContaining("SIGSTORE_CERTIFICATE_IDENTITY"),
      ]);
    }
    expect(stack.rekor.tree.size()).toBe(before);
  });

  test("a document that a key signs alike twice: the entry that is in the log is read", async () => {
    const as: SignAs = { kind: "key", signer: generateSigner("rsa-pkcs1-sha256"), services: servicesOf(stack) };
    const [first, second] = [await signDocument(statementOf(content), as, watched()), await signDocument(statementOf(content), as, watched())]; // prettier-ignore
    expect(second.proved.logs).toEqual(first.proved.logs);
  });

  test("S21 without a fault the same calls give a bundle that is accepted", async () => {
    const { report } = await sign(artifact, keyless(await freshToken()), watched());
    expect(report.decision.verdict).toBe("allowed");
    const attestation = { statement: statementOf(content), artifacts: [artifact] };
    const { reports } = await attest(attestation, keyless(await freshToken()), watched());
    expect(reports.map((each) => each.decision.verdict)).toEqual(["allowed"]);
  });
});

describe("S22", () => {
  const part = (value: unknown): string =>
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  const secret = "c0ffee-very-secret-part-of-a-token";
  const tokenOf = (claims: unknown, header: unknown = { alg: "ES256" }): string =>
    `${part(header)}.${part(claims)}.${part(secret)}`;
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "https://token.test", sub: secret, aud: "sigstore", exp: now + 200_000 };
  const tokens: [about: string, token: string, code: string][] = [
    ["not a token", `Bearer ${secret}`, "SIGSTORE_TOKEN_MALFORMED"],
    ["two parts", `${part(claims)}.${part(secret)}`, "SIGSTORE_TOKEN_MALFORMED"],
    ["unsigned", `${part({ alg: "none" })}.${part(claims)}.`, "SIGSTORE_TOKEN_MALFORMED"],
    ["not valid yet", tokenOf({ ...claims, nbf: now + 100_000 }), "SIGSTORE_TOKEN_EARLY"],
    ["with a line feed", `${tokenOf(claims)}\n`, "SIGSTORE_TOKEN_MALFORMED"],
    ["claims that are not JSON", tokenOf(secret), "SIGSTORE_TOKEN_MALFORMED"],
    ["claims that are a list", tokenOf([claims, secret]), "SIGSTORE_TOKEN_MALFORMED"],
    ["claims twice", tokenOf(`{"aud":"sigstore","aud":"${secret}"}`), "SIGSTORE_TOKEN_MALFORMED"],
    ["no subject", tokenOf({ ...claims, sub: undefined }), "SIGSTORE_TOKEN_MALFORMED"],
    ["no end", tokenOf({ ...claims, exp: undefined }), "SIGSTORE_TOKEN_MALFORMED"],
    ["an end that is text", tokenOf({ ...claims, exp: `${now + 200_000}` }), "SIGSTORE_TOKEN_MALFORMED"],
    ["expired", tokenOf({ ...claims, exp: now - 1 }), "SIGSTORE_TOKEN_EXPIRED"],
    ["for another audience", tokenOf({ ...claims, aud: secret }), "SIGSTORE_TOKEN_AUDIENCE"],
    ["for a longer audience", tokenOf({ ...claims, aud: "sigstore.evil" }), "SIGSTORE_TOKEN_AUDIENCE"],
    ["for no audience", tokenOf({ ...claims, aud: undefined }), "SIGSTORE_TOKEN_AUDIENCE"],
  ];
  test.each(tokens)(
    "S22 token %s: refused without the token in the message, and sent nowhere",
    async (_, token, code) => {
      const world = watched();
      expect((await refusalOf(sign(artifact, keyless(token), world), token)).code).toBe(code);
      expect(world.asked).toEqual([]);
    },
  );

  test("S22 token that the services refuse: it stands in no message", async () => {
    const token = tokenOf(claims);
    expect((await refusalOf(sign(artifact, keyless(token), watched()), token)).code).toBe("SIGSTORE_HTTP_REFUSED");
  });

  test("S22 service that sends the token back: it stands in no message", async () => {
    const token = await freshToken();
    for (const status of [400, 401, 500]) {
      stack.faults.clear();
      stack.faults.set("fulcio", { kind: "status", status, body: `bad token ${token}`, headers: { "x-token": token } });
      expect(await refusalOf(sign(artifact, keyless(token), watched()), token)).toBeInstanceOf(TrustError);
    }
  });
});

describe("S23", () => {
  const day = 86_400_000;
  const time = (ms: number): string => new Date(ms).toISOString();
  const configOf = (rekor: readonly object[]): Services => {
    const config = { ...stack.signingConfig, rekorTlogUrls: rekor };
    return selectServices(parseSigningConfig(utf8(JSON.stringify(config))), Date.now());
  };
  const service = (majorApiVersion: number, how: object = {}): object => ({
    url: stack.url,
    majorApiVersion,
    operator: "one",
    validFor: { start: time(Date.now() - day) },
    ...how,
  });
  const elsewhere = { url: "http://127.0.0.1:9" };
  const from2999 = { ...elsewhere, validFor: { start: "2999-01-01T00:00:00Z" } };
  const untilYesterday = { ...elsewhere, validFor: { start: time(Date.now() - 3 * day), end: time(Date.now() - day) } };
  const cases: [about: string, rekor: () => object[], version: string][] = [
    ["starts in 2999", () => [service(2, from2999), service(2)], "0.0.2"],
    ["ended yesterday", () => [service(2, untilYesterday), service(2)], "0.0.2"],
    ["is of version 1 beside one of version 2", () => [service(1, elsewhere), service(2)], "0.0.2"],
    ["is of version 2 from 2999 on beside one of version 1", () => [service(2, from2999), service(1)], "0.0.1"],
    [
      "is the older of two of one operator",
      () => [service(2, { ...elsewhere, validFor: { start: time(Date.now() - 2 * day) } }), service(2)],
      "0.0.2",
    ],
    ["is of a version to come", () => [service(3, elsewhere), service(2)], "0.0.2"],
  ];
  test.each(cases)("S23 a service that %s is not asked", async (_, rekor, version) => {
    const world = watched();
    const { bundle } = await sign(artifact, keyless(await freshToken(), configOf(rekor())), world);
    expect(bundle).toContain(`"version":"${version}"`);
    expect(world.asked.filter((url) => !url.startsWith(stack.url))).toEqual([]);
  });

  test("S23 all of two of one operator are one service", () => {
    const config = {
      ...stack.signingConfig,
      rekorTlogUrls: [service(2), service(2, elsewhere)],
      rekorTlogConfig: { selector: "ALL" },
    };
    expect(selectServices(parseSigningConfig(utf8(JSON.stringify(config))), Date.now()).rekor).toHaveLength(1);
  });

  test("S23 no service that can be asked: an error, also for a key", async () => {
    expect(() => configOf([service(2, from2999)])).toThrow(TrustError);
    const as: SignAs = {
      kind: "key",
      signer: generateSigner("ecdsa-p256-sha256"),
      services: { rekor: servicesOf(stranger).rekor },
    };
    const error = await refusalOf(sign(artifact, as, watched()), "");
    expect([error.code, error.message]).toEqual([
      "PIPELINE_SELF_CHECK",
      expect.stringContaining("SIGSTORE_LOG_UNKNOWN"),
    ]);
  });
});
