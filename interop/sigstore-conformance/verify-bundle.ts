import { readFileSync } from "node:fs";
import { defaultKeepBytes, makeVerifier, maxKeepBytes, parsePublicKey } from "@countersign/core";
import { inspect, readingFor, type World } from "@countersign/pipeline";
import type { SignerRule } from "@countersign/policy";
import type { VerifyArguments } from "./argument.ts";
import { readArtifact, readTrust } from "./input.ts";

/** Runs `verify-bundle`; why it was refused, or undefined if it verified. Opens no socket. */
export async function verifyBundle(args: VerifyArguments): Promise<string | undefined> {
  const now = new Date(Date.now());
  const keys = "key" in args.signer ? [makeVerifier(parsePublicKey(readFileSync(args.signer.key)))] : [];
  const trust = await readTrust(args, keys, now);
  const evidence = [{ source: args.bundle, bytes: readFileSync(args.bundle) }];
  const { hashes, wholeMessage } = readingFor(evidence, keys);
  const artifact = await readArtifact(args.artifact, hashes, wholeMessage ? maxKeepBytes : defaultKeepBytes);
  const world: World = { now: () => now, trust: () => Promise.resolve(trust), evidence: () => evidence };
  const { decision } = await inspect(artifact, { signers: [ruleOf(args.signer, keys[0]?.keyid)] }, world);
  return decision.verdict === "allowed" ? undefined : `${decision.code ?? decision.verdict}: ${decision.reason}`;
}

function ruleOf(signer: VerifyArguments["signer"], keyid = ""): SignerRule {
  if ("key" in signer) return { kind: "key", keyid };
  return { kind: "certificate", identity: { exact: signer.identity }, issuer: { exact: signer.issuer } };
}
