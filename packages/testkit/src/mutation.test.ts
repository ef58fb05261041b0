import { existsSync, readFileSync } from "node:fs";
import {
  makeVerifier,
  parsePublicKey,
  TrustError,
  utf8,
  type Artifact,
  type Claims,
  type Verifier,
} from "@countersign/core";
import { makeKeyPair, startLocalSigstore } from "@countersign/local-sigstore";
import { loadInstance } from "@countersign/pipeline";
import {
  parseBundle,
  parseSigningConfig,
  parseTrustRoot,
  selectServices,
  verifyBundle,
  type TrustRoot,
} from "@countersign/sigstore";
import { describe, expect, test } from "vitest";
import {
  artifactOf,
  bytesOfJson,
  duplicatesOf,
  makeEvidence,
  makeInstance,
  mutantsOf,
  mutationNames,
  nodesOf,
  trustRootBytes,
  trustRootOf,
  withAt,
  type Loose,
  type Plan,
} from "./index.ts";

/** One document and what reading it all the way comes to. */
interface Subject {
  readonly name: string;
  readonly json: Loose;
  /** Claims, or whatever stands for the meaning of the document. Throws a TrustError where it is refused. */
  readonly read: (bytes: Uint8Array) => unknown;
}

interface Tally {
  readonly mutants: number;
  readonly refused: number;
  /** Paths of mutants that were accepted. */
  readonly accepted: readonly string[];
  /** Anything that was neither refused nor came to the same: what we are looking for. */
  readonly wrong: readonly string[];
}

/** Whether two readings of a document come to the same. */
type Likeness = (reading: unknown, original: unknown) => boolean;
const isEqual: Likeness = (reading, original) => JSON.stringify(reading) === JSON.stringify(original);

function tally({ json, read }: Subject, isLike: Likeness = isEqual): Tally {
  const original = read(bytesOfJson(json));
  const accepted: string[] = [];
  const wrong: string[] = [];
  let [mutants, refused] = [0, 0];
  for (const mutant of mutantsOf(json)) {
    mutants++;
    const where = `${mutant.mutation} ${mutant.path}`;
    try {
      (isLike(read(bytesOfJson(mutant.json)), original) ? accepted : wrong).push(where);
    } catch (error) {
      if (error instanceof TrustError) refused++;
      else wrong.push(`${where}: ${String(error)}`);
    }
  }
  return { mutants, refused, accepted, wrong };
}

const instance = makeInstance();
const trust = trustRootOf(instance);
const nowMs = instance.now.getTime();
const managed = makeKeyPair("p256");

function madeHere(name: string, plan: Plan): Subject {
  const { json, artifact } = makeEvidence(instance, plan);
  const key = plan.managed === undefined ? undefined : makeVerifier(plan.managed.spki);
  return { name, json, read: (bytes) => claimsOf(bytes, artifact, trust, key) };
}
function claimsOf(bytes: Uint8Array, artifact: Artifact, root: TrustRoot, key?: Verifier): unknown {
  return verifyBundle(parseBundle(bytes), artifact, root, { nowMs, ...(key === undefined ? {} : { key }) });
}

const bundles: readonly Subject[] = [
  withoutProof(
    madeHere("0.1, message, certificate, Rekor v1 by its promise", { entry: "hashedrekord 0.0.1", version: "0.1" }),
  ),
  madeHere("0.2, message, certificate, Rekor v1", { entry: "hashedrekord 0.0.1", version: "0.2" }),
  madeHere("0.2, envelope, certificate, Rekor v1", { entry: "intoto 0.0.2", version: "0.2", content: "envelope" }),
  madeHere("0.3, message, certificate, Rekor v2", {}),
  madeHere("0.3, envelope, certificate, Rekor v2", { content: "envelope" }),
  madeHere("0.3, envelope, certificate, Rekor v1", { entry: "dsse 0.0.1", content: "envelope" }),
  madeHere("0.3, message, key, Rekor v2", { managed, hint: makeVerifier(managed.spki).keyid }),
];
/** Bundles that prove something twice: one of the proofs may go, and then the claims say less, never more or other. */
const redundant: readonly Subject[] = [
  madeHere("0.1, promise and proof", { entry: "hashedrekord 0.0.1", version: "0.1" }),
  madeHere("0.3, Rekor v1's time and a timestamp", {
    entry: "dsse 0.0.1",
    content: "envelope",
    stamps: [{ embedCertificate: true }],
  }),
  madeHere("0.3, key, Rekor v1", { managed, entry: "hashedrekord 0.0.1" }),
  madeHere("0.3, key, Rekor v2 and a timestamp", { managed, stamps: [{}] }),
];

function withoutProof(subject: Subject): Subject {
  return { ...subject, json: withAt(subject.json, "verificationMaterial.tlogEntries.0.inclusionProof", undefined) };
}

