import type { Artifact } from "@countersign/core";
import { sign, type Signed, type SignWorld } from "@countersign/pipeline";
import type { SignAs } from "@countersign/sigstore";
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
  readonly world: SignWorld;
  /** Signs, and proves the bundle against the trust root before giving it out. */
  readonly sign: (artifact: Artifact) => Promise<Signed>;
}

/** Reads key or token, services and trust root. Opens no socket; `sign` of the result does. */
export async function makeSigning(options: SignOptions, terminal: Terminal): Promise<Signing> {
  const as = await signAs(options, terminal);
  const trust = await readTrust(options, [], terminal.now());
  const world: SignWorld = { http, sleep, trust, now: () => terminal.now() };
  return {
    as,
    world,
    logs: (as.services?.rekor ?? []).map((service) => service.url),
    sign: (artifact) => sign(artifact, as, world),
  };
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
  if (options.dangerNoLog === true)
    return { kind: "key", signer: await readSigner(options.key, undefined, options, terminal) };
  const services = await chooseServices(options, terminal.now());
  return { kind: "key", signer: await readSigner(options.key, services, options, terminal), services };
}
