import { existsSync, statSync } from "node:fs";
import { nameOfPredicateType, predicateNames, quote, TrustError } from "@countersign/core";
import { readingFor as readingOfAll, type EvidenceFile } from "@countersign/pipeline";
import type { Reading } from "@countersign/sigstore";
import { isDigestOperand } from "./artifact.node.ts";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import type { VerifyOptions } from "./options.ts";
import type { Acceptance } from "./policy.ts";
import { shellQuoted } from "./render-text.ts";

/** The bundle's default name in both directions. */
export function bundleNameOf(file: string): string {
  return `${file}.sigstore.json`;
}

/** The default name of an attestation, which leaves the bundle of the file's own signature alone. */
export function attestationNameOf(file: string, predicateType: string): string {
  return `${file}.${nameOfPredicateType(predicateType)}.sigstore.json`;
}

function signatureNameOf(file: string): string {
  const former = `${file}.sigstore`;
  return !existsSync(bundleNameOf(file)) && existsSync(former) ? former : bundleNameOf(file);
}

/** What is looked for: which file's bundle, and of which predicate type if of one. */
export interface Wanted {
  readonly operand: string;
  readonly given?: string | undefined;
  readonly predicateType?: string | undefined;
}

/**
 * Where the bundle is: as given, or beside the file, where the name that bundles had before also counts if there is none of
 * today's (client-spec §4.1.1). Undefined for a digest or standard input.
 */
export function bundlePathOf({ operand, given, predicateType }: Wanted): string | undefined {
  if (given !== undefined) return given;
  if (operand === "-" || isDigestOperand(operand)) return undefined;
  if (predicateType === undefined) return signatureNameOf(operand);
  const own = attestationNameOf(operand, predicateType);
  // Other tools put an attestation where a signature would be.
  return !existsSync(own) && existsSync(bundleNameOf(operand)) ? bundleNameOf(operand) : own;
}

/** The files that hold several bundles or may, as the options say. */
export function bundlesOf({
  bundle,
  bundles,
}: Pick<VerifyOptions, "bundle" | "bundles">): readonly string[] | undefined {
  return bundles ?? (bundle?.endsWith(".jsonl") === true ? [bundle] : undefined);
}

/**
 * Reads a bundle's bytes. A missing default one is CLI_BUNDLE_MISSING, whose fix differs from that of a mistyped name.
 * One that nobody named must be a plain file: a pipe that came out of an archive would keep us waiting for ever.
 */
export function readBundle(path: string, given: string | undefined): Uint8Array {
  if (given === undefined && isPipeOrDevice(path)) {
    throw cliError("CLI_FILE_UNREADABLE", { checked: `bundle ${quote(path)}`, expected: "a plain file" });
  }
  try {
    return readSmallFile(path, "bundle");
  } catch (error) {
    if (given !== undefined || !(error instanceof TrustError) || error.code !== "CLI_FILE_MISSING") throw error;
    throw bundleMissing(path, error);
  }
}

/** Names an attestation that lies beside the file instead, since that is what was probably meant. */
function bundleMissing(path: string, cause: TrustError): TrustError {
  const missing = cliError("CLI_BUNDLE_MISSING", { expected: quote(path) }, cause);
  const file = path.replace(/\.sigstore\.json$/, "");
  const names = new Set([...predicateNames.map(({ name }) => name), "attestation"]);
  const beside = [...names].map((name) => bundleNameOf(`${file}.${name}`)).find((other) => existsSync(other));
  if (beside === undefined) return missing;
  const fix = `there is an attestation beside it: give --type, or --bundle ${shellQuoted(beside)}`;
  const { code, kind, detail } = missing;
  return new TrustError(code, { kind, says: "there is no bundle beside the file", fix }, detail, cause);
}

/** What cannot be looked at is left to the one who opens it. */
function isPipeOrDevice(path: string): boolean {
  try {
    const stats = statSync(path);
    return !stats.isFile() && !stats.isDirectory();
  } catch {
    return false;
  }
}

/**
 * How the artifact must be read to be checked against this bundle by those who are accepted.
 * Refuses as wrong usage a key for a certificate's bundle and the reverse. All this goes by what the bundle claims and
 * proves nothing; a bundle that could not be read asks for nothing here, and the report says what is wrong with it.
 */
export function readingFor(file: EvidenceFile, { policy, keys }: Pick<Acceptance, "policy" | "keys">): Reading {
  const { bundle, source } = file;
  if (bundle === undefined) return { hashes: ["sha256"], wholeMessage: false };
  const takesCertificates = policy.signers.some((rule) => rule.kind === "certificate");
  if (bundle.material.kind === "certificate" && !takesCertificates)
    throw cliError("CLI_KEY_FOR_CERTIFICATE", quote(source));
  if (bundle.material.kind === "key" && keys.length === 0) throw cliError("CLI_IDENTITY_FOR_KEY", quote(source));
  return readingOfAll([file], bundle.material.kind === "key" ? keys : []);
}
