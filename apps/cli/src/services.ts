import { statSync } from "node:fs";
import { utf8 } from "@countersign/core";
import { loadInstance } from "@countersign/pipeline";
import { parseSigningConfig, selectServices, type Services, type SigningConfig } from "@countersign/sigstore";
import { signingError } from "./signing-errors.ts";
import { inFile } from "./in-file.ts";
import { readSmallFile } from "./input.node.ts";
import type { SignOptions } from "./options.ts";
import { instanceOf } from "./policy.ts";
import { formatNote, formatWarning } from "./render-text.ts";
import { readTrustConfig } from "./trust-config.ts";
import { updatedFile } from "./trust-directory.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The services to sign with now: of the signing config given, else of the one that `countersign trust update` got for the
 * instance, else of the one built in. What was passed over in it is told.
 */
export async function chooseServices(options: SignOptions, terminal: Terminal): Promise<Services> {
  const file = options.trustConfig ?? options.signingConfig;
  const bytes = await readConfig(options, terminal);
  const parse = (): SigningConfig => parseSigningConfig(bytes);
  const config = file === undefined ? parse() : inFile("signing config", file, parse);
  const services = selectServices(config, terminal.now().getTime());
  if (options.quiet === true) return services;
  for (const { message, code } of config.warnings) terminal.err(formatWarning(message, code, terminal));
  if (options.key === undefined && isOpen(services.fulcio?.url ?? ""))
    terminal.err(formatNote("the identity token goes over plain http, where others may read it", terminal));
  return services;
}

/** Whether what is sent there can be read on the way. */
function isOpen(url: string): boolean {
  return url.startsWith("http://") && !/^http:\/\/(?:localhost|127(?:\.\d+){3}|\[::1\])(?:[:/]|$)/.test(url);
}

async function readConfig(options: SignOptions, { env }: Pick<Terminal, "env">): Promise<Uint8Array> {
  if (options.trustConfig !== undefined) return readTrustConfig(options.trustConfig).signingConfig;
  if (options.signingConfig !== undefined) return readSmallFile(options.signingConfig, "signing config");
  const name = instanceOf(options) ?? "public-good";
  const { signingConfig, source } = await loadInstance(name);
  const updated = updatedFile(name, "signing_config.json", env);
  if (updated !== undefined && statSync(updated).mtimeMs >= Date.parse(source.date))
    return readSmallFile(updated, "signing config");
  if (signingConfig === undefined) throw signingError("CLI_NO_SIGNING_CONFIG", name);
  return utf8(signingConfig);
}
