import { quote } from "@countersign/core";
import { formatPlatform, type Descriptor, type Platform } from "./descriptor.ts";
import { ociError } from "./errors.ts";
import type { ImageIndex } from "./manifest.ts";

/** Which images of an index are meant: the index alone, every one that can run, or those of some platforms. */
export type PlatformChoice = "root" | "all" | readonly Platform[];

/** The most images of one index that are judged. */
export const maxPlatforms: number = 256;

/** Reads `root`, `all`, or a list such as `linux/amd64,linux/arm64/v8`. Throws OCI_PLATFORM_MALFORMED. */
export function parsePlatforms(text: string): PlatformChoice {
  if (text === "root" || text === "all") return text;
  return text.split(",").map((each) => {
    const [os = "", architecture = "", variant, ...more] = each.split("/");
    const isPlain = [os, architecture, variant ?? "x"].every((part) => /^[a-z0-9][a-z0-9._-]{0,63}$/.test(part));
    if (!isPlain || more.length > 0) throw ociError("OCI_PLATFORM_MALFORMED", { got: quote(each) });
    return { os, architecture, ...(variant !== undefined && { variant }) };
  });
}

/**
 * The images of an index that a choice means. Attestation manifests that BuildKit puts beside images (platform
 * `unknown/unknown`) cannot run and are never meant. A platform that no image has is OCI_PLATFORM_MISSING.
 */
export function choosePlatforms(index: ImageIndex, choice: PlatformChoice): readonly Descriptor[] {
  if (choice === "root") return [];
  const runnable = index.manifests.filter((each) => !isBuildAttestation(each));
  const chosen = choice === "all" ? runnable : choice.flatMap((platform) => matching(runnable, platform));
  if (chosen.length > maxPlatforms)
    throw ociError("OCI_TOO_MANY", {
      checked: "platforms",
      expected: `at most ${maxPlatforms}`,
      got: `${chosen.length}`,
    });
  return chosen;
}

/** Whether an entry is one of BuildKit's unsigned attestation manifests. */
export function isBuildAttestation({ annotations, platform }: Descriptor): boolean {
  const isUnknown = platform?.os === "unknown" && platform.architecture === "unknown";
  return isUnknown || annotations.get("vnd.docker.reference.type") === "attestation-manifest";
}

/** A platform without a variant means every variant. */
function matching(entries: readonly Descriptor[], wanted: Platform): readonly Descriptor[] {
  const found = entries.filter(
    ({ platform }) =>
      platform?.os === wanted.os &&
      platform.architecture === wanted.architecture &&
      (wanted.variant === undefined || platform.variant === wanted.variant),
  );
  if (found.length === 0) throw ociError("OCI_PLATFORM_MISSING", { expected: formatPlatform(wanted) });
  return found;
}
