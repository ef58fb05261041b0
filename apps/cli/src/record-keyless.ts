import { readdirSync } from "node:fs";
import { join } from "node:path";
import { quote, TrustError } from "@countersign/core";
import { inTotoError, parseEvidence, proveMetadata, type LayoutKey, type Link } from "@countersign/in-toto";
import {
  beginRecord,
  finishRecord,
  linkFileName,
  readLinkFile,
  removeLinkFile,
  startedLinkOf,
  unfinishedFileName,
  type SessionStart,
  type SessionStop,
  type WrittenLink,
} from "@countersign/in-toto/node";
import { checkDirectory } from "./input.node.ts";
import { openBundle } from "./link-bundle.ts";
import { makeIdentitySigning } from "./link-signing.ts";
import { loadProver } from "./link-trust.ts";
import type { EvidenceOptions } from "./evidence-options.ts";
import type { Terminal } from "./terminal.ts";

type Recorded = WrittenLink & { readonly keyid: string };

/** `record start` as whoever the identity token names: the unfinished link is a Sigstore bundle, with its entry in a log. */
export async function startAsIdentity(
  start: SessionStart,
  options: EvidenceOptions,
  terminal: Terminal,
): Promise<Recorded> {
  const sign = await makeIdentitySigning(options, terminal);
  const outcome = await beginRecord(start);
  return { ...outcome, ...(await sign(outcome.link, (keyid) => unfinishedFileName(start.step, keyid))) };
}

/**
 * `record stop` as whoever began it: proves the unfinished bundle, adds products, signs, and writes nothing if the token names
 * somebody else. Throws INTOTO_RECORD_NOT_STARTED, INTOTO_BUNDLE_UNTRUSTED, INTOTO_IDENTITY_MISMATCH.
 */
export async function stopAsIdentity(
  stop: SessionStop,
  options: EvidenceOptions,
  terminal: Terminal,
): Promise<Recorded> {
  const path = findUnfinished(stop.step, options);
  const sign = await makeIdentitySigning(options, terminal);
  const { link, identity } = await proveStarted(path, stop.step, options, terminal);
  const outcome = await finishRecord(stop, link);
  const signed = await sign(outcome.link, (keyid) => {
    if (keyid === identity.keyid) return linkFileName(stop.step, keyid);
    throw inTotoError("INTOTO_IDENTITY_MISMATCH", {
      checked: quote(path),
      expected: `who began it, ${identity.keyid.slice(0, 8)}`,
      got: keyid.slice(0, 8),
    });
  });
  removeLinkFile(path);
  return { ...outcome, ...signed };
}

/** Nobody knows whom the token will name: the file tells who began. */
function findUnfinished(step: string, options: EvidenceOptions): string {
  const directory = checkDirectory(options.metadataDir ?? ".", "metadata directory");
  const names = readdirSync(directory).filter((name) => {
    const keyid8 = name.slice(-"12345678.link-unfinished".length, -".link-unfinished".length);
    return /^[0-9a-f]{8}$/.test(keyid8) && name === unfinishedFileName(step, keyid8);
  });
  const bundles = names.filter((name) => isBundle(join(directory, name)));
  const [only, ...more] = bundles;
  if (only !== undefined && more.length === 0) return join(directory, only);
  throw inTotoError("INTOTO_RECORD_NOT_STARTED", {
    checked: `step ${quote(step)}`,
    expected: "one unfinished link by an identity",
    got: `${bundles.length}`,
  });
}

/** What a key began, or is damaged, is somebody else's. */
function isBundle(path: string): boolean {
  try {
    return parseEvidence(readLinkFile(path), "strict") === "bundle";
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}

interface Started {
  readonly link: Link;
  readonly identity: LayoutKey;
}

async function proveStarted(
  path: string,
  step: string,
  options: EvidenceOptions,
  terminal: Terminal,
): Promise<Started> {
  const bytes = readLinkFile(path);
  const { identity } = openBundle(bytes);
  if (identity === undefined)
    throw inTotoError("INTOTO_RECORD_NOT_STARTED", { checked: quote(path), expected: "a bundle with a certificate" });
  const prover = await loadProver(options, terminal.now(), terminal);
  return { link: startedLinkOf(proveMetadata(bytes, identity, prover), path, step), identity };
}
