import { makeVerifier, utf8, type Artifact, type Requirements, type Verifier } from "@countersign/core";
import type { SignerRule } from "@countersign/policy";
import {
  formatBundle,
  readIdentity,
  signArtifact,
  signStatement,
  type Bundle,
  type Http,
  type SignAs,
} from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";
import { inspect } from "./pipeline.ts";
import type { Report } from "./report.ts";
import type { Trust } from "./trust.ts";

/** What signing needs of the outside world. */
export interface SignWorld {
  now(): Date;
  /** The trust root that a receiver would judge the new bundle by. */
  readonly trust: Trust;
  readonly http: Http;
  /** Waits before a service is asked again. */
  sleep(ms: number): Promise<void>;
}

/** A new bundle, and the report of our own verifier about it. */
export interface Signed {
  /** Bundle 0.3, JSON. */
  readonly bundle: string;
  readonly report: Report;
}

/**
 * Signs an artifact and proves the new bundle as a receiver would; a bundle that is refused is never given out
 * (PIPELINE_SELF_CHECK). Also throws what `signArtifact` throws.
 */
export function sign(artifact: Artifact, as: SignAs, world: SignWorld): Promise<Signed> {
  return signAndCheck(artifact, as, world, (io) => signArtifact(artifact, as, io));
}

/** As `sign`, but signs a Statement (its exact bytes), of which `artifact` must be a subject. */
export function attest(statement: Uint8Array, artifact: Artifact, as: SignAs, world: SignWorld): Promise<Signed> {
  return signAndCheck(artifact, as, world, (io) => signStatement(statement, as, io));
}

type Io = Parameters<typeof signArtifact>[2];

async function signAndCheck(
  artifact: Artifact,
  as: SignAs,
  world: SignWorld,
  make: (io: Io) => Promise<Bundle>,
): Promise<Signed> {
  const reports: Report[] = [];
  const verify = async (bundle: Bundle): Promise<void> => {
    reports.push(await checkNew(bundle, artifact, as, world));
  };
  const bundle = await make({ http: world.http, sleep: (ms) => world.sleep(ms), now: () => world.now(), verify });
  const [report] = reports;
  if (report === undefined) throw pipelineError("PIPELINE_SELF_CHECK", "the new bundle was not looked at");
  return { bundle: formatBundle(bundle), report };
}

async function checkNew(bundle: Bundle, artifact: Artifact, as: SignAs, world: SignWorld): Promise<Report> {
  const keys: readonly Verifier[] = as.kind === "key" ? [makeVerifier(as.signer.spki, as.signer.algorithm.name)] : [];
  const evidence = [{ source: "the new bundle", bytes: utf8(formatBundle(bundle)) }];
  const policy = { signers: [ruleFor(bundle, keys)], require: requireFor(as) };
  const trust = { ...world.trust, keys };
  const report = await inspect(artifact, policy, {
    now: () => world.now(),
    trust: () => Promise.resolve(trust),
    evidence: () => evidence,
  });
  if (report.decision.verdict === "allowed") return report;
  throw pipelineError("PIPELINE_SELF_CHECK", {
    checked: report.decision.code ?? report.decision.verdict,
    got: report.decision.reason,
  });
}

// The signer itself is not in question here: what is proved is that logs, times and chain will convince a receiver.
function ruleFor(bundle: Bundle, [key]: readonly Verifier[]): SignerRule {
  if (key !== undefined) return { kind: "key", keyid: key.keyid };
  const [leaf] = bundle.material.kind === "certificate" ? bundle.material.chain : [];
  if (leaf === undefined) throw pipelineError("PIPELINE_SELF_CHECK", "the new bundle has no certificate");
  const { identity, issuer } = readIdentity(leaf);
  return { kind: "certificate", identity: { exact: identity.value }, issuer: { exact: issuer } };
}

// Who signs with a key and no log has said so; a receiver has to allow it as well.
function requireFor(as: SignAs): Partial<Requirements> {
  return as.kind === "key" && (as.services?.rekor ?? []).length === 0 ? { logEntries: 0 } : {};
}
