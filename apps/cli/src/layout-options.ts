import type { GpgHomeOptions } from "./evidence-options.ts";
import type { Flag } from "./flag.ts";
import { exactIdentityFlags, type ExactIdentityOptions } from "./identity-options.ts";
import { trustFlags, type OutputOptions, type TrustOptions } from "./options.ts";

/** What `layout verify` takes. */
export interface LayoutVerifyOptions extends OutputOptions, TrustOptions, ExactIdentityOptions, GpgHomeOptions {
  readonly layout?: string;
  readonly key?: readonly string[];
  readonly gpg?: readonly string[];
  readonly linkDir?: string;
  readonly substitute?: readonly string[];
  readonly compat?: true;
  readonly allowInspections?: true;
  readonly allowSublayoutInspections?: true;
  readonly allowCommand?: readonly string[];
  readonly inspectionTimeout?: number;
  readonly oneRun?: true;
  readonly runId?: string;
  readonly commit?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
}

export const layoutVerifyFlags: readonly Flag[] = [
  { flags: "--layout <file>", says: "the layout that the project owner signed", group: "Trust:" },
  {
    flags: "--key <file...>",
    says: "public key of the owner (PEM or securesystemslib JSON); each must have signed the layout",
    group: "Trust:",
    takes: "many",
  },
  {
    flags: "--gpg <keyid...>",
    says: "OpenPGP key of the owner in GnuPG's keyring, by its fingerprint; each must have signed the layout",
    group: "Trust:",
    takes: "many",
    conflicts: ["certificate-identity", "certificate-oidc-issuer"],
  },
  { flags: "--gpg-home <dir>", says: "the directory of GnuPG's keyring (default: its own)", group: "Trust:" },
  ...exactIdentityFlags("the layout"),
  { flags: "--link-dir <dir>", says: "where the links are (default: here)", group: "Trust:" },
  {
    flags: "--substitute <name=value>",
    says: "value for {name} in the layout; may be given again",
    group: "Trust:",
    takes: "many",
  },
  ...trustFlags,
  {
    flags: "--compat",
    says: "decide as the reference in Python, lax where it is; the report is marked and makes no claims",
    group: "Trust:",
  },
  {
    flags: "--allow-inspections",
    says: "run the commands that the layout names, in a copy of this directory",
    group: "Inspections:",
  },
  {
    flags: "--allow-sublayout-inspections",
    says: "run those of sublayouts too, which functionaries chose",
    group: "Inspections:",
  },
  {
    flags: "--allow-command <json>",
    says: 'of these, run only such exact command lines: \'["tar","xf","app.tar"]\'; may be given again',
    group: "Inspections:",
    takes: "many",
  },
  {
    flags: "--inspection-timeout <seconds>",
    says: "how long one command may take (default: 10)",
    group: "Inspections:",
    takes: "seconds",
  },
  { flags: "--one-run", says: "every link must name the same run", group: "Run:" },
  { flags: "--run-id <id>", says: "the run that every link must name", group: "Run:" },
  { flags: "--commit <id>", says: "the commit that every link must name", group: "Run:" },
  { flags: "--not-before <time>", says: "the earliest time a link may name, YYYY-MM-DDTHH:MM:SSZ", group: "Run:" },
  { flags: "--not-after <time>", says: "the latest time a link may name", group: "Run:" },
];
