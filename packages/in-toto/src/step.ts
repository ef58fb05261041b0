import { quote, TrustError } from "@countersign/core";
import { metadataOf, proveBundle, type BundleProver, type Prover } from "./bundle.ts";
import { checkCertificateSignature } from "./certificate-path.ts";
import { inTotoError } from "./errors.ts";
import type { LayoutKey } from "./key.ts";
import type { Layout, Step } from "./layout.ts";
import type { Link } from "./link.ts";
import type { LinkSource } from "./link-source.ts";
import { parseEvidence, type Metadata } from "./metadata.ts";
import type { Mode } from "./mode.ts";
import { checkSignature } from "./signature.ts";

/** What an authorised functionary signed; of what it says nothing is proved yet. */
export type SignedStep = SignedBy &
  ({ readonly type: "link"; readonly link: Link } | { readonly type: "layout"; readonly metadata: Metadata });

/** Who signed for a step. */
export interface SignedBy {
  /** The authorised id under whose first 8 characters the file was found. */
  readonly keyid: string;
  /** The key that the layout lists. */
  readonly key: LayoutKey;
  /** SHA-256 of the very key that signed: of `key`, or of one of its subkeys. */
  readonly materialId: string;
  /** Whose name the signature goes by: a person with two certificates is one. */
  readonly person: string;
  /** Who signed, where, and when, as far as a Sigstore bundle proved it. */
  readonly proved?: Prover;
}

/** A file that counts for nothing, and why. */
export interface Ignored {
  readonly keyid: string;
  readonly error: TrustError;
}

/** What was found for a step. */
export interface StepSignatures {
  readonly signed: readonly SignedStep[];
  readonly ignored: readonly Ignored[];
}

/** What finding and checking the evidence of steps needs. */
export interface StepContext {
  readonly layout: Layout;
  readonly links: LinkSource;
  readonly mode: Mode;
  readonly now: Date;
  readonly bundles?: BundleProver | undefined;
}

/** How many keys of one step are asked for. */
export const maxStepKeys = 10_000;

/**
 * Finds who signed for a step. Opens `<step>.<first 8 of the key id>.link` of every authorised
 * key, then of its subkeys, then (strict) of every certificate; missing files are passed over, a broken one ends it all. A file whose signature is bad,
 * expired or of another key is set aside. Does not look at what was signed, nor at whether they are enough: `checkEnough`
 * does. Throws what reading, parsing and unusable keys throw.
 */
export function proveStep(step: Step, context: StepContext): StepSignatures {
  const signed: SignedStep[] = [];
  const ignored: Ignored[] = [];
  for (const keyid of keyidsOf(step, context.layout)) {
    const bytes = context.links.open(step.name, keyid.slice(0, 8));
    if (bytes === undefined) continue;
    // Only what it says is kept: the bytes of a link may be many.
    const outcome = readSigned(keyid, bytes, { step, ...context });
    if (outcome instanceof TrustError) ignored.push({ keyid, error: outcome });
    else signed.push(outcome);
  }
  // The reference knows nothing of certificates.
  if (context.mode === "strict") addCertified(step, context, { signed, ignored });
  return { signed, ignored };
}

/**
 * Proves that enough functionaries signed for a step: as many files as the threshold, and as many keys of different
 * material and people of different names (in compat: main keys of different ids). Throws INTOTO_LINK_MISSING, INTOTO_THRESHOLD.
 */
export function checkEnough(step: Step, found: StepSignatures, mode: Mode): void {
  checkCount(step, found);
  checkThreshold(step, found, mode);
}

/** Adds the files whose certificate the step allows (ITE-7), whatever key ids they are named after. */
function addCertified(
  step: Step,
  context: StepContext,
  { signed, ignored }: { signed: SignedStep[]; ignored: Ignored[] },
): void {
  if (step.certificateConstraints.length === 0) return;
  const seen = new Set([...signed, ...ignored].map(({ keyid }) => keyid.slice(0, 8)));
  const others = (context.links.list?.(step.name) ?? []).filter((keyid8) => !seen.has(keyid8));
  if (others.length > maxStepKeys)
    throw inTotoError("INTOTO_TOO_LARGE", { checked: checkedOf(step), expected: `at most ${maxStepKeys} links` });
  for (const keyid8 of others) {
    const bytes = context.links.open(step.name, keyid8);
    if (bytes === undefined) continue;
    const metadata = parseEvidence(bytes, context.mode);
    // A bundle is looked for under its functionary's id; one that lies here is nobody's.
    if (metadata === "bundle") continue;
    const outcome = readCertified(keyid8, metadata, { step, ...context });
    if (outcome instanceof TrustError) ignored.push({ keyid: keyid8, error: outcome });
    else signed.push(outcome);
  }
}

