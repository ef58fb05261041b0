/** The instances whose trust roots are built in. */
export type InstanceName = "public-good" | "staging" | "github";

/** What an embedded module carries: documents as published, and where they were taken from. */
export interface EmbeddedInstance {
  readonly trustedRoot: string;
  readonly signingConfig: string | undefined;
  readonly source: {
    readonly package: string;
    readonly version: string;
    readonly date: string;
    readonly licence: string;
  };
}

const loaders: Readonly<Record<InstanceName, () => Promise<EmbeddedInstance>>> = {
  "public-good": () => import("./roots/public-good.ts"),
  staging: () => import("./roots/staging.ts"),
  github: () => import("./roots/github.ts"),
};

/** Whether a trust root of this name is built in. */
export function isInstanceName(name: string): name is InstanceName {
  return Object.hasOwn(loaders, name);
}

/** Loads the documents of one instance; only that one is read. */
export function loadInstance(name: InstanceName): Promise<EmbeddedInstance> {
  return loaders[name]();
}
