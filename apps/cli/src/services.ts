import { utf8 } from "@countersign/core";
import { loadInstance } from "@countersign/pipeline";
import { parseSigningConfig, selectServices, type Services } from "@countersign/sigstore";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import type { SignOptions } from "./options.ts";
import { instanceOf } from "./policy.ts";

/** The services to sign with now: of the signing config given, else of the one built in for the instance. */
export async function chooseServices(options: SignOptions, now: Date): Promise<Services> {
  return selectServices(parseSigningConfig(await readConfig(options)), now.getTime());
}

async function readConfig(options: SignOptions): Promise<Uint8Array> {
  if (options.signingConfig !== undefined) return readSmallFile(options.signingConfig, "signing config");
  const name = instanceOf(options) ?? "public-good";
  const { signingConfig } = await loadInstance(name);
  if (signingConfig === undefined) throw cliError("CLI_NO_SIGNING_CONFIG", name);
  return utf8(signingConfig);
}
