import { dirname, isAbsolute, join } from "node:path";
import { makeVerifier, parsePublicKey, parseUtf8, quote, TrustError, type Verifier } from "@countersign/core";
import { parsePolicy, type Policy, type PolicyKey } from "@countersign/policy";
import { extensionNames } from "@countersign/sigstore";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import { policyFileError } from "./policy-file-errors.ts";
import { readPublicKey, type Acceptance } from "./policy.ts";
import type { VerifyOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { parseYaml } from "./yaml.ts";

/**
 * Reads a policy file; keys in it are read from where it stands. What the command line asks for besides counts as well: the
 * predicate type if the file names none, and a waived log if it asks for none by number. Throws CLI_FILE_*, CLI_YAML_MALFORMED, CLI_OPTION_CONFLICT and the
 * errors of `parsePolicy`.
 */
export async function readPolicyFile(
  path: string,
  more: Pick<Policy, "require" | "predicateType">,
  options: Pick<VerifyOptions, "offline">,
  terminal: Terminal,
): Promise<Acceptance> {
  const [document, ...others] = parseYaml(parseUtf8(readSmallFile(path, "policy")), path);
  if (document === undefined || others.length > 0)
    throw cliError("CLI_YAML_MALFORMED", { checked: quote(path), expected: "one document" });
  const file = await parsePolicy(document.value, new Set(extensionNames.values()));
  const keys: Verifier[] = [];
  for (const key of file.keys) keys.push(await openKey(key, dirname(path), options, terminal));
  const policy = file.complete(keys.map(({ keyid }) => keyid));
  if (keys.length === 0 && policy.signers.every(({ kind }) => kind === "key"))
    throw policyFileError("CLI_KEYID_ALONE", { checked: quote(path) });
  if (
    more.predicateType !== undefined &&
    policy.predicateType !== undefined &&
    policy.predicateType !== more.predicateType
  )
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--type",
      expected: quote(policy.predicateType),
      got: quote(more.predicateType),
    });
  const entries = policy.require?.logEntries ?? 0;
  if (more.require?.logEntries === 0 && entries > 0)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--danger-no-log or --insecure-ignore-tlog",
      expected: `what the policy asks for, logEntries: ${entries}`,
    });
  return {
    policy: { ...policy, ...more, ...(policy.require && { require: { ...policy.require, ...more.require } }) },
    keys,
    ...(file.witnesses !== undefined && { witnesses: file.witnesses }),
    secondOpinion: file.secondOpinion,
  };
}

async function openKey(
  key: PolicyKey,
  folder: string,
  options: Pick<VerifyOptions, "offline">,
  terminal: Terminal,
): Promise<Verifier> {
  if ("reference" in key) {
    const isPath = !/^(?:[a-z][a-z0-9+.-]*:\/\/|pkcs11:)/i.test(key.reference);
    return await readPublicKey(
      isPath && !isAbsolute(key.reference) ? join(folder, key.reference) : key.reference,
      options,
      terminal,
    );
  }
  try {
    return makeVerifier(parsePublicKey(key.pem));
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw cliError("CLI_KEY_UNUSABLE", { checked: "pem", got: error.message }, error);
  }
}
