import { tufOpinionFlag } from "./update-options.ts";
import type { Flag } from "./flag.ts";
import type { Instance, OutputOptions } from "./options.ts";

/** What `trust update` takes. */
export interface TrustUpdateOptions extends OutputOptions {
  readonly instance?: Instance;
  readonly staging?: true;
  readonly tufUrl?: string;
  readonly tufRoot?: string;
  readonly output?: string;
  readonly secondOpinion?: true;
}

/** What `trust show` and `trust check` take. */
export interface TrustLookOptions extends OutputOptions {
  readonly trustedRoot?: readonly string[];
  readonly instance?: Instance;
  readonly staging?: true;
  readonly maxTrustAge?: number;
  readonly scts?: number;
  readonly logEntries?: number;
  readonly times?: number;
}

/** What `trust create` takes. */
export interface TrustCreateOptions extends OutputOptions {
  readonly fulcio?: readonly string[];
  readonly ctfe?: readonly string[];
  readonly rekor?: readonly string[];
  readonly tsa?: readonly string[];
  readonly oidcProvider?: readonly string[];
  readonly rekorConfig?: string;
  readonly tsaConfig?: string;
  readonly rootVersion?: "0.1" | "0.2";
  readonly output?: string;
  readonly outputSigningConfig?: string;
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
  tufOpinionFlag,
  {
    flags: "-o, --output <dir>",
    says: "also write trusted_root.json and signing_config.json there",
    group: "Output:",
  },
];

const whose: readonly Flag[] = [
  {
    flags: "--trusted-root <file>",
    says: "where no file is named: this one, as for verify; may be given again",
    group: "Trust:",
    takes: "many",
  },
  {
    flags: "--instance <name>",
    says: "without a file: the Sigstore instance whose root is meant (default: public-good)",
    group: "Trust:",
    choices: ["public-good", "staging", "github"],
  },
  { flags: "--staging", says: "the same as --instance staging", group: "Trust:", conflicts: ["instance"] },
];

export const trustShowFlags: readonly Flag[] = whose;

export const trustCheckFlags: readonly Flag[] = [
  ...whose,
  {
    flags: "--max-trust-age <days>",
    says: "fail if the trust root is older than this",
    group: "Trust:",
    takes: "days",
  },
  {
    flags: "--log-entries <number>",
    says: "how many operators' logs a verdict will need (default: 1; github: 0)",
    group: "Trust:",
    takes: "count",
  },
  {
    flags: "--times <number>",
    says: "how many operators must say when (default: 1 where there are certificate authorities)",
    group: "Trust:",
    takes: "count",
  },
  {
    flags: "--scts <number>",
    says: "how many operators' CT logs a verdict will need (default: 1 where there are certificate authorities; github: 0)",
    group: "Trust:",
    takes: "count",
  },
];

export const trustCreateFlags: readonly Flag[] = [
  {
    flags: "--fulcio <parts>",
    says: "a certificate authority: url=…,certificate-chain=FILE[,start-time=…][,end-time=…][,operator=…]; may be given again",
    group: "Trust:",
    takes: "many",
  },
  {
    flags: "--ctfe <parts>",
    says: "a CT log: url=…,public-key=FILE,start-time=…[,end-time=…][,operator=…]",
    group: "Trust:",
    takes: "many",
  },
  {
    flags: "--rekor <parts>",
    says: "a log: url=…,public-key=FILE,api-version=1 or 2,start-time=…[,end-time=…][,origin=…][,operator=…]",
    group: "Trust:",
    takes: "many",
  },
  {
    flags: "--tsa <parts>",
    says: "a timestamp authority: url=…,certificate-chain=FILE[,start-time=…][,end-time=…][,operator=…]",
    group: "Trust:",
    takes: "many",
  },
  {
    flags: "--oidc-provider <parts>",
    says: "for the signing config, who names people: url=…[,start-time=…][,end-time=…][,operator=…]",
    group: "Signing:",
    takes: "many",
  },
  {
    flags: "--rekor-config <how>",
    says: "how many logs to ask: ANY, ALL or EXACT:<n> (default: ANY)",
    group: "Signing:",
  },
  {
    flags: "--tsa-config <how>",
    says: "how many timestamp authorities to ask: ANY, ALL or EXACT:<n> (default: ANY)",
    group: "Signing:",
  },
  {
    flags: "--root-version <version>",
    says: "of the format: 0.2 names operators, 0.1 is read by older clients as well (default: 0.1)",
    group: "Output:",
    choices: ["0.1", "0.2"],
  },
  {
    flags: "-o, --output <file>",
    says: "where to write the trusted root (default: standard output)",
    group: "Output:",
  },
  // Not --signing-config: the variable of that name says which one `sign` reads.
  {
    flags: "--output-signing-config <file>",
    says: "write a signing config there; alone, it takes services without keys",
    group: "Output:",
  },
];
