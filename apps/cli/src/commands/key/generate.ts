import { quote } from "@countersign/core";
import { makeKey, parseKubernetesReference, storeKubernetesPair, type KeyType } from "@countersign/sigstore/node";
import { cliError } from "../../errors.ts";
import { keyIoOf } from "../../key.ts";
import type { KeyCommandOptions } from "../../key-options.ts";
import { pathsOf, publicPathOf, reportPair, writePair, writePublicHalf } from "../../key-pair.ts";
import type { OutputOptions } from "../../options.ts";
import { newPassword } from "../../password.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign key generate`: both halves are written, or nothing. */
export async function keyGenerateCommand(
  [reference]: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as KeyCommandOptions;
  if (reference !== undefined) return generateInCluster(reference, options, terminal);
  const paths = pathsOf(options);
  const password = options.dangerUnencrypted === true ? undefined : await newPassword(options, terminal);
  const pair = await makeKey(typeOf(options), password);
  writePair(paths, pair, options);
  reportPair(paths, pair, options, terminal);
  return 0;
}

/** As cosign: the pair and its password go into a Secret, and the public half into a file as well. */
async function generateInCluster(reference: string, options: KeyCommandOptions, terminal: Terminal): Promise<number> {
  if (!reference.startsWith("k8s://"))
    throw cliError("CLI_OPTION_VALUE", { checked: "key", expected: "k8s://NAMESPACE/SECRET, or nothing for two files", got: quote(reference) }); // prettier-ignore
  const place = parseKubernetesReference(reference);
  if (options.dangerUnencrypted === true)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--danger-unencrypted", got: "a Secret, which holds the password too" }); // prettier-ignore
  const path = publicPathOf(options);
  const password = await newPassword(options, terminal);
  const pair = await makeKey(typeOf(options), password);
  await storeKubernetesPair(place, { ...pair, password }, keyIoOf(options, terminal));
  writePublicHalf(path, pair, options);
  reportPair({ private: reference, public: path }, pair, options, terminal);
  return 0;
}

/** The option offers only names of types. */
function typeOf({ type = "ecdsa-p256" }: KeyCommandOptions): KeyType {
  return type as KeyType;
}