/** Whether the claims are the original's, or those less a time or one of two proofs of the log. */
const isWeaker: Likeness = (reading, original) => {
  const [claims, whole] = [reading, original] as [Claims, Claims];
  const isTime = (time: Claims["times"][number]): boolean => whole.times.some((each) => isEqual(each, time));
  const isLog = (log: Claims["logs"][number]): boolean => whole.logs.some((each) => isWeakerLog(log, each));
  const rest = isEqual({ ...claims, times: [], logs: [] }, { ...whole, times: [], logs: [] });
  return rest && claims.times.every(isTime) && claims.logs.length === whole.logs.length && claims.logs.every(isLog);
};

function isWeakerLog(log: Claims["logs"][number], whole: Claims["logs"][number]): boolean {
  const same = log.logId === whole.logId && log.entry === whole.entry && log.operator === whole.operator;
  const where =
    log.proof === "promise" ||
    (log.origin === whole.origin && log.index === whole.index && log.treeSize === whole.treeSize);
  return same && where && log.proof.split("+").every((proof) => whole.proof.includes(proof));
}

/** Where a bundle may be changed without anybody being misled: nobody relies on it, or it says the same in other words. */
const harmless: readonly RegExp[] = [
  // Said twice: the checkpoint's own size and root count (attacks.md S17).
  / verificationMaterial\.tlogEntries\.0\.inclusionProof\.(rootHash|treeSize)$/,
  // Rekor v2: the global index and time are of no account; Rekor v1's are signed, but not in a bundle without the promise.
  / verificationMaterial\.tlogEntries\.0\.(logIndex|integratedTime)$/,
  /^truncate verificationMaterial\.tlogEntries\.0$/,
  // A trust root that gives four bytes of the id: the log's signature decides.
  /^flip verificationMaterial\.tlogEntries\.0\.logId\.keyId$/,
  // The number 7 for the text "7".
  /^retype verificationMaterial\.tlogEntries\.0\.inclusionProof\.logIndex$/,
  // Version 0.1 can do with the promise, later ones with the proof.
  / verificationMaterial\.tlogEntries\.0\.inclusion(Proof|Promise)(\.checkpoint)?$/,
  // A hint, not signed by anybody.
  / messageSignature\.messageDigest$/,
  /^truncate messageSignature$/,
  / verificationMaterial\.publicKey(\.hint)?$/,
  // The same twice counts once; certificates after the first are not looked at.
  / verificationMaterial\.(tlogEntries|timestampVerificationData\.rfc3161Timestamps)$/,
  / verificationMaterial\.x509CertificateChain\.certificates$/,
  // A bit in the certificate that a timestamp carries along.
  /^flip verificationMaterial\.timestampVerificationData\.rfc3161Timestamps\.0\.signedTimestamp$/,
  // A bit in the cosignature of a witness that no trust root names yet.
  /^flip verificationMaterial\.tlogEntries\.0\.inclusionProof\.checkpoint\.envelope$/,
  // Timestamps that are not needed, in bundles that are redundant.
  / verificationMaterial\.timestampVerificationData(\.rfc3161Timestamps(\.0)?)?$/,
];

let total = 0;
describe("every node of a bundle × ten mutations: refused, or the same claims", () => {
  test.each(bundles.map((each) => [each.name, each] as const))("%s", (_, subject) => {
    const { mutants, refused, accepted, wrong } = tally(subject);
    total += mutants;
    expect(wrong).toEqual([]);
    expect(refused + accepted.length).toBe(mutants);
    expect(accepted.filter((where) => !harmless.some((pattern) => pattern.test(where)))).toEqual([]);
  });

  test("that was enough of them", () => {
    expect(mutationNames).toHaveLength(10);
    expect(total).toBeGreaterThan(1500);
  });

  test.each(bundles.map((each) => [each.name, each] as const))(
    "a member written twice is refused: %s",
    (_, { json, read }) => {
      const texts = [...duplicatesOf(json)];
      expect(texts.length).toBeGreaterThan(10);
      for (const text of texts)
        expect(() => read(utf8(text))).toThrow(expect.objectContaining({ code: "CORE_JSON_DUPLICATE" }));
    },
  );

  test.each(bundles.map((each) => [each.name, each] as const))(
    "every cut of the text is refused: %s",
    (_, { json, read }) => {
      const bytes = bytesOfJson(json);
      for (let length = 0; length < bytes.length; length += 13)
        expect(() => read(bytes.subarray(0, length))).toThrow(TrustError);
      for (const bad of [0xff, 0x00, 0xc0]) expect(() => read(bytes.with(bytes.length >> 1, bad))).toThrow(TrustError);
    },
  );
});

