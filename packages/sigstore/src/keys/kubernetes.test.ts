import { readFileSync } from "node:fs";
import { base64, formatPem, makeVerifier, parseBase64, TrustError, utf8 } from "@countersign/core";
import {
  kubernetesProtocol,
  loopbackHttp,
  startKeyService,
  type KeyService,
  type KubernetesSecret,
} from "@countersign/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeKeyIo } from "./key-io.contract.ts";
import { storeKubernetesPair } from "./kubernetes.ts";
import { makeKey } from "./new-key.node.ts";
import { parseKeyReference } from "./reference.ts";
import { openSigner, openVerifier, type KeyIo } from "./resolver.node.ts";

const rows = JSON.parse(readFileSync(new URL("../../vectors/keys/made.json", import.meta.url), "utf8")) as {
  readonly name: string;
  readonly password?: string;
  readonly key: string;
  readonly spki: string;
}[];
const sealed = rows.find(({ name }) => name.startsWith("sigstore p256")) ?? rows[0];
if (sealed === undefined) throw new Error("there are vectors");
const token = "eyTopSecretServiceAccountToken_1";
const password = sealed.password ?? "";
const shown = formatPem("PUBLIC KEY", parseBase64(sealed.spki));

const secretOf = (name: string, entries: Readonly<Record<string, string>>): KubernetesSecret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: "build", labels: { app: "chains" }, resourceVersion: "0" },
  type: "Opaque",
  data: Object.fromEntries(Object.entries(entries).map(([entry, text]) => [entry, base64(utf8(text))])),
});
const secrets = new Map(
  [
    secretOf("whole", { "cosign.key": sealed.key, "cosign.pub": shown, "cosign.password": password }),
    secretOf("no-password", { "cosign.key": sealed.key, "cosign.pub": shown }),
    secretOf("empty", { "cosign.key": "", other: "x" }),
    secretOf("bare", { other: "x" }),
    { ...secretOf("no.data", {}), data: { "cosign.key": "no base64" } },
  ].map((secret) => [`build/${secret.metadata.name}`, secret]),
);

let service: KeyService;
beforeAll(async () => {
  service = await startKeyService(kubernetesProtocol({ token, secrets }));
});
afterEach(() => {
  service.fault = undefined;
});
afterAll(() => service.close());

const http: KeyIo["http"] = loopbackHttp;
function ioOf(asked?: string, shownToken = token, server = service.url): KeyIo {
  const headers = { authorization: `Bearer ${shownToken}` };
  return makeKeyIo(
    {},
    {},
    {
      password: () => Promise.resolve(asked),
      http: () => Promise.reject(new Error("a cluster is asked its own way")),
      openCluster: () => Promise.resolve({ server, headers, secrets: [shownToken], http }),
    },
  );
}

async function codeOf(work: Promise<unknown>, ...more: readonly string[]): Promise<string> {
  try {
    await work;
    return "nothing";
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const said = `${error.message} ${error.fix} ${JSON.stringify(error.detail)} ${String(error.cause)}`;
    for (const secret of [token, password, sealed?.key.slice(60, 90) ?? "", ...more])
      expect(said).not.toContain(secret);
    return error.code;
  }
}

describe("a pair as cosign puts it there", () => {
  test("signs with the private half, shows the public one", async () => {
    const message = utf8("release 1.0");
    const signer = await openSigner("k8s://build/whole", ioOf());
    expect(base64(signer.spki)).toBe(sealed.spki);
    expect(makeVerifier(signer.spki).verify(message, await signer.sign({ message }))).toBe(true);
    expect(base64((await openVerifier("k8s://build/whole", ioOf())).spki)).toBe(sealed.spki);
  });

  test("the password stands beside the key, or comes from where passwords come from", async () => {
    await openSigner("k8s://build/no-password", ioOf(password));
    expect(await codeOf(openSigner("k8s://build/no-password", ioOf()))).toBe("SIGSTORE_KEY_PASSWORD_NEEDED");
    expect(await codeOf(openSigner("k8s://build/no-password", ioOf("wrong")))).toBe("SIGSTORE_KEY_PASSWORD_WRONG");
  });
});

