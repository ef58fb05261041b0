import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { defaultKeepBytes, parseDigest, parseStatement, utf8, type Artifact } from "@countersign/core";
import { attest, loadInstance, makeHttp, sign, type SignWorld } from "@countersign/pipeline";
import { parseSigningConfig, selectServices, type SignAs } from "@countersign/sigstore";
import type { SignArguments } from "./argument.ts";
import { readArtifact, readTrust } from "./input.ts";

/** Runs `sign-bundle`: the bundle is written once our own verifier has accepted it. Throws why not; nothing is returned. */
export async function signBundle(args: SignArguments): Promise<undefined> {
  const now = (): Date => new Date(Date.now());
  const services = selectServices(parseSigningConfig(await readConfig(args)), now().getTime());
  const as: SignAs = { kind: "keyless", token: args.token, services };
  const trust = await readTrust(args, [], now());
  const world: SignWorld = { now, trust, http: makeHttp((url, init) => fetch(url, init)), sleep: (ms) => wait(ms) };
  const { bundle } = await (args.inToto ? signStatement(args, as, world) : signFile(args, as, world));
  writeFileSync(args.bundle, bundle);
}

async function readConfig(args: SignArguments): Promise<Uint8Array> {
  if (args.signingConfig !== undefined) return readFileSync(args.signingConfig);
  const { signingConfig } = await loadInstance(args.staging ? "staging" : "public-good");
  return utf8(signingConfig ?? "");
}

async function signFile(args: SignArguments, as: SignAs, world: SignWorld): ReturnType<typeof sign> {
  return sign(await readArtifact(args.artifact, ["sha256"], defaultKeepBytes), as, world);
}

function signStatement(args: SignArguments, as: SignAs, world: SignWorld): ReturnType<typeof attest> {
  const statement = readFileSync(args.artifact);
  return attest({ statement, artifacts: [subjectOf(statement)] }, as, world);
}

/** What the Statement is about first, so that our verifier has an artifact to check the new bundle for. */
function subjectOf(statement: Uint8Array): Artifact {
  const [subject] = parseStatement(statement).subjects;
  const known = ["sha256", "sha384", "sha512"].filter((name) => subject?.digest[name] !== undefined);
  return {
    name: subject?.name ?? "subject",
    digests: known.map((name) => parseDigest(`${name}:${subject?.digest[name]}`)),
  };
}
