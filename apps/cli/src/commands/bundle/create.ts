import { parseUtf8 } from "@countersign/core";
import { parseCertificateFile, parseDetached, parseSignatureFile } from "@countersign/sigstore";
import { bundleNameOf } from "../../bundle.ts";
import { withLookup } from "../../bundle-lookup.ts";
import type { BundleOptions } from "../../bundle-options.ts";
import { asCurrent, checkBundleOutput, withHint, writeBundle } from "../../bundle-output.ts";
import { checkPresent, readSmallFile } from "../../input.node.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign bundle create FILE`: a bundle of a signature, certificate and log promise in files of their own, unverified. */
export async function bundleCreateCommand(
  operands: readonly string[],
  options: BundleOptions,
  terminal: Terminal,
): Promise<number> {
  const [artifact = ""] = operands;
  const { signature = `${artifact}.sig`, certificate, certificateChain, rekorBundle, rfc3161Timestamp } = options;
  const output = options.output ?? bundleNameOf(artifact);
  checkBundleOutput(output, options);
  checkPresent(artifact, "artifact");
  const pem = certificate && parseCertificateFile(readSmallFile(certificate, "certificate"));
  const chain = certificateChain && parseCertificateFile(readSmallFile(certificateChain, "certificate chain"));
  const logBundle = rekorBundle && parseUtf8(readSmallFile(rekorBundle, "log bundle"));
  const timestamp = rfc3161Timestamp && parseUtf8(readSmallFile(rfc3161Timestamp, "timestamp"));
  const bundle = parseDetached({
    signed: parseSignatureFile(readSmallFile(signature, "signature")),
    ...(pem && { certificate: pem }),
    ...(chain && { chain }),
    ...(logBundle && { logBundle }),
    ...(timestamp && { timestamp }),
  });
  const hinted = await withLookup(await withHint(bundle, artifact, terminal), options, terminal);
  writeBundle(asCurrent(hinted, { from: `${signature}, a signature by itself`, artifact }), output, options, terminal);
  return 0;
}
