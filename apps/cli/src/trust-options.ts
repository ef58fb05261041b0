import type { Flag } from "./flag.ts";
import type { Instance, OutputOptions } from "./options.ts";

/** What `trust update` takes. */
export interface TrustUpdateOptions extends OutputOptions {
  readonly instance?: Instance;
  readonly staging?: true;
  readonly tufUrl?: string;
  readonly tufRoot?: string;
  readonly output?: string;
}

export const trustUpdateFlags: readonly Flag[] = [
  {
    flags: "--instance <name>",
    says: "the Sigstore instance whose TUF root is built in (default: public-good)",
    group: "Trust:",
    choices: ["public-good", "staging", "github"],
    conflicts: ["tuf-url", "tuf-root"],
  },
  {
    flags: "--staging",
    says: "the same as --instance staging",
    group: "Trust:",
    conflicts: ["instance", "tuf-url", "tuf-root"],
  },
  { flags: "--tuf-url <url>", says: "where the TUF repository of a private instance is", group: "Trust:" },
  {
    flags: "--tuf-root <file>",
    says: "the root metadata of that repository, from a source you trust",
    group: "Trust:",
  },
  {
    flags: "-o, --output <dir>",
    says: "also write trusted_root.json and signing_config.json there",
    group: "Output:",
  },
];