describe("a new pair", () => {
  const secret = "a new secret";
  const made = makeKey("ecdsa-p256", secret);
  const store = async (name: string, io = ioOf()): Promise<string> => {
    const pair = await made;
    await storeKubernetesPair({ kind: "k8s", namespace: "build", name }, { ...pair, password: secret }, io);
    return base64(pair.spki);
  };

  test.each(["fresh", "empty-of-keys"])("goes into a Secret that is %s", async (name) => {
    if (name !== "fresh") secrets.set(`build/${name}`, secretOf(name, { other: "x" }));
    const spki = await store(name);
    expect(base64((await openSigner(`k8s://build/${name}`, ioOf())).spki)).toBe(spki);
    const { data = {}, immutable, metadata } = secrets.get(`build/${name}`) as KubernetesSecret;
    const others = name === "fresh" ? [] : ["other"];
    expect(Object.keys(data).toSorted()).toEqual(["cosign.key", "cosign.password", "cosign.pub", ...others].toSorted());
    expect({ immutable, labels: metadata["labels"] }).toEqual({
      immutable: true,
      labels: name === "fresh" ? undefined : { app: "chains" },
    });
    expect(await codeOf(store(name), secret)).toBe("SIGSTORE_KEY_EXISTS");
  });

  test("an answer that was lost is not taken for a refusal, nor somebody else's key for ours", async () => {
    const lossy: KeyIo["http"] = async (request) => {
      const response = await http(request);
      return request.method === "POST" && response.status === 201 ? { ...response, status: 503 } : response;
    };
    const cluster = { server: service.url, headers: { authorization: `Bearer ${token}` }, secrets: [token] };
    await store("lost", { ...ioOf(), openCluster: () => Promise.resolve({ ...cluster, http: lossy }) });
    const late: KeyIo["http"] = async (request) => {
      if (request.method === "POST") secrets.set("build/raced", secretOf("raced", { "cosign.key": sealed.key }));
      return http(request);
    };
    const raced = store("raced", { ...ioOf(), openCluster: () => Promise.resolve({ ...cluster, http: late }) });
    expect(await codeOf(raced, secret)).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
  });

  test("no message repeats what was sent", async () => {
    service.fault = "refuse";
    expect(await codeOf(store("refused"), secret)).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
    service.fault = "echo-secrets";
    expect(await codeOf(store("echoed"), secret, base64(utf8(secret)))).toBe("SIGSTORE_KEY_SERVICE_REFUSED");
  });
});

describe("refused", () => {
  test.each<[string, string, KeyIo | undefined, string]>([
    ["no such Secret", "nowhere", undefined, "SIGSTORE_KEY_SERVICE_REFUSED"],
    ["no key in it", "bare", undefined, "SIGSTORE_KEY_SERVICE_REFUSED"],
    ["an empty key", "empty", undefined, "SIGSTORE_KEY_SERVICE_REFUSED"],
    ["no base64", "no.data", undefined, "SIGSTORE_KEY_SERVICE_RESPONSE"],
    ["nobody there", "whole", ioOf(undefined, token, "http://127.0.0.1:9"), "PIPELINE_HTTP_FAILED"],
    ["plain http elsewhere", "whole", ioOf(undefined, token, "http://k8s.example"), "SIGSTORE_KEY_ADDRESS"],
  ])("%s", async (_, name, io, code) => {
    expect(await codeOf(openSigner(`k8s://build/${name}`, io ?? ioOf()))).toBe(code);
  });

  test("a token that may not", async () => {
    expect(await codeOf(openSigner("k8s://build/whole", ioOf(undefined, "other-token")))).toBe(
      "SIGSTORE_KEY_SERVICE_REFUSED",
    );
  });

  test.each([
    ["other-name", "SIGSTORE_KEY_SERVICE_RESPONSE"],
    ["no-json", "SIGSTORE_KEY_SERVICE_RESPONSE"],
    ["no-members", "SIGSTORE_KEY_SERVICE_RESPONSE"],
    ["echo-secrets", "SIGSTORE_KEY_SERVICE_REFUSED"],
    ["busy", "SIGSTORE_HTTP_UNAVAILABLE"],
    ["huge", "PIPELINE_HTTP_TOO_LARGE"],
  ] as const)("an API server with %s", async (fault, code) => {
    service.fault = fault;
    expect(await codeOf(openSigner("k8s://build/whole", ioOf()))).toBe(code);
  });

  test.each([
    "k8s://",
    "k8s://build",
    "k8s://build/",
    "k8s:///x",
    "k8s://Build/x",
    "k8s://build/x/y",
    "k8s://build/../x",
    "k8s://build/x?y=z",
    "k8s://build/-x",
    "k8s://build/x.",
    "k8s://a.b/x",
    `k8s://build/${"a".repeat(254)}`,
    "k8s://build/x\n",
  ])("%j", (text) => {
    // prettier-ignore
    expect(() => parseKeyReference(text)).toThrowError(expect.objectContaining({ code: "SIGSTORE_KEY_REFERENCE" }));
  });
});
