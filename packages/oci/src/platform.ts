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

/**
 * Whether an entry is one of BuildKit's unsigned attestation manifests: by its platform alone, on which no runtime runs.
 * The annotation that BuildKit puts there as well does not count, since runtimes pass over it and run the image.
 */
export function isBuildAttestation({ platform }: Descriptor): boolean {
  return platform?.os === "unknown" && platform.architecture === "unknown";
}

/**
 * Whether a runtime that looks for `wanted` could run what says that it is for `own`. Both are read as containerd reads
 * them: in any case, `x86_64` for `amd64`, `arm64` for `arm64/v8`. A wanted platform without a variant means every variant.
 */
export function isForPlatform(own: Platform, wanted: Platform): boolean {
  const [there, here] = [plainOf(own), plainOf(wanted)];
  return (
    (there.os === "" || there.os === here.os) &&
    there.architecture === here.architecture &&
    (wanted.variant === undefined || there.variant === here.variant)
  );
}

/** Entries without a platform are taken along, since a runtime may choose them, but do not stand for one. */
function matching(entries: readonly Descriptor[], wanted: Platform): readonly Descriptor[] {
  const found = entries.filter(({ platform }) => platform !== undefined && isForPlatform(platform, wanted));
  if (found.length === 0) throw ociError("OCI_PLATFORM_MISSING", { expected: formatPlatform(wanted) });
  return [...found, ...entries.filter(({ platform }) => platform === undefined)];
}

/** containerd's names for what others call differently: `[architecture, variant]`. */
const otherNames: ReadonlyMap<string, readonly [string, string?]> = new Map([
  ["i386", ["386", ""]],
  ["x86_64", ["amd64"]],
  ["x86-64", ["amd64"]],
  ["aarch64", ["arm64"]],
  ["armhf", ["arm", "v7"]],
  ["armel", ["arm", "v6"]],
]);
/** The variant that is meant where none is said. */
const usualVariant: ReadonlyMap<string, string> = new Map([
  ["amd64", "v1"],
  ["arm64", "v8"],
  ["arm", "v7"],
]);

function plainOf(platform: Platform): Required<Pick<Platform, "os" | "architecture" | "variant">> {
  const os = platform.os.toLowerCase();
  const said = platform.architecture.toLowerCase();
  const [architecture, implied] = otherNames.get(said) ?? [said];
  const variant = implied ?? (platform.variant ?? "").toLowerCase().replace(/^(?=[0-9])/, "v");
  return {
    os: os === "macos" ? "darwin" : os,
    architecture,
    variant: variant === "" ? (usualVariant.get(architecture) ?? "") : variant,
  };
}
