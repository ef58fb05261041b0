import { hash, quote, readObject, utf8, type Detail, type TrustError } from "@countersign/core";
import { tufError } from "./errors.ts";
import { compareVersions, parseVersion, type ReleaseVersion } from "./release-version.ts";
import type { TrustedTarget } from "./trusted-target.ts";

/**
 * What a repository says of a release in the signed `custom` member of a target:
 * `{"release": {"product": "app", "version": "1.4.0", "channel": "stable", "rollout_percent": 25, "minimum_version": "1.2.0",
 * "withdrawn": "loses data"}}`. Only `product` and `version` must be there.
 */
export interface Release {
  readonly product: string;
  readonly version: string;
  /** `stable` unless given. */
  readonly channel: string;
  /** How many of a hundred devices may have it, 0 to 100; 100 unless given. */
  readonly rolloutPercent: number;
  /** What a device must run to change to it directly. */
  readonly minimumVersion?: string;
  /** Why nobody should have it any more. */
  readonly withdrawn?: string;
}

/** A device that asks for what to run. */
export interface Device {
  readonly product: string;
  /** Chosen at random once and kept: it decides how early the device is in a rollout. It is hashed, and sent nowhere. */
  readonly installId: string;
  /** `stable` unless given. */
  readonly channel?: string;
  /** What it runs now; nothing yet unless given. */
  readonly version?: string;
}

/** What a device should run. */
export interface Selection {
  /** Undefined if it should stay as it is. */
  readonly chosen?: { readonly target: TrustedTarget; readonly release: Release };
  /** What it runs now was withdrawn, so that what was chosen may be older. */
  readonly isCurrentWithdrawn: boolean;
  /** Why each release was chosen or not, in the order given. */
  readonly verdicts: readonly ReleaseVerdict[];
}

/** How a release fared. */
export interface ReleaseVerdict {
  readonly name: string;
  readonly version: string;
  readonly verdict: "chosen" | "lower" | "not newer" | "withdrawn" | "other channel" | "not yet" | "too old a device";
}

/** Reads what a target's metadata says of a release; undefined if it says nothing. Throws TUF_RELEASE_MALFORMED. */
export function readRelease({ name, custom }: Pick<TrustedTarget, "name" | "custom">): Release | undefined {
  const at = `custom of ${quote(name)}`;
  if (typeof custom !== "object" || custom === null || Array.isArray(custom)) return undefined;
  const outer = readObject(custom, at, malformed);
  if (!outer.has("release")) return undefined;
  const reader = outer.object("release");
  const rolloutPercent = reader.has("rollout_percent") ? reader.number("rollout_percent") : 100;
  if (!Number.isInteger(rolloutPercent) || rolloutPercent < 0 || rolloutPercent > 100)
    throw malformed({ checked: `${at}.rollout_percent`, expected: "a whole number from 0 to 100" });
  const [minimumVersion, withdrawn] = [reader.optionalString("minimum_version"), reader.optionalString("withdrawn")];
  if (minimumVersion !== undefined) needVersion(minimumVersion);
  const version = reader.string("version");
  needVersion(version);
  return {
    product: reader.string("product"),
    version,
    channel: reader.optionalString("channel") ?? "stable",
    rolloutPercent,
    ...(minimumVersion === undefined ? {} : { minimumVersion }),
    ...(withdrawn === undefined ? {} : { withdrawn }),
  };
}

/**
 * Chooses the highest release of the device's product and channel that was not withdrawn, whose rollout has come to the device,
 * that it may change to directly and that is newer than what it runs; or, if what it runs was withdrawn, any other. The same
 * device and releases always give the same answer. Targets that are no releases are passed over. Throws TUF_RELEASE_MALFORMED.
 */
export function selectRelease(targets: readonly TrustedTarget[], device: Device): Selection {
  const candidates = targets.flatMap((target) => {
    const release = readRelease(target);
    return release?.product === device.product ? [{ target, release, version: needVersion(release.version) }] : [];
  });
  const current = device.version === undefined ? undefined : needVersion(device.version);
  const isCurrentWithdrawn = candidates.some(
    ({ release, version }) => release.withdrawn !== undefined && current && compareVersions(version, current) === 0,
  );
  const judged = candidates.map((each) => ({
    ...each,
    reason: refusalOf(each, device, isCurrentWithdrawn ? "any" : current),
  }));
  const fit = judged.filter(({ reason }) => reason === undefined);
  const best = fit.toSorted((a, b) => compareVersions(b.version, a.version))[0];
  const verdicts = judged.map(({ target, release, reason }): ReleaseVerdict => {
    const verdict = reason ?? (target === best?.target ? "chosen" : "lower");
    return { name: target.name, version: release.version, verdict };
  });
  const chosen = best && { target: best.target, release: best.release };
  return { isCurrentWithdrawn, verdicts, ...(chosen && { chosen }) };
}

/**
 * Where a device is in the rollout of a release, 0 to 9999: it has come to it once 100 × the percentage is higher. Each release
 * has another order, so that nobody is always first.
 */
export function rolloutPlace({ product, version }: Pick<Release, "product" | "version">, installId: string): number {
  const digest = hash("sha256", utf8(JSON.stringify(["countersign-rollout", product, version, installId])));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0) % 10_000;
}

interface Candidate {
  readonly release: Release;
  readonly version: ReleaseVersion;
}

function refusalOf(
  { release, version }: Candidate,
  device: Device,
  current: ReleaseVersion | "any" | undefined,
): ReleaseVerdict["verdict"] | undefined {
  if (release.withdrawn !== undefined) return "withdrawn";
  if (release.channel !== (device.channel ?? "stable")) return "other channel";
  if (typeof current === "object" && compareVersions(version, current) <= 0) return "not newer";
  const own = device.version === undefined ? undefined : parseVersion(device.version);
  const least = release.minimumVersion === undefined ? undefined : parseVersion(release.minimumVersion);
  if (own !== undefined && least !== undefined && compareVersions(own, least) < 0) return "too old a device";
  return rolloutPlace(release, device.installId) < release.rolloutPercent * 100 ? undefined : "not yet";
}

function needVersion(text: string): ReleaseVersion {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  throw malformed({ checked: "version", expected: "such as 1.2.3 or 1.2.3-rc.1", got: quote(text) });
}

function malformed(detail: Detail): TrustError {
  return tufError("TUF_RELEASE_MALFORMED", detail);
}
