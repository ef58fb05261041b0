import { createReadStream, existsSync, readFileSync } from "node:fs";
import { digestStream, parseDigest, type Artifact, type HashName, type Verifier } from "@countersign/core";
import { loadTrust, type Trust } from "@countersign/pipeline";

/** The artifact that the protocol's last argument names: a digest only if it has its form and no such file exists. */
export async function readArtifact(operand: string, hashes: readonly HashName[], keepBytes: number): Promise<Artifact> {
  if (/^sha256:[0-9a-f]{64}$/.test(operand) && !existsSync(operand))
    return { name: operand, digests: [parseDigest(operand)] };
  return digestStream(createReadStream(operand), { name: operand, hashes, keepBytes });
}

/** The trust root of the file, or the one built in. */
export function readTrust(
  args: { readonly staging: boolean; readonly trustedRoot: string | undefined },
  keys: readonly Verifier[],
  now: Date,
): Promise<Trust> {
  const files =
    args.trustedRoot === undefined ? [] : [{ source: args.trustedRoot, bytes: readFileSync(args.trustedRoot) }];
  return loadTrust({ files, keys, now, instance: args.staging ? "staging" : "public-good" });
}
