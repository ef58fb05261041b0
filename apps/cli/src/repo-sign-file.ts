import { makeVerifier, parseUtf8, quote, type Signer } from "@countersign/core";
import {
  authorityOfRoot,
  describeChanges,
  describeDraft,
  formatChange,
  formatDraft,
  formatSignerKey,
  isTopRole,
  maxDraftBytes,
  parseDraft,
  signDraft,
  typeOf,
  versionOf,
  type Authority,
  type Draft,
} from "@countersign/tuf";
import { isAnybodyThere } from "./ci.ts";
import { cliError } from "./errors.ts";
import { repoError } from "./repo-errors.ts";
import { readSmallFile } from "./input.node.ts";
import { checkOutput, writeAtomic } from "./output.node.ts";
import { formatJson } from "./render-json.ts";
import { plain } from "./render-text.ts";
import { openSigners } from "./repo.ts";
import type { RepoSignOptions } from "./repo-options.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Signs one metadata file away from its repository, as a person at a ceremony does: shows what changes against the published
 * version, asks, and writes the file with the signature added.
 */
export async function signFile(path: string, options: RepoSignOptions, terminal: Terminal): Promise<number> {
  const { key = [], output = path } = options;
  if (key.length === 0) throw cliError("CLI_USAGE", "required option '--key <ref>' not specified");
  const draft = readDraft(path);
  const base = options.base === undefined ? undefined : readDraft(options.base);
  const type = typeOf(draft);
  if (base !== undefined) checkBase(base, draft);
  checkOutput(output, [
    ...key.map((each) => ({ path: each, what: "the key" })),
    ...(options.base === undefined ? [] : [{ path: options.base, what: "the base" }]),
  ]);
  const signers = await openSigners(key, options, terminal);
  const authorities = authoritiesFor(draft, base, options, signers);
  if (options.quiet !== true) show(type, draft, base, terminal);
  await checkSigning([type], options, terminal);
  const signed = await signDraft(draft, signers, authorities);
  if (signed.keyids.length === 0) throw repoError("CLI_REPO_NOTHING_TO_SIGN", { checked: quote(path) });
  writeAtomic(output, parseUtf8(formatDraft(signed.draft)));
  const facts = { path: output, type, version: versionOf(draft), keyids: signed.keyids };
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.repo-sign-file/v1", ...facts }));
  const by = signed.keyids.map((id) => plain(id.slice(0, 8))).join(", ");
  if (options.quiet !== true) terminal.err(`${terminal.style("green", "signed:")} ${plain(output)} by ${by}\n`);
  return 0;
}

/** Gets a yes to signing what was shown: by --yes, or by asking. Throws CLI_REPO_YES_NEEDED, CLI_REPO_YES_REFUSED. */
export async function checkSigning(
  roles: readonly string[],
  options: RepoSignOptions,
  terminal: Terminal,
): Promise<void> {
  if (options.yes === true) return;
  const names = roles.map(plain).join(", ");
  if (!isAnybodyThere(terminal)) throw repoError("CLI_REPO_YES_NEEDED", { checked: names });
  const answer = await terminal.ask(`countersign: sign ${names}? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw repoError("CLI_REPO_YES_REFUSED");
}

function readDraft(path: string): Draft {
  return parseDraft(readSmallFile(path, "metadata", maxDraftBytes));
}

/** The base must be what the draft follows, or the differences that are shown would not be those that are signed. */
function checkBase(base: Draft, draft: Draft): void {
  const isSameType = base.signed["_type"] === draft.signed["_type"];
  if (isSameType && versionOf(base) + 1 === versionOf(draft)) return;
  const expected = `${typeOf(draft)} ${versionOf(draft) - 1}`;
  throw cliError("CLI_OPTION_CONFLICT", {
    checked: "--base",
    expected: quote(expected),
    got: quote(`${typeOf(base)} ${versionOf(base)}`),
  });
}

/** Root says itself who signs it; of top-level roles the root says so that is given. Otherwise the key's own id is taken. */
function authoritiesFor(
  draft: Draft,
  base: Draft | undefined,
  options: RepoSignOptions,
  signers: readonly Signer[],
): readonly Authority[] {
  const type = typeOf(draft);
  if (type === "root")
    return [draft, ...(base === undefined ? [] : [base])].map((root) => authorityOfRoot(root, "root"));
  if (options.root !== undefined && isTopRole(type)) return [authorityOfRoot(readDraft(options.root), type)];
  return signers.map((signer) => {
    const { keyid } = formatSignerKey(signer);
    const verifier = makeVerifier(signer.spki, signer.algorithm.name);
    return { source: "the key", threshold: 1, keys: [{ keyid, verifier }] };
  });
}

function show(type: string, draft: Draft, base: Draft | undefined, terminal: Terminal): void {
  const changes = describeChanges(base, draft).map((change) => `  ${formatChange(change)}\n`);
  terminal.err(`${describeDraft(type, draft)}\n${changes.join("")}`);
}
