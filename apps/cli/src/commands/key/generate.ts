import { makeKey, type KeyPair, type KeyType } from "@countersign/sigstore/node";
import type { KeyCommandOptions } from "../../key-options.ts";
import { pathsOf, reportPair, writePair } from "../../key-pair.ts";
import type { OutputOptions } from "../../options.ts";
import { newPassword } from "../../password.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign key generate`: both halves are written, or nothing. */
export async function keyGenerateCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as KeyCommandOptions;
  const paths = pathsOf(options);
  const password = options.dangerUnencrypted === true ? undefined : await newPassword(options, terminal);
  // The option offers only names of types.
  const pair: KeyPair = await makeKey((options.type ?? "ecdsa-p256") as KeyType, password);
  writePair(paths, pair, options);
  reportPair(paths, pair, options, terminal);
  return 0;
}
