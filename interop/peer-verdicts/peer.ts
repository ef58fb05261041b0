import { createPublicKey } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier, type VerificationPolicy } from "@sigstore/verify";
import { editText, type Vector } from "@countersign/testkit";

/** What the peer said: it accepted, refused with an error of its own, or threw something else. */
export interface PeerVerdict {
  readonly kind: "accepts" | "refuses" | "breaks";
  readonly says: string;
}

/** A vector with its file's name. */
export interface NamedVector {
  readonly name: string;
  readonly vector: Vector;
}

const folder = new URL("../../packages/sigstore/vectors/attacks/", import.meta.url);

/** All vectors, by name. */
export function readVectors(): readonly NamedVector[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names
    .toSorted()
    .map((name) => ({ name: name.slice(0, -".json".length), vector: JSON.parse(read(name)) as Vector }));
}

/** Judges a vector with `@sigstore/verify`, asked as strictly as its interface allows. */
export function askPeer(vector: Vector): PeerVerdict {
  try {
    verify(vector);
    return { kind: "accepts", says: "" };
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    const own = ["VerificationError", "PolicyError", "ValidationError"].includes((error as object).constructor.name);
    return {
      kind: own ? "refuses" : "breaks",
      says: `${code ?? name}: ${message.split("\n", 1)[0] ?? ""}`.slice(0, 120),
    };
  }
}

function verify(vector: Vector): void {
  const bundle = bundleFromJSON(JSON.parse(editText(read(`bundle/${vector.bundle}`), vector.edits)));
  const root = TrustedRoot.fromJSON(JSON.parse(editText(read(`root/${vector.trustedRoot}`), vector.rootEdits)));
  const [signer] = vector.policy.signers;
  const isKey = signer !== undefined && "key" in signer;
  const material = toTrustMaterial(root, () => keyOf(isKey ? signer.key : ""));
  const { scts = 1, logEntries = 1, times = isKey ? 0 : 1 } = vector.policy.require ?? {};
  const verifier = new Verifier(material, {
    ctlogThreshold: scts,
    tlogThreshold: logEntries,
    timestampThreshold: times,
  });
  const data = bundle.content.$case === "messageSignature" ? Buffer.from(vector.artifact.base64, "base64") : undefined;
  verifier.verify(toSignedEntity(bundle, data), policyOf(vector));
}

function keyOf(spki: string): { publicKey: ReturnType<typeof createPublicKey>; validFor: () => boolean } {
  const publicKey = createPublicKey({ key: Buffer.from(spki, "base64"), format: "der", type: "spki" });
  return { publicKey, validFor: () => true };
}

function policyOf({ policy }: Vector): VerificationPolicy | undefined {
  const [signer] = policy.signers;
  if (signer === undefined || "key" in signer) return undefined;
  const { identity, issuer } = signer;
  return {
    ...(identity === "" ? {} : { subjectAlternativeName: identity }),
    ...(issuer === "" ? {} : { extensions: { issuer } }),
  };
}

function read(path: string): string {
  return readFileSync(new URL(path, folder), "utf8");
}
