import { describeBundle, inspect, type Report, type Trust } from "@countersign/pipeline";
import { makeVerifier, utf8, type Artifact } from "@countersign/core";
import type { Policy, SignerRule } from "@countersign/policy";
import { formatBundle, signArtifact, type Bundle, type SignAs } from "@countersign/sigstore";
import { cliError } from "./errors.ts";
import { http, sleep } from "./http.ts";
import type { SignOptions } from "./options.ts";
import { chooseServices } from "./services.ts";
import { readSigner } from "./signer.ts";
import type { Terminal } from "./terminal.ts";
import { readToken } from "./token.ts";
import { readTrust } from "./trust.ts";

/** Everything that was chosen before the first file is signed. */
export interface Signing {
  readonly as: SignAs;
  /** URLs of the logs that will be written to. */
  readonly logs: readonly string[];
  /** Signs, and proves the bundle against the trust root before giving it out. */
  readonly sign: (artifact: Artifact) => Promise<{ readonly bundle: string; readonly report: Report }>;
}

/** Reads key or token, services and trust root. Opens no socket; `sign` of the result does. */
export async function makeSigning(options: SignOptions, terminal: Terminal): Promise<Signing> {
  const as = await signAs(options, terminal);
  const trust = await readTrust(options, [], terminal.now());
  const sign = async (artifact: Artifact): Promise<{ bundle: string; report: Report }> => {
    let report: Report | undefined;
    const verify = async (bundle: Bundle): Promise<void> => {
      report = await checkBundle(bundle, artifact, { as, trust, terminal });
    };
    const bundle = await signArtifact(artifact, as, { http, sleep, now: () => terminal.now(), verify });
    if (report === undefined) throw cliError("CLI_SELF_CHECK", "the new bundle was not verified");
    return { bundle: formatBundle(bundle), report };
  };
  return { as, logs: (as.services?.rekor ?? []).map((service) => service.url), sign };
}

async function signAs(options: SignOptions, terminal: Terminal): Promise<SignAs> {
  if (options.key === undefined) {
    if (options.dangerNoLog === true)
      throw cliError("CLI_OPTION_CONFLICT", {
        checked: "--danger-no-log",
        expected: "--key beside it",
        got: "no --key",
      });
    const token = readToken(options, terminal);
    return { kind: "keyless", token, services: await chooseServices(options, terminal.now()) };
  }
  const signer = readSigner(options.key);
  if (options.dangerNoLog === true) return { kind: "key", signer };
  return { kind: "key", signer, services: await chooseServices(options, terminal.now()) };
}

interface Check {
  readonly as: SignAs;
  readonly trust: Trust;
  readonly terminal: Terminal;
}

/** Judges the new bundle as a receiver who expects just this signer. Throws CLI_SELF_CHECK with the reason. */
async function checkBundle(bundle: Bundle, artifact: Artifact, { as, trust, terminal }: Check): Promise<Report> {
  const file = { source: "the new bundle", bytes: utf8(formatBundle(bundle)) };
  const keys = as.kind === "key" ? [makeVerifier(as.signer.spki, as.signer.algorithm.name)] : [];
  const world = {
    now: () => terminal.now(),
    trust: () => Promise.resolve({ ...trust, keys }),
    evidence: () => [file],
  };
  const report = await inspect(artifact, policyFor(as, file.bytes), world);
  if (report.decision.verdict === "allowed") return report;
  throw cliError("CLI_SELF_CHECK", `${report.decision.reason} [${report.decision.code ?? report.decision.verdict}]`);
}

/** Just the signer that the bundle names: whether that is who was meant, the token decided, and the user is told. */
function policyFor(as: SignAs, bytes: Uint8Array): Policy {
  const { signer } = describeBundle(bytes);
  if (as.kind === "key") {
    const rule: SignerRule = { kind: "key", keyid: as.signer.keyid };
    return { signers: [rule], ...(as.services === undefined ? { require: { logEntries: 0 } } : {}) };
  }
  const [identity = ""] = signer.kind === "certificate" ? signer.identities : [];
  const issuer = signer.kind === "certificate" ? (signer.issuer ?? "") : "";
  return { signers: [{ kind: "certificate", identity: { exact: identity }, issuer: { exact: issuer } }] };
}
