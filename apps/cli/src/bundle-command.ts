import { bundleConvertFlags, bundleCreateFlags, bundleUpgradeFlags } from "./bundle-options.ts";
import type { CommandRow } from "./command.ts";

const group = "Look closer:";

/** The commands below `bundle`. None verifies anything. */
export const bundleRows: readonly CommandRow[] = [
  {
    path: "bundle inspect",
    operands: "<bundle>",
    says: "Show what a bundle, or each line of a .jsonl file, claims, believing none of it",
    examples: ["countersign bundle inspect release.tgz.sigstore.json"],
    flags: [],
    group,
    load: async () => (await import("./commands/bundle/inspect.ts")).bundleInspectCommand,
  },
  {
    path: "bundle create",
    operands: "<artifact>",
    says: "Make a bundle of a signature and certificate in files of their own, as of cosign",
    examples: ["countersign bundle create app --signature app.sig --certificate app.pem --rekor-bundle app.rekor.json"],
    flags: bundleCreateFlags,
    group,
    load: async () => (await import("./commands/bundle/create.ts")).bundleCreateCommand,
  },
  {
    path: "bundle upgrade",
    operands: "<bundle>",
    says: "Write a bundle of version 0.1 or 0.2 in 0.3, if it or a log that is asked proves enough",
    examples: ["countersign bundle upgrade old.sigstore.json -o new.sigstore.json"],
    flags: bundleUpgradeFlags,
    group,
    load: async () => (await import("./commands/bundle/upgrade.ts")).bundleUpgradeCommand,
  },
  {
    path: "bundle convert",
    operands: "<file>",
    says: "Make a bundle of what cosign's older --bundle wrote",
    examples: ["countersign bundle convert app.bundle --artifact app -o app.sigstore.json"],
    flags: bundleConvertFlags,
    group,
    load: async () => (await import("./commands/bundle/convert.ts")).bundleConvertCommand,
  },
];
