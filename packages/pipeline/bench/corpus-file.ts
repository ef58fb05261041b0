import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestBytes, digestName, parsePrivateKey, type Digest } from "@countersign/core";
import { makeKeyPair } from "@countersign/local-sigstore";
import { loadInstance } from "@countersign/pipeline";
import { makeEvidence } from "@countersign/testkit";
import { makeBenchInstance, samplePlan, trustOf } from "./corpus.ts";
import { samplePolicy } from "./sample.ts";

/** Files for the command: a bundle about the artifact, and a trust root that knows its signer. */
export interface SignedFile {
  readonly path: string;
  readonly bundle: string;
  readonly trustRoot: string;
}

/**
 * Signs a file of any size by its SHA-256. The trust root is the public-good one that the command has built in, with the
 * bench's own services added: as much to read as in a real run.
 */
export async function signFile(folder: string, path: string, digest: Digest): Promise<SignedFile> {
  const instance = makeBenchInstance();
  const key = makeKeyPair("p256");
  const signer = parsePrivateKey(key.privateKey.export({ format: "pem", type: "pkcs8" }).toString());
  const signature = await signer.sign({ digest });
  const { json } = makeEvidence(instance, {
    ...samplePlan(1),
    key,
    signature,
    logged: (signed) => ({ ...signed, digest: digestBytes(digest) }),
  });
  const messageDigest = { algorithm: "SHA2_256", digest: Buffer.from(digestBytes(digest)).toString("base64") };
  const messageSignature = { messageDigest, signature: Buffer.from(signature).toString("base64") };
  if (digestName(digest) !== "sha256") throw new Error("only SHA-256 here");
  const files = { path, bundle: join(folder, "bundle.json"), trustRoot: join(folder, "trusted_root.json") };
  writeFileSync(files.bundle, JSON.stringify({ ...json, messageSignature }));
  writeFileSync(files.trustRoot, await mergedTrust(trustOf(instance)));
  return files;
}

/** The arguments of `countersign verify` for such a file. */
export function verifyArguments({ path, bundle, trustRoot }: SignedFile): readonly string[] {
  const { identity, issuer } = samplePolicy;
  const who = [`--certificate-identity=${identity}`, `--certificate-oidc-issuer=${issuer}`];
  return ["verify", path, `--bundle=${bundle}`, `--trusted-root=${trustRoot}`, ...who];
}

type TrustJson = Record<string, unknown>;

async function mergedTrust(own: Uint8Array): Promise<string> {
  const [base, added] = [(await loadInstance("public-good")).trustedRoot, new TextDecoder().decode(own)].map(
    (text) => JSON.parse(text) as TrustJson,
  ) as [TrustJson, TrustJson];
  const lists = ["tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities"].map((name) => [
    name,
    [...(base[name] as unknown[]), ...(added[name] as unknown[])],
  ]);
  return JSON.stringify({ ...base, ...Object.fromEntries(lists) });
}
