import { quote, TrustError } from "@countersign/core";
import { parseBundle } from "@countersign/sigstore";
import { isDigestOperand } from "./artifact.node.ts";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";

/** The bundle's default name in both directions. */
export function bundleNameOf(file: string): string {
  return `${file}.sigstore.json`;
}

/** Where the bundle of an artifact is: as given, or beside the file. Undefined for a digest or standard input. */
export function bundlePathOf(operand: string, given: string | undefined): string | undefined {
  if (given !== undefined) return given;
  return operand === "-" || isDigestOperand(operand) ? undefined : bundleNameOf(operand);
}

/** Reads a bundle's bytes. A missing default one is CLI_BUNDLE_MISSING, whose fix differs from that of a mistyped name. */
export function readBundle(path: string, given: string | undefined): Uint8Array {
  try {
    return readSmallFile(path, "bundle");
  } catch (error) {
    if (given !== undefined || !(error instanceof TrustError) || error.code !== "CLI_FILE_MISSING") throw error;
    throw cliError("CLI_BUNDLE_MISSING", { expected: quote(path) }, error);
  }
}

/**
 * Refuses as wrong usage a key for a certificate's bundle and the reverse. Reads what the bundle claims, so it proves
 * nothing; a bundle that cannot be read passes here, and the report says what is wrong with it.
 */
export function checkBundleKind(bytes: Uint8Array, wanted: "certificate" | "key", path: string): void {
  const kind = attemptKind(bytes);
  if (kind === "certificate" && wanted === "key") throw cliError("CLI_KEY_FOR_CERTIFICATE", quote(path));
  if (kind === "key" && wanted === "certificate") throw cliError("CLI_IDENTITY_FOR_KEY", quote(path));
}

function attemptKind(bytes: Uint8Array): "certificate" | "key" | undefined {
  try {
    return parseBundle(bytes).material.kind;
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}
