import type { CommandRow } from "./command.ts";
import { keyGenerateFlags, keyImportFlags, keyInspectFlags, keyPublicFlags } from "./key-options.ts";

const group = "Keys:";

/** The commands below `key`. */
export const keyRows: readonly CommandRow[] = [
  {
    path: "key generate",
    operands: "[reference]",
    says: "Make a key pair: NAME.key, encrypted as cosign does it, or a Secret of Kubernetes; and NAME.pub",
    examples: [
      "countersign key generate",
      "countersign key generate --type ed25519 -o release",
      "countersign key generate k8s://default/release",
    ],
    flags: keyGenerateFlags,
    group,
    load: async () => (await import("./commands/key/generate.ts")).keyGenerateCommand,
  },
  {
    path: "key import",
    operands: "<key>",
    says: "Take over a private key in any common form, as NAME.key and NAME.pub",
    examples: ["countersign key import openssl.pem -o release", "countersign key import ~/.ssh/id_ed25519 -o release"],
    flags: keyImportFlags,
    group,
    load: async () => (await import("./commands/key/import.ts")).keyImportCommand,
  },
  {
    path: "key public",
    operands: "<key>",
    says: "Print the public half of a key, from wherever it is kept",
    examples: ["countersign key public release.key > release.pub", "countersign key public hashivault://release"],
    flags: keyPublicFlags,
    group,
    load: async () => (await import("./commands/key/public.ts")).keyPublicCommand,
  },
  {
    path: "key inspect",
    operands: "<key>",
    says: "Show kind, strength, fingerprints and key ids of a key, and how its file is encrypted",
    examples: ["countersign key inspect release.pub", "countersign key inspect release.key --json"],
    flags: keyInspectFlags,
    group,
    load: async () => (await import("./commands/key/inspect.ts")).keyInspectCommand,
  },
];
