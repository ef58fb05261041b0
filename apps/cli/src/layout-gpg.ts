import { openGpgSigner, readGpgKey, type GpgOptions } from "@countersign/in-toto/node";
import type { LayoutKey, OpenPgpSigner } from "@countersign/in-toto";
import { cliError } from "./errors.ts";
import { secretVariables } from "./password.ts";
import type { GpgHomeOptions } from "./evidence-options.ts";
import type { Terminal } from "./terminal.ts";

/** Opens a key of GnuPG's keyring for signing: of the id, or the default one. Throws what `openGpgSigner` throws. */
export function gpgSignerOf(keyid: string | true, options: GpgHomeOptions, terminal: Terminal): OpenPgpSigner {
  return openGpgSigner(keyid === true ? undefined : keyid, gpgOptionsOf(options, terminal));
}

/** Public keys of GnuPG's keyring. Throws what `readGpgKey` throws. */
export function gpgKeysOf(keyids: readonly string[], options: GpgHomeOptions, terminal: Terminal): LayoutKey[] {
  return keyids.map((keyid) => readGpgKey(keyid, gpgOptionsOf(options, terminal)));
}

/** GNUPG names the program, as for the reference; passwords of other keys are not its business. */
function gpgOptionsOf({ gpgHome }: GpgHomeOptions, { env }: Terminal): GpgOptions {
  const program = env["GNUPG"];
  if (program === "")
    throw cliError("CLI_ENVIRONMENT_VALUE", { checked: "GNUPG", expected: "a program", got: "nothing" });
  const own = Object.entries(env).filter(([name]) => !secretVariables.includes(name));
  return { program, home: gpgHome, env: Object.fromEntries(own) };
}
