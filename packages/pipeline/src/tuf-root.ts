import type { InstanceName } from "./roots.ts";

/** The root of an instance's TUF repository, and where that is. */
export interface EmbeddedTufRoot {
  /** As published, to the byte. */
  readonly root: string;
  /** Of the metadata; targets lie below `targets/`. */
  readonly url: string;
  readonly source: {
    readonly package: string;
    readonly version: string;
    readonly date: string;
    readonly licence: string;
  };
}

const loaders: Readonly<Record<InstanceName, () => Promise<EmbeddedTufRoot>>> = {
  "public-good": () => import("./roots/tuf-public-good.ts"),
  staging: () => import("./roots/tuf-staging.ts"),
  github: () => import("./roots/tuf-github.ts"),
};

/** Loads the TUF root that is built in for an instance; only that one is read. */
export function loadTufRoot(name: InstanceName): Promise<EmbeddedTufRoot> {
  return loaders[name]();
}
