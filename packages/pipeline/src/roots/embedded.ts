/** Where an embedded trust root was taken from. */
export interface RootSource {
  readonly package: string;
  readonly version: string;
  /** The day the package's version was released, ISO 8601: no key that came later is in it. */
  readonly date: string;
  readonly licence: string;
}

/** What is embedded of one Sigstore instance; JSON texts, unparsed. */
export interface EmbeddedRoot {
  readonly trustedRoot: string;
  readonly signingConfig: string | undefined;
  readonly source: RootSource;
}

/** Sigstore instances whose trust root is embedded. */
export type InstanceName = "public-good" | "staging" | "github";

const loaders: Readonly<Record<InstanceName, () => Promise<EmbeddedRoot>>> = {
  "public-good": () => import("./public-good.ts"),
  staging: () => import("./staging.ts"),
  github: () => import("./github.ts"),
};

/** The names of the embedded instances, the default first. */
export const instanceNames: readonly InstanceName[] = ["public-good", "staging", "github"];

/** The embedded root of one instance. Loads only that one, since the three together are the largest part of a start-up. */
export function loadEmbeddedRoot(name: InstanceName): Promise<EmbeddedRoot> {
  return loaders[name]();
}
