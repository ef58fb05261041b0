import { resolve } from "node:path";
import { defaultKeepBytes, maxKeepBytes, type Artifact, type HashName } from "@countersign/core";
import { sign, type Report } from "@countersign/pipeline";
import { isDigestOperand, readArtifact } from "../artifact.node.ts";
import { bundleNameOf } from "../bundle.ts";
import { checkConsent, publicHosts } from "../consent.ts";
import { cliError } from "../errors.ts";
import { checkFile } from "../input.node.ts";
import { mapInOrder } from "../in-order.ts";
import { interruptible } from "../interrupt.ts";
import type { SignOptions } from "../options.ts";
import { checkBundleTarget, type Precious } from "../output.node.ts";
import { useNetwork } from "../network.node.ts";
import { formatJson } from "../render-json.ts";
import { formatSignedText } from "../render-text.ts";
import { newBundle, SigningRun, type NewBundle } from "../signing-run.ts";
import { makeSigning, type Signing } from "../signing.ts";
import type { Terminal } from "../terminal.ts";

/** `countersign sign`: each bundle is verified as a receiver would, then written whole or not at all; several files at once. */
export async function signCommand(
  operands: readonly string[],
  options: SignOptions,
  terminal: Terminal,
): Promise<number> {
  const outputs = outputsOf(operands, options);
  for (const { path } of outputs) if (path !== "-") checkBundleTarget(path, preciousOf(operands, options));
  const signing = await makeSigning(options, terminal, "files");
  // What is in a public log stays there: no file is signed before all of them are found.
  for (const operand of operands) if (operand !== "-" && !isDigestOperand(operand)) checkFile(operand, "artifact");
  if (signing.kind === "keyless") await checkConsent({ hosts: publicHosts(signing.logs) }, options, terminal);
  useNetwork(terminal);
  const bundles = outputs.map(({ operand, path }) => newBundle(path, operand));
  const run = new SigningRun({ bundles, terminal, isJson: options.json === true });
  await interruptible(async () => {
    const files = await signAll(bundles, { run, signing, options, terminal });
    if (options.json === true) terminal.out(formatJson({ schema: "countersign.signed/v1", files }));
  }, run);
  return 0;
}

interface Output {
  readonly operand: string;
  readonly path: string;
}

interface Signed {
  readonly file: string;
  readonly bundle: string;
  readonly report: Report;
}

interface Job {
  readonly run: SigningRun;
  readonly signing: Signing;
  readonly options: SignOptions;
  readonly terminal: Terminal;
}

/** How many files are signed at once: most of the time goes by waiting for answers, with Rekor 2 for its next checkpoint. */
const maxAtOnce = 8;

function signAll(bundles: readonly NewBundle[], { run, signing, options, terminal }: Job): Promise<readonly Signed[]> {
  let last: Promise<unknown> = Promise.resolve();
  // One after the other: a disk is read no faster by many, and progress is of one file.
  const read = (operand: string): Promise<Artifact> => {
    const start = (): Promise<Artifact> => readForSigning(operand, signing, terminal);
    const artifact = last.then(start, start);
    last = artifact;
    return artifact;
  };
  return mapInOrder(bundles, {
    // A scheme without a hash signs the whole file, which is kept until then.
    atOnce: signing.hash === undefined ? 1 : maxAtOnce,
    work: async (bundle) => {
      const { file = "", path } = bundle;
      const { report } = await run.make(bundle, async (watch) => {
        const artifact = await read(file);
        return sign(artifact, await signing.open(), { ...signing.world, watch });
      });
      return { file, bundle: path, report };
    },
    tell: ({ bundle, report }) => {
      if (options.quiet !== true) terminal.err(formatSignedText(report, bundle, terminal));
    },
  });
}

function readForSigning(operand: string, { hash }: Signing, terminal: Terminal): Promise<Artifact> {
  const hashes = [...new Set<HashName>(["sha256", ...(hash === undefined ? [] : [hash])])];
  return readArtifact(operand, { hashes, keepBytes: hash === undefined ? maxKeepBytes : defaultKeepBytes }, terminal);
}

function outputsOf(operands: readonly string[], options: SignOptions): Output[] {
  if (options.bundle !== undefined && operands.length > 1) {
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--bundle",
      expected: "one file",
      got: `${operands.length} files`,
    });
  }
  if (options.bundle === "-" && options.json === true) {
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--bundle -",
      got: "--json as well, for the same standard output",
    });
  }
  const outputs = operands.map((operand) => ({ operand, path: options.bundle ?? defaultPathOf(operand) }));
  // A file that two patterns of a shell name is signed once: each signature stays in the log.
  const once = new Map<string, Output>();
  for (const each of outputs) if (!once.has(resolve(each.path))) once.set(resolve(each.path), each);
  return [...once.values()];
}

function defaultPathOf(operand: string): string {
  if (operand === "-" || isDigestOperand(operand))
    throw cliError("CLI_BUNDLE_NEEDED", { got: operand === "-" ? "standard input" : "a digest" });
  return bundleNameOf(operand);
}

/** What signing must not overwrite: all that it reads. */
export function preciousOf(operands: readonly string[], options: SignOptions): Precious[] {
  const named = [
    ...operands.map((path) => ({ path, what: "a file to sign" })),
    { path: options.key, what: "the key" },
    { path: options.identityToken, what: "the identity token" },
    { path: options.signingConfig, what: "the signing config" },
    { path: options.oidcClientSecretFile, what: "the client's secret" },
    { path: options.timestampClientCert, what: "the client certificate" },
    { path: options.timestampClientKey, what: "the client certificate's key" },
    { path: options.timestampClientCacert, what: "the timestamp authority's issuers" },
    ...(options.trustedRoot ?? []).map((path) => ({ path, what: "the trust root" })),
    ...(options.trustConfig === undefined ? [] : [{ path: options.trustConfig, what: "the trust config" }]),
  ];
  return named.flatMap(({ path, what }) => (path === undefined ? [] : [{ path, what }]));
}
