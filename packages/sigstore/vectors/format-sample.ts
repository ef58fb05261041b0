import { createHash, generateKeyPairSync } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { TrustError } from "@countersign/core";

/** JSON that a test may take apart. */
export type Loose = null | boolean | number | string | Loose[] | { [name: string]: Loose };

const chain = JSON.parse(readFileSync(new URL("./certificate/chain.json", import.meta.url), "utf8")) as Record<"leaf" | "issuer" | "root", string>;
/** Base64 of the DER of a leaf, its issuer and the root above. */
export const certificates: Readonly<Record<"leaf" | "issuer" | "root", string>> = chain;

function keyOf(type: "ec" | "ed25519" | "rsa"): { spki: string; keyId: string; bytes: Buffer } {
  const made =
    type === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : type === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: 2048 })
        : generateKeyPairSync("ed25519");
  const bytes = made.publicKey.export({ format: "der", type: "spki" });
  return { spki: bytes.toString("base64"), keyId: createHash("sha256").update(bytes).digest("base64"), bytes };
}

/** Fresh public keys, base64 of their SubjectPublicKeyInfo, and SHA-256 of that. */
export const keys: Readonly<Record<"p256" | "ed25519" | "rsa", ReturnType<typeof keyOf>>> = {
  p256: keyOf("ec"),
  ed25519: keyOf("ed25519"),
  rsa: keyOf("rsa"),
};

const bytes32 = Buffer.alloc(32, 7).toString("base64");

/** A well-formed bundle of version 0.3, nothing in it true; tests change one thing. */
export function sampleBundle(): Record<string, Loose> {
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      certificate: { rawBytes: chain.leaf },
      tlogEntries: [sampleEntry()],
      timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: "MAA=" }] },
    },
    messageSignature: { messageDigest: { algorithm: "SHA2_256", digest: bytes32 }, signature: "MEUC" },
  };
}

/** A well-formed entry of Rekor v1 with promise, proof and checkpoint. */
export function sampleEntry(): Record<string, Loose> {
  return {
    logIndex: "12",
    logId: { keyId: bytes32 },
    kindVersion: { kind: "hashedrekord", version: "0.0.1" },
    integratedTime: "1700000000",
    inclusionPromise: { signedEntryTimestamp: "MEUC" },
    inclusionProof: {
      logIndex: "2",
      rootHash: bytes32,
      treeSize: "3",
      hashes: [bytes32, bytes32],
      checkpoint: { envelope: "log.example\n3\nAAAA\n\n— log.example AAAAAA==\n" },
    },
    canonicalizedBody: "e30=",
  };
}

/** A DSSE envelope with one signature. */
export function sampleEnvelope(): Record<string, Loose> {
  return { payload: "e30=", payloadType: "application/vnd.in-toto+json", signatures: [{ sig: "MEUC" }] };
}

/** The value at a dotted path (the value itself at the empty one), to be changed in place. */
export function at(value: Loose, path: string): Record<string, Loose> {
  const names = path === "" ? [] : path.split(".");
  return names.reduce<Loose>((inner, name) => (inner as Record<string, Loose>)[name] ?? null, value) as Record<string, Loose>;
}

/** UTF-8 of JSON. */
export function jsonBytes(value: Loose): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The code of the TrustError that `check` ends in, or "accepted"; anything else that is thrown goes on. */
export function codeOf(check: () => unknown): string {
  try {
    check();
    return "accepted";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

/** Every value that differs from `value` in one node: dropped, of another type, cut, flipped, repeated. */
export function* mutants(value: Loose): Generator<Loose> {
  for (const replacement of [null, true, 7, -1, "", "x", [], {}, [value], { x: value }]) yield replacement;
  if (typeof value === "string") {
    const middle = value.length >> 1;
    yield value.slice(0, middle);
    yield `${value} `;
    yield value.slice(0, middle) + (value[middle] === "A" ? "B" : "A") + value.slice(middle + 1);
  } else if (Array.isArray(value)) {
    yield [...value, ...value];
    for (const [index, item] of value.entries()) for (const mutant of mutants(item)) yield value.with(index, mutant);
  } else if (typeof value === "object" && value !== null) {
    yield { ...value, unheardOf: 1 };
    for (const [name, item] of Object.entries(value)) {
      yield Object.fromEntries(Object.entries(value).filter(([each]) => each !== name));
      for (const mutant of mutants(item)) yield { ...value, [name]: mutant };
    }
  }
}

/** A log of a trust root: P-256, with the id of its key. */
export function sampleLog(): Record<string, Loose> {
  return {
    baseUrl: "https://log.example/",
    hashAlgorithm: "SHA2_256",
    publicKey: { rawBytes: keys.p256.spki, keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor: { start: "2024-01-01T00:00:00Z" } },
    logId: { keyId: keys.p256.keyId },
  };
}

/** A trust root of version 0.1 with one of each; tests change one thing. */
export function sampleTrustRoot(): Record<string, Loose> {
  const authority = (...chain: string[]): Loose => ({
    subject: { organization: "vector", commonName: "issuer" },
    uri: "https://ca.example",
    certChain: { certificates: chain.map((rawBytes) => ({ rawBytes })) },
    validFor: { start: "2024-01-01T00:00:00.000Z", end: "2034-01-01T00:00:00+01:00" },
  });
  return {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [sampleLog()],
    certificateAuthorities: [authority(chain.issuer, chain.root)],
    ctlogs: [sampleLog()],
    timestampAuthorities: [authority(chain.leaf, chain.issuer, chain.root)],
  };
}

/** A signing config of version 0.2 with one of each. */
export function sampleSigningConfig(): Record<string, Loose> {
  return {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: [sampleService("https://fulcio.example")],
    oidcUrls: [sampleService("https://oidc.example/auth")],
    rekorTlogUrls: [sampleService("https://rekor.example")],
    rekorTlogConfig: { selector: "ANY" },
    tsaUrls: [sampleService("https://tsa.example/api/v1/timestamp")],
    tsaConfig: { selector: "ANY" },
  };
}

/** One service of API version 1 since 2024, with changes. */
export function sampleService(url: string, changes: Record<string, Loose> = {}): Record<string, Loose> {
  return { url, majorApiVersion: 1, validFor: { start: "2024-01-01T00:00:00Z" }, operator: "example", ...changes };
}

const shared = new URL("../../../../shared/data/sigstore/", import.meta.url);
/** Whether the public test data stands beside the repository. */
export const hasShared: boolean = existsSync(shared);

/** Paths under shared/data/sigstore, relative to it, whose name fits; empty without the data. */
export function sharedFiles(pattern: RegExp): readonly string[] {
  if (!hasShared) return [];
  return readdirSync(shared, { recursive: true, encoding: "utf8" }).filter((path) => pattern.test(path)).toSorted();
}

/** One such file. */
export function readShared(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, shared)));
}
