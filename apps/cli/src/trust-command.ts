import type { CommandRow } from "./command.ts";
import { trustCheckFlags, trustCreateFlags, trustShowFlags, trustUpdateFlags } from "./trust-options.ts";

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
  {
    path: "trust show",
    operands: "[file...]",
    says: "Explain trust roots: whose word counts, from when to when, and how old they are",
    examples: ["countersign trust show", "countersign trust show trusted_root.json --json"],
    flags: trustShowFlags,
    group,
    load: async () => (await import("./commands/trust/show.ts")).trustShowCommand,
  },
  {
    path: "trust check",
    operands: "[file...]",
    says: "Find what is wrong with trust roots before good signatures are refused; several files count together",
    examples: [
      "countersign trust check trusted_root.json",
      "countersign trust check trusted_root.json --log-entries 2 --times 2",
    ],
    flags: trustCheckFlags,
    group,
    load: async () => (await import("./commands/trust/check.ts")).trustCheckCommand,
  },
  {
    path: "trust create",
    says: "Make the trust root of a Sigstore of your own from its certificates and keys, and a signing config",
    examples: [
      [
        "countersign trust create -o trusted_root.json --output-signing-config signing_config.json",
        "    --fulcio url=https://fulcio.example,certificate-chain=fulcio.pem",
        "    --ctfe url=https://ctfe.example,public-key=ctfe.pub,start-time=2026-01-01T00:00:00Z",
        "    --rekor url=https://rekor.example,public-key=rekor.pub,api-version=2,start-time=2026-01-01T00:00:00Z",
        "    --tsa url=https://tsa.example/api/v1/timestamp,certificate-chain=tsa.pem",
        "    --oidc-provider url=https://login.example",
      ].join(" \\\n"),
    ],
    flags: trustCreateFlags,
    group,
    load: async () => (await import("./commands/trust/create.ts")).trustCreateCommand,
  },
];