function readCertified(
  keyid8: string,
  metadata: Metadata,
  { step, layout, now }: StepContext & { readonly step: Step },
): SignedStep | TrustError {
  const signature = metadata.signatures.find(
    ({ keyid, certificate }) => certificate !== undefined && keyid.startsWith(keyid8),
  );
  if (signature === undefined)
    return inTotoError("INTOTO_LINK_UNUSABLE", {
      checked: checkedOf(step),
      expected: "a signature with a certificate",
      got: quote(keyid8),
    });
  try {
    const rules = { authorities: layout.authorities, constraints: step.certificateConstraints, nowMs: now.getTime() };
    const { key, person } = checkCertificateSignature(metadata, signature, rules);
    const by = { keyid: signature.keyid, key, materialId: key.materialId, person };
    return metadata.type === "link"
      ? { ...by, type: "link", link: metadata.link }
      : { ...by, type: "layout", metadata };
  } catch (error) {
    // A certificate is the stranger's own: whatever is wrong with it, it is only this file that does not count.
    if (error instanceof TrustError) return error;
    throw error;
  }
}

function keyidsOf(step: Step, layout: Layout): ReadonlySet<string> {
  const keyids = new Set(step.pubkeys.flatMap((keyid) => [keyid, ...(layout.keys.get(keyid)?.subkeys.keys() ?? [])]));
  if (keyids.size <= maxStepKeys) return keyids;
  throw inTotoError("INTOTO_TOO_LARGE", { checked: checkedOf(step), expected: `at most ${maxStepKeys} keys` });
}

/** With these the file is set aside; anything else means that nobody can tell what it is. */
const setAside: ReadonlySet<string> = new Set([
  "INTOTO_LINK_UNUSABLE",
  "INTOTO_SIGNATURE_MISSING",
  "INTOTO_SIGNATURE_BAD",
  "INTOTO_KEY_EXPIRED",
  "INTOTO_BUNDLE_NEEDED",
  "INTOTO_BUNDLE_UNTRUSTED",
  "INTOTO_IDENTITY_MISMATCH",
]);

function readSigned(
  keyid: string,
  bytes: Uint8Array,
  context: StepContext & { readonly step: Step },
): SignedStep | TrustError {
  const evidence = parseEvidence(bytes, context.mode);
  try {
    const key = keyFor(keyid, context.step, context.layout);
    const metadata = evidence === "bundle" ? metadataOf(proveBundle(bytes, key, context.bundles)) : evidence;
    const { keyid: signedId } = checkSignature(metadata, key, context.now.getTime());
    const { materialId } = key.subkeys.get(signedId) ?? key;
    if (metadata.type === "link" && metadata.contentError !== undefined) throw metadata.contentError;
    const { proved } = metadata;
    const by = { keyid, key, materialId, person: key.materialId, ...(proved === undefined ? {} : { proved }) };
    return metadata.type === "link"
      ? { ...by, type: "link", link: metadata.link }
      : { ...by, type: "layout", metadata };
  } catch (error) {
    if (error instanceof TrustError && setAside.has(error.code)) return error;
    throw error;
  }
}

/** The listed key that answers for a key id: itself, or the main key of the subkey that it is. */
function keyFor(keyid: string, step: Step, layout: Layout): LayoutKey {
  for (const authorised of step.pubkeys) {
    const listed = layout.keys.get(authorised);
    const main = keyid === authorised ? (listed ?? mainKeyOf(authorised, layout)) : undefined;
    if (main !== undefined) return main;
    if (listed?.subkeys.has(keyid) === true) return listed;
  }
  throw inTotoError("INTOTO_LINK_UNUSABLE", {
    checked: checkedOf(step),
    expected: "a key that the layout lists",
    got: quote(keyid),
  });
}

function mainKeyOf(subkeyId: string, layout: Layout): LayoutKey | undefined {
  return [...layout.keys.values()].findLast((key) => key.subkeys.has(subkeyId));
}

function checkCount(step: Step, { signed, ignored }: StepSignatures): void {
  const count = signed.length + ignored.length;
  if (count >= step.threshold) return;
  throw inTotoError("INTOTO_LINK_MISSING", {
    checked: checkedOf(step),
    expected: `links of ${step.threshold} functionaries`,
    got: `${count}`,
  });
}

function checkThreshold(step: Step, { signed, ignored }: StepSignatures, mode: Mode): void {
  const keyids = new Set(signed.map(({ key }) => key.keyid)).size;
  const main = new Set(signed.map(({ key }) => key.materialId)).size;
  const own = new Set(signed.map(({ materialId }) => materialId)).size;
  const people = new Set(signed.map(({ person }) => person)).size;
  const count = mode === "compat" ? keyids : Math.min(keyids, main, own, people);
  if (count >= step.threshold) return;
  const why = ignored.map(({ keyid, error }) => `; ${quote(keyid.slice(0, 8))}: ${error.message}`).join("");
  throw inTotoError("INTOTO_THRESHOLD", {
    checked: checkedOf(step),
    expected: `${step.threshold} functionaries with keys of their own`,
    got: `${count}${why.slice(0, 2000)}`,
  });
}

function checkedOf(step: Step): string {
  return `step ${quote(step.name)}`;
}
