import type { CommandRow } from "./command.ts";
import { trustUpdateFlags } from "./trust-options.ts";

const group = "Set up:";

/** The commands below `trust`: whose word counts. */
export const trustRows: readonly CommandRow[] = [
  {
    path: "trust update",
    says: "Get the newest trust root and signing config of a Sigstore instance by TUF; verify and sign use them from then on",
    examples: [
      "countersign trust update",
      "countersign trust update --staging",
      "countersign trust update --tuf-url https://tuf.example --tuf-root root.json -o trust",
    ],
    flags: trustUpdateFlags,
    group,
    load: async () => (await import("./commands/trust/update.ts")).trustUpdateCommand,
  },
];
