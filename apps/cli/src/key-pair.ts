import { keyNamesOf, keyStrengthOf, type KeyPair } from "@countersign/sigstore/node";
import type { KeyCommandOptions } from "./key-options.ts";
import { formatJson } from "./render-json.ts";
import { formatNote, plain } from "./render-text.ts";
import { checkNew, writeNewFiles, type Overwrite } from "./secret-file.node.ts";
import type { Terminal } from "./terminal.ts";

/** Where the halves of a pair go. */
export interface PairPaths {
  readonly private: string;
  readonly public: string;
}

/** The two names, neither of which is taken unless it may be replaced. Throws CLI_OUTPUT_EXISTS. */
export function pathsOf(options: KeyCommandOptions): PairPaths {
  const paths = { private: `${nameOf(options)}.key`, public: `${nameOf(options)}.pub` };
  checkNew(Object.values(paths), overwriteOf(options));
  return paths;
}

/** As `pathsOf`, where the private half goes elsewhere. */
export function publicPathOf(options: KeyCommandOptions): string {
  const path = `${nameOf(options)}.pub`;
  checkNew([path], overwriteOf(options));
  return path;
}

function nameOf({ output = "countersign" }: KeyCommandOptions): string {
  return output;
}

/** Throws CLI_OUTPUT_EXISTS, CLI_OUTPUT_FAILED. */
export function writePublicHalf(path: string, { public: text }: KeyPair, options: KeyCommandOptions): void {
  writeNewFiles([{ path, text, mode: 0o644 }], overwriteOf(options));
}

/** Writes both halves, the private one readable by nobody else. Throws CLI_OUTPUT_EXISTS, CLI_OUTPUT_FAILED. */
export function writePair(paths: PairPaths, pair: KeyPair, options: KeyCommandOptions): void {
  const files = [
    { path: paths.private, text: pair.private, mode: 0o600 },
    { path: paths.public, text: pair.public, mode: 0o644 },
  ] as const;
  writeNewFiles(files, overwriteOf(options));
}

/** Says what was made and where the halves are; no word of the private half. */
export function reportPair(paths: PairPaths, { spki }: KeyPair, options: KeyCommandOptions, terminal: Terminal): void {
  const { sha256 } = keyNamesOf(spki);
  const strength = keyStrengthOf(spki);
  const isEncrypted = options.dangerUnencrypted !== true;
  const facts = { private: paths.private, public: paths.public, keyid: sha256, strength, isEncrypted };
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.key-pair/v1", ...facts }));
  if (options.quiet === true) return;
  if (!isEncrypted) terminal.err(formatNote("the private key is not encrypted", terminal));
  const word = terminal.style("green", "written:");
  terminal.err(`${word} ${plain(paths.private)} and ${plain(paths.public)} (${strength.says}, key id ${sha256})\n`);
}

function overwriteOf({ force }: KeyCommandOptions): Overwrite {
  return force === true ? "replace" : "never";
}
