import { parseUtf8, quote, type Finding } from "@countersign/core";
import { makeSigningConfig, makeTrustRoot, type SigningConfigParts } from "@countersign/sigstore";
import { cliError } from "../../errors.ts";
import { checkOutput, writeAtomic, type Precious } from "../../output.node.ts";
import { formatJson } from "../../render-json.ts";
import { plain, warningLine } from "../../render-text.ts";
import { isKnownPart, readAuthorityPart, readLogPart, readSelector, readServicePart } from "../../trust-part.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { TrustCreateOptions } from "../../trust-options.ts";

/** `countersign trust create`: both files are made and read back before either is written; a signing config can be had alone. */
export async function trustCreateCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as TrustCreateOptions;
  const outputs = checkOutputs(options);
  const nowMs = terminal.now().getTime();
  const { trustedRoot, signingConfig, findings } = isConfigAlone(options)
    ? makeConfigAlone(options, nowMs)
    : makeFiles(options, nowMs);
  if (options.output === undefined && options.json !== true) terminal.out(trustedRoot);
  if (options.output !== undefined) writeAtomic(options.output, parseUtf8(trustedRoot));
  if (options.outputSigningConfig !== undefined) writeAtomic(options.outputSigningConfig, parseUtf8(signingConfig));
  if (options.json === true)
    terminal.out(formatJson({ schema: "countersign.trust-create/v1", files: outputs, findings }));
  if (options.quiet !== true) {
    const written = outputs.map((path) => `written: ${plain(path)}`);
    terminal.err(
      [...findings.map((finding) => warningLine(finding, terminal)), ...written].map((line) => `${line}\n`).join(""),
    );
  }
  return 0;
}

interface Files {
  /** Empty if only a signing config is made. */
  readonly trustedRoot: Uint8Array;
  /** Empty if nobody asked for it. */
  readonly signingConfig: Uint8Array;
  readonly findings: readonly Finding[];
}

/** Whether services are named and no key or certificate of theirs, as for cosign's `signing-config create`. */
function isConfigAlone({
  output,
  outputSigningConfig,
  fulcio = [],
  ctfe = [],
  rekor = [],
  tsa = [],
}: TrustCreateOptions): boolean {
  const isAsked = outputSigningConfig !== undefined && output === undefined && ctfe.length === 0;
  return isAsked && ![...fulcio, ...rekor, ...tsa].some(isKnownPart);
}

function makeConfigAlone(options: TrustCreateOptions, nowMs: number): Files {
  const { fulcio = [], rekor = [], tsa = [] } = options;
  const services = {
    fulcio: fulcio.map((text) => readServicePart("--fulcio", text, nowMs)),
    rekor: rekor.map((text) => readServicePart("--rekor", text, nowMs)),
    tsa: tsa.map((text) => readServicePart("--tsa", text, nowMs)),
  };
  return { trustedRoot: new Uint8Array(), signingConfig: makeConfig(services, options, nowMs), findings: [] };
}

function makeFiles(options: TrustCreateOptions, nowMs: number): Files {
  const fulcio = (options.fulcio ?? []).map((text) => readAuthorityPart("--fulcio", text));
  const ctfe = (options.ctfe ?? []).map((text) => readLogPart("--ctfe", text));
  const rekor = (options.rekor ?? []).map((text) => readLogPart("--rekor", text));
  const tsa = (options.tsa ?? []).map((text) => readAuthorityPart("--tsa", text));
  const { bytes, findings } = makeTrustRoot({
    version: options.rootVersion ?? "0.1",
    authorities: fulcio.map(({ part }) => part),
    timestampAuthorities: tsa.map(({ part }) => part),
    logs: rekor.map(({ part }) => part),
    ctLogs: ctfe.map(({ part }) => part),
    nowMs,
  });
  const services = { fulcio: serviceOf(fulcio), rekor: serviceOf(rekor), tsa: serviceOf(tsa) };
  return { trustedRoot: bytes, signingConfig: makeConfig(services, options, nowMs), findings };
}

/** The signing config, whose options are read in any case; empty if nobody asked for it. */
function makeConfig(
  services: Pick<SigningConfigParts, "fulcio" | "rekor" | "tsa">,
  options: TrustCreateOptions,
  nowMs: number,
): Uint8Array {
  const oidc = (options.oidcProvider ?? []).map((text) => readServicePart("--oidc-provider", text, nowMs));
  const rekorSelector = readSelector("--rekor-config", options.rekorConfig);
  const tsaSelector = readSelector("--tsa-config", options.tsaConfig);
  if (options.outputSigningConfig === undefined) return new Uint8Array();
  return makeSigningConfig({ ...services, oidc, rekorSelector, tsaSelector, nowMs });
}

function serviceOf<T>(parts: readonly { readonly service: T }[]): readonly T[] {
  return parts.map(({ service }) => service);
}

/** The paths that will be written, none of which may be an input or hold a private key. */
function checkOutputs(options: TrustCreateOptions): readonly string[] {
  const { output, outputSigningConfig, json } = options;
  if (output === undefined && json === true && !isConfigAlone(options))
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--json", expected: "--output beside it" });
  if (output !== undefined && output === outputSigningConfig)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--output and --output-signing-config", got: quote(output) });
  const outputs = [output, outputSigningConfig].filter((path) => path !== undefined);
  for (const path of outputs) checkOutput(path, preciousOf(options));
  return outputs;
}

function preciousOf({ fulcio = [], ctfe = [], rekor = [], tsa = [] }: TrustCreateOptions): readonly Precious[] {
  return [...fulcio, ...ctfe, ...rekor, ...tsa]
    .flatMap((text) => /(?:^|,)\s*(?:certificate-chain|public-key)=([^,]+)/.exec(text)?.[1] ?? [])
    .map((path) => ({ path, what: "a part of the trust root" }));
}