describe("where something is proved twice: refused, or claims that say less", () => {
  test.each(redundant.map((each) => [each.name, each] as const))("%s", (_, subject) => {
    const { accepted, wrong } = tally(subject, isWeaker);
    expect(wrong).toEqual([]);
    expect(accepted.filter((where) => !harmless.some((pattern) => pattern.test(where)))).toEqual([]);
  });
});

describe("every node of a trust root × ten mutations: refused, or the same claims from the bundle it judges, or that bundle refused", () => {
  const { json, artifact } = makeEvidence(instance);
  const bundle = bytesOfJson(json);
  const verified = (bytes: Uint8Array): unknown => claimsOf(bundle, artifact, parseTrustRoot(bytes));
  test("its own", () => {
    const text = new TextDecoder().decode(trustRootBytes(instance.parts));
    const { mutants, wrong } = tally({
      name: "trust root",
      json: JSON.parse(text) as Loose,
      read: (bytes) => withoutNames(verified(bytes)),
    });
    expect(wrong).toEqual([]);
    expect(mutants).toBeGreaterThan(400);
  });

  test("the one that is built in", async () => {
    const { trustedRoot } = await loadInstance("public-good");
    const { wrong } = tally({
      name: "public-good",
      json: JSON.parse(trustedRoot) as Loose,
      read: (bytes) => void parseTrustRoot(bytes),
    });
    expect(wrong).toEqual([]);
  });
});

/** What a trust root calls its own services is its own affair: operators, addresses, four bytes of a log's id or all. */
function withoutNames(claims: unknown): unknown {
  const revive = (name: string, value: unknown): unknown => {
    if (name === "operator" || name === "authority") return undefined;
    return name === "logId" ? Buffer.from(String(value), "base64").subarray(0, 4).toString("hex") : value;
  };
  return JSON.parse(JSON.stringify(claims, revive));
}

test("every node of a signing config × ten mutations: refused, or services chosen as a config says", async () => {
  const stack = await startLocalSigstore();
  await stack.close();
  const { signingConfig } = await loadInstance("staging");
  for (const json of [stack.signingConfig as Loose, JSON.parse(String(signingConfig)) as Loose]) {
    const read = (bytes: Uint8Array): unknown => {
      const { rekor, tsa } = selectServices(parseSigningConfig(bytes), Date.now());
      return void [...rekor, ...tsa].map((service) => new URL(service.url));
    };
    const { mutants, wrong } = tally({ name: "signing config", json, read });
    expect(wrong).toEqual([]);
    expect(mutants).toBeGreaterThan(200);
  }
});

describe("real bundles, where they are at hand", () => {
  const folder = new URL("../../../../shared/data/sigstore/bundle-verify/", import.meta.url);
  const names = [
    "happy-path-v0.1",
    "happy-path-v0.2",
    "happy-path-intoto-in-dsse-v3",
    "rekor2-happy-path",
    "rekor2-dsse-happy-path",
    "managed-key-happy-path",
  ];
  const artifact = existsSync(folder)
    ? artifactOf(readFileSync(new URL("a.txt", folder)), "a.txt")
    : artifactOf(new Uint8Array());
  test.skipIf(!existsSync(folder)).each(names)("%s", async (name) => {
    const path = (file: string): URL => new URL(`${name}/${file}`, folder);
    const root = existsSync(path("trusted_root.json"))
      ? readFileSync(path("trusted_root.json"))
      : utf8((await loadInstance("public-good")).trustedRoot);
    const key = existsSync(path("key.pub")) ? makeVerifier(parsePublicKey(readFileSync(path("key.pub")))) : undefined;
    const json = JSON.parse(readFileSync(path("bundle.sigstore.json"), "utf8")) as Loose;
    const trusted = parseTrustRoot(root);
    const { accepted, wrong } = tally(
      { name, json, read: (bytes) => claimsOf(bytes, artifact, trusted, key) },
      isWeaker,
    );
    expect(wrong).toEqual([]);
    expect(accepted.filter((where) => !harmless.some((pattern) => pattern.test(where)))).toEqual([]);
  });
});

test("the mutators reach every node, and change it", () => {
  const json: Loose = { a: [1, "x"], b: { c: null, d: true } };
  expect([...nodesOf(json)].map(({ path }) => path)).toEqual(["", "a", "a.0", "a.1", "b", "b.c", "b.d"]);
  const mutants = [...mutantsOf(json)];
  expect(new Set(mutants.map(({ mutation }) => mutation))).toEqual(new Set(mutationNames));
  expect(mutants.every((mutant) => JSON.stringify(mutant.json) !== JSON.stringify(json))).toBe(true);
  expect([...duplicatesOf({ a: { b: 1 } })]).toEqual(['{"a":{"b":1},"a":{"b":1}}', '{"a":{"b":1,"b":1}}']);
});
