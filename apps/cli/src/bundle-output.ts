import { digestOf, TrustError, utf8, type Digest } from "@countersign/core";
import { formatBundle, parseBundle, upgradeBundle, type Bundle } from "@countersign/sigstore";
import { readArtifact } from "./artifact.node.ts";
import type { BundleOptions } from "./bundle-options.ts";
import { cliError } from "./errors.ts";
import { checkNewOutput, writeNewOutput } from "./new-output.ts";
import { formatJson, visible } from "./render-json.ts";
import { plain, row, shellQuoted } from "./render-text.ts";
import type { Terminal } from "./terminal.ts";

/** A bundle that was made of something else. */
export interface MadeBundle {
  readonly bundle: Bundle;
  readonly from: string;
  /** What it leaves out, or why it is not of the current version. */
  readonly notes: readonly string[];
  /** The file it is about, if it was named. */
  readonly artifact?: string | undefined;
}

/** Upgraded if it proves enough for that; else as it is, with a note why not. */
export function asCurrent(bundle: Bundle, facts: Omit<MadeBundle, "bundle" | "notes">): MadeBundle {
  try {
    return upgraded(bundle, facts);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { ...facts, bundle, notes: [`it stays at version ${bundle.version}: ${error.message}`] };
  }
}

/** In version 0.3. Throws SIGSTORE_BUNDLE_NOT_UPGRADABLE. */
export function upgraded(bundle: Bundle, facts: Omit<MadeBundle, "bundle" | "notes">): MadeBundle {
  const { bundle: made, droppedCertificates: dropped } = upgradeBundle(bundle);
  const left = dropped === 0 ? [] : [`${dropped} issuing certificate(s) left out: the trust root must have them`];
  const unlogged = made.entries.length > 0 ? [] : ["no log has seen it, as far as it says; --rekor-url asks one"];
  return { ...facts, bundle: made, notes: [...left, ...unlogged] };
}

/** The bundle with the digest of a file as its hint, if it is over a file. */
export async function withHint(bundle: Bundle, artifact: string | undefined, terminal: Terminal): Promise<Bundle> {
  const { content } = bundle;
  if (artifact === undefined || content.kind !== "message") return bundle;
  const { digests } = await readArtifact(artifact, { hashes: ["sha256"], keepBytes: 0 }, terminal);
  const [digest] = digests as readonly [Digest];
  return { ...bundle, content: { ...content, digest } };
}

/**
 * Writes the bundle after our own reader has taken it: whole or not at all, and never over a file. Throws CLI_OUTPUT_EXISTS,
 * CLI_OUTPUT_FAILED, CLI_OPTION_CONFLICT for --json with standard output, and what the reader throws.
 */
export function writeBundle(made: MadeBundle, path: string, options: BundleOptions, terminal: Terminal): void {
  const text = `${visible(formatBundle(made.bundle))}\n`;
  parseBundle(utf8(text));
  if (path === "-") terminal.out(text);
  else writeNewOutput(path, text);
  tell(made, path, text, { options, terminal });
}

/** Said before any work is done. */
export function checkBundleOutput(path: string, options: BundleOptions): void {
  if (path === "-" && options.json === true)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--json",
      expected: "--output FILE beside it",
      got: "one stream",
    });
  if (path !== "-") checkNewOutput(path);
}

function tell(
  { bundle, from, notes, artifact }: MadeBundle,
  path: string,
  text: string,
  { options, terminal }: { readonly options: BundleOptions; readonly terminal: Terminal },
): void {
  const verify = verifyCommandOf(bundle, path, artifact);
  const { version } = bundle;
  const digest = digestOf("sha256", utf8(text));
  if (options.json === true)
    terminal.out(
      formatJson({ schema: "countersign.bundle/v1", verified: false, path, from, version, digest, notes, verify }),
    );
  if (options.quiet === true) return;
  const lines = [
    `written: ${path === "-" ? "standard output" : plain(path)}`,
    row("made of", plain(from)),
    row("version", version),
    ...notes.map((note) => row("note", note)),
    "UNVERIFIED: only its form was looked at. To find out whether it is true, fill in whom you expect:",
    `  ${verify}`,
    "",
  ];
  terminal.err(lines.join("\n"));
}

function verifyCommandOf({ material }: Bundle, path: string, artifact: string | undefined): string {
  const file = artifact === undefined ? "FILE" : shellQuoted(artifact);
  const who =
    material.kind === "key"
      ? "--key '<KEY.PUB>'"
      : "--certificate-identity '<WHO>' --certificate-oidc-issuer '<ISSUER>'";
  return `countersign verify ${file} --bundle ${path === "-" ? "BUNDLE" : shellQuoted(path)} ${who}`;
}
