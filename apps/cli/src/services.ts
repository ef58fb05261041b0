import { statSync } from "node:fs";
import { utf8 } from "@countersign/core";
import { loadInstance } from "@countersign/pipeline";
import { parseSigningConfig, selectServices, type Services } from "@countersign/sigstore";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import type { SignOptions } from "./options.ts";
import { instanceOf } from "./policy.ts";
import { readTrustConfig } from "./trust-config.ts";
import { updatedFile } from "./trust-directory.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The services to sign with now: of the signing config given, else of the one that `countersign trust update` got for the
 * instance, else of the one built in.
 */
export async function chooseServices(options: SignOptions, terminal: Pick<Terminal, "env" | "now">): Promise<Services> {
  return selectServices(parseSigningConfig(await readConfig(options, terminal)), terminal.now().getTime());
}

async function readConfig(options: SignOptions, { env }: Pick<Terminal, "env">): Promise<Uint8Array> {
  if (options.trustConfig !== undefined) return readTrustConfig(options.trustConfig).signingConfig;
  if (options.signingConfig !== undefined) return readSmallFile(options.signingConfig, "signing config");
  const name = instanceOf(options) ?? "public-good";
  const { signingConfig, source } = await loadInstance(name);
  const updated = updatedFile(name, "signing_config.json", env);
  if (updated !== undefined && statSync(updated).mtimeMs >= Date.parse(source.date))
    return readSmallFile(updated, "signing config");
  if (signingConfig === undefined) throw cliError("CLI_NO_SIGNING_CONFIG", name);
  return utf8(signingConfig);
}
