import { startLocalSigstore, type LocalSigstore } from "@countersign/local-sigstore";
import { makeHttp } from "@countersign/pipeline";
import {
  formatDetached,
  parseDetached,
  parseSigningConfig,
  parseTrustRoot,
  selectServices,
  signArtifact,
  verifyBundle,
  type Bundle,
  type Detached,
} from "@countersign/sigstore";
import { digestOf, hashNames, utf8, type Artifact } from "@countersign/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomeOf } from "./outcome.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const payload = utf8('{"critical":{}}');
const artifact: Artifact = {
  name: "payload",
  digests: hashNames.map((name) => digestOf(name, payload)),
  bytes: payload,
};

let stack: LocalSigstore;
let bundle: Bundle;
let good: Detached;
beforeAll(async () => {
  stack = await startLocalSigstore();
  const services = {
    ...selectServices(parseSigningConfig(stack.signingConfigBytes), Date.now()),
    rekor: [{ url: stack.url, majorApiVersion: 1, operator: "", validFor: { startMs: 0 } }],
  };
  const http = makeHttp((url, init) => fetch(url, init));
  const io = { http, sleep: async () => {}, now: () => new Date(Date.now()), verify: () => {} };
  bundle = await signArtifact(
    artifact,
    { kind: "keyless", token: await stack.token({ email: "ada@example.com" }), services },
    io,
  );
  const { annotations } = formatDetached(bundle);
  const part = (name: string): string => annotations.get(name) ?? "";
  good = {
    signed: { kind: "payload", signature: part("dev.cosignproject.cosign/signature") },
    certificate: part("dev.sigstore.cosign/certificate"),
    logBundle: part("dev.sigstore.cosign/bundle"),
    timestamp: part("dev.sigstore.cosign/rfc3161timestamp"),
  };
});
afterAll(() => stack.close());

const verify = (detached: Detached): string =>
  outcomeOf(() =>
    verifyBundle(parseDetached(detached), artifact, parseTrustRoot(stack.trustedRootBytes), { nowMs: Date.now() }),
  );

describe("signatures beside what was signed", () => {
  test("are judged like a bundle, with or without a root in the chain", () => {
    expect(verify(good)).toBe("accepted");
    expect(verify({ ...good, chain: "" })).toBe("accepted");
    expect(verify({ ...good, chain: good.certificate ?? "" })).toBe("accepted");
  });

  test("a changed part is refused for its reason", () => {
    const log = JSON.parse(good.logBundle ?? "") as {
      SignedEntryTimestamp: string;
      Payload: { integratedTime: number; body: string };
    };
    const changed = (change: object): string => JSON.stringify({ ...log, Payload: { ...log.Payload, ...change } });
    expect(verify({ ...good, logBundle: changed({ integratedTime: log.Payload.integratedTime + 1 }) })).toBe(
      "SIGSTORE_LOG_PROMISE",
    );
    expect(verify({ ...good, logBundle: changed({ logID: "00".repeat(32) }) })).toBe("SIGSTORE_LOG_UNKNOWN");
    const { logBundle: _, ...unlogged } = good;
    expect(verify(unlogged)).toBe("SIGSTORE_TOO_FEW_LOG_ENTRIES");
  });

  test.each<[string, (detached: Detached) => Detached]>([
    ["no signature", (detached) => ({ ...detached, signed: { kind: "payload", signature: "" } })],
    ["a signature that is no base64", (detached) => ({ ...detached, signed: { kind: "payload", signature: "*" } })],
    [
      "two certificates",
      (detached) => ({ ...detached, certificate: `${detached.certificate}${detached.certificate}` }),
    ],
    [
      "a key for a certificate",
      (detached) => ({
        ...detached,
        certificate: (detached.certificate ?? "").replaceAll("CERTIFICATE", "PUBLIC KEY"),
      }),
    ],
    [
      "rubbish in the chain",
      (detached) => ({ ...detached, chain: "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n" }),
    ],
    ["a chain without end", (detached) => ({ ...detached, chain: (detached.certificate ?? "").repeat(20) })],
    ["a log bundle that is cut", (detached) => ({ ...detached, logBundle: (detached.logBundle ?? "").slice(0, -3) })],
    [
      "a member that is not known",
      (detached) => ({ ...detached, logBundle: (detached.logBundle ?? "").replace('{"Signed', '{"x":1,"Signed') }),
    ],
    [
      "a negative index",
      (detached) => ({ ...detached, logBundle: (detached.logBundle ?? "").replace(/"logIndex":\d+/, '"logIndex":-1') }),
    ],
    [
      "a short log id",
      (detached) => ({
        ...detached,
        logBundle: (detached.logBundle ?? "").replace(/"logID":"[0-9a-f]+"/, '"logID":"00"'),
      }),
    ],
    ["a timestamp that is none", (detached) => ({ ...detached, timestamp: "{}" })],
    ["an envelope that is none", (detached) => ({ ...detached, signed: { kind: "envelope", bytes: utf8("{}") } })],
  ])("%s is malformed", (_, change) => {
    expect(() => parseDetached(change(good))).toThrow(code("SIGSTORE_DETACHED_MALFORMED"));
  });

  test("an envelope with two signatures is malformed", () => {
    const signature = { sig: "AAAA" };
    const bytes = utf8(JSON.stringify({ payload: "", payloadType: "x", signatures: [signature, signature] }));
    expect(() => parseDetached({ signed: { kind: "envelope", bytes } })).toThrow(code("SIGSTORE_DETACHED_MALFORMED"));
  });

  test("what has no promise cannot be kept so", () => {
    const [entry] = bundle.entries;
    if (entry === undefined) throw new Error("an entry");
    const { promise: _, ...unpromised } = entry;
    expect(() => formatDetached({ ...bundle, entries: [unpromised] })).toThrow(code("SIGSTORE_DETACHED_UNFIT"));
    expect(() => formatDetached({ ...bundle, entries: [entry, entry] })).toThrow(code("SIGSTORE_DETACHED_UNFIT"));
  });
});
