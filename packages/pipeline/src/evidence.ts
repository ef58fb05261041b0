import { attempt, hashNames, type HashName, type Verifier } from "@countersign/core";
import { parseBundle, readingOf, readStatement, type Bundle, type Reading } from "@countersign/sigstore";

/** Bytes that may say something about the artifact, and where they came from. Unverified. */
export interface EvidenceFile {
  readonly source: string;
  readonly bytes: Uint8Array;
  /** The bytes as `openEvidence` parsed them; then nobody parses them again. */
  readonly bundle?: Bundle;
}

/** Parses a file once and for all. One that does not parse comes back as it is: `inspect` reports it. */
export function openEvidence(file: EvidenceFile): EvidenceFile {
  const bundle = attemptParse(file);
  return bundle === undefined ? file : { ...file, bundle };
}

/**
 * How the artifact must be read so that it can be checked against every file: which hashes, and whether the message
 * itself is needed. Files that do not parse ask for nothing here; `inspect` reports them.
 */
export function readingFor(files: readonly EvidenceFile[], keys: readonly Verifier[]): Reading {
  const readings = files.flatMap((file) => attemptReadings(file, keys));
  const hashes = new Set<HashName>(["sha256", ...readings.flatMap((reading) => reading.hashes)]);
  return { hashes: [...hashes], wholeMessage: readings.some((reading) => reading.wholeMessage) };
}

/**
 * The digests of what a file says it is about, to choose by among many: whoever made it chose them, and `inspect` looks again.
 * Undefined if it does not say, or does not parse: such a file may be about anything.
 */
export function claimedDigests(file: EvidenceFile): readonly string[] | undefined {
  const content = (file.bundle ?? attemptParse(file))?.content;
  if (content?.kind === "message") return content.digest === undefined ? undefined : [content.digest];
  const statement = content && attempt(() => readStatement(content.envelope));
  const digests = statement?.subjects.flatMap(({ digest }) =>
    hashNames.flatMap((name) => {
      const value = digest[name];
      return value === undefined ? [] : [`${name}:${value.toLowerCase()}`];
    }),
  );
  return digests?.length === 0 ? undefined : digests;
}

function attemptReadings(file: EvidenceFile, keys: readonly Verifier[]): readonly Reading[] {
  const bundle = file.bundle ?? attemptParse(file);
  if (bundle === undefined) return [];
  const spkis: readonly (Uint8Array | undefined)[] = keys.length === 0 ? [undefined] : keys.map((key) => key.spki);
  return spkis.flatMap((spki) => attempt(() => readingOf(bundle, spki)) ?? []);
}

function attemptParse({ bytes }: EvidenceFile): Bundle | undefined {
  return attempt(() => parseBundle(bytes));
}
