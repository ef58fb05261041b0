import { digestOf, formatCanonicalJson, hashNames, utf8, type JsonObject } from "@countersign/core";
import { startLocalSigstore, type LocalSigstore } from "@countersign/local-sigstore";
import { loadTrust, makeHttp, tufIdentityCheck, type Trust } from "@countersign/pipeline";
import { formatBundle, parseSigningConfig, selectServices, signArtifact } from "@countersign/sigstore";
import { createUpdater, makeMemoryStore, type IdentityCheck } from "@countersign/tuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LooseObject } from "./json.ts";
import {
  addTufTarget,
  makeTufRepository,
  publishTuf,
  tufFetcher,
  tufNow,
  tufRole,
  type TufRepository,
} from "./tuf-repository.ts";

const who = "ada@example.com";
let stack: LocalSigstore;
let trust: Trust;
beforeAll(async () => {
  stack = await startLocalSigstore();
  trust = await loadTrust({ files: [{ source: "local", bytes: stack.trustedRootBytes }], now: new Date(Date.now()) });
});
afterAll(() => stack.close());

async function bundleOver(bytes: Uint8Array, email: string): Promise<JsonObject> {
  const artifact = {
    name: "metadata",
    digests: hashNames.map((name) => digestOf(name, bytes)),
    bytes,
    size: bytes.length,
  };
  const services = selectServices(parseSigningConfig(stack.signingConfigBytes), Date.now());
  const http = makeHttp((url, init) => fetch(url, init));
  const io = { http, sleep: async () => {}, now: () => new Date(Date.now()), verify: () => {} };
  const bundle = await signArtifact(artifact, { kind: "keyless", token: await stack.token({ email }), services }, io);
  return JSON.parse(formatBundle(bundle)) as JsonObject;
}

/** A repository whose targets role is an identity, and what stands in the place of its signature. */
async function publish(signature: (signed: Uint8Array) => Promise<LooseObject>): Promise<TufRepository> {
  const repository = makeTufRepository();
  repository.hasHashes = false;
  addTufTarget(repository, "app.tgz", "the app");
  const key = { keytype: "sigstore-oidc", scheme: "Fulcio", keyval: { identity: who, issuer: stack.url } };
  const { keys, roles } = repository.root.signed as { keys: LooseObject; roles: LooseObject };
  keys["identity"] = key;
  roles["targets"] = { keyids: ["identity"], threshold: 1 };
  await publishTuf(repository);
  const { signed } = tufRole(repository, "targets");
  const sig = await signature(formatCanonicalJson(signed as JsonObject));
  repository.metadata.set(
    "1.targets.json",
    utf8(JSON.stringify({ signatures: [{ keyid: "identity", ...sig }], signed })),
  );
  return repository;
}

async function outcome(repository: TufRepository, identityCheck?: IdentityCheck): Promise<string> {
  const updater = createUpdater({
    root: repository.metadata.get("1.root.json") as Uint8Array,
    store: makeMemoryStore(),
    fetch: tufFetcher(repository),
    now: () => tufNow,
    ...(identityCheck && { identityCheck }),
  });
  try {
    await updater.refresh();
    return "accepted";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe("Sigstore identities sign TUF metadata (TAP 18)", () => {
  test("the named identity's bundle over these bytes counts, where identities are switched on", async () => {
    const repository = await publish(async (signed) => ({
      sig: "",
      bundle: (await bundleOver(signed, who)) as LooseObject,
    }));
    expect(await outcome(repository, tufIdentityCheck(trust, new Date(Date.now())))).toBe("accepted");
    expect(await outcome(repository)).toBe("TUF_THRESHOLD");
  });

  test("another identity, other bytes, an attestation and rubbish do not", async () => {
    const check = tufIdentityCheck(trust, new Date(Date.now()));
    const eve = await publish(async (signed) => ({
      sig: "",
      bundle: (await bundleOver(signed, "eve@example.com")) as LooseObject,
    }));
    expect(await outcome(eve, check)).toBe("TUF_THRESHOLD");
    const other = await publish(async () => ({
      sig: "",
      bundle: (await bundleOver(utf8("other"), who)) as LooseObject,
    }));
    expect(await outcome(other, check)).toBe("TUF_THRESHOLD");
    for (const bundle of [{}, { mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json" }])
      expect(await outcome(await publish(() => Promise.resolve({ sig: "", bundle })), check)).toBe("TUF_THRESHOLD");
  });

  test("what another Sigstore certified does not", async () => {
    const repository = await publish(async (signed) => ({
      sig: "",
      bundle: (await bundleOver(signed, who)) as LooseObject,
    }));
    const elsewhere = await loadTrust({ now: new Date(Date.now()) });
    expect(await outcome(repository, tufIdentityCheck(elsewhere, new Date(Date.now())))).toBe("TUF_THRESHOLD");
  });
});
