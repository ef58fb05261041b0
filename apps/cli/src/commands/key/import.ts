import { importKey } from "@countersign/sigstore/node";
import { keyIoOf, privateError, readKeyFile } from "../../key.ts";
import type { KeyCommandOptions } from "../../key-options.ts";
import { pathsOf, reportPair, writePair } from "../../key-pair.ts";
import type { OutputOptions } from "../../options.ts";
import { importPassword } from "../../password.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign key import KEY`: the file that is read stays as it is. */
export async function keyImportCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as KeyCommandOptions;
  const [reference = ""] = operands;
  const paths = pathsOf(options);
  const io = keyIoOf(options, terminal);
  const { file } = readKeyFile(reference, io);
  const password = (): Promise<string | undefined> =>
    options.dangerUnencrypted === true ? Promise.resolve(undefined) : importPassword(options, terminal);
  const pair = await importKey(file, reference, io, password).catch((error: unknown) => {
    throw privateError(error, reference);
  });
  writePair(paths, pair, options);
  reportPair(paths, pair, options, terminal);
  return 0;
}
