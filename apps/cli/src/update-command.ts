import {
  updateGetFlags,
  updateReachFlags,
  updateRefreshFlags,
  updateStatusFlags,
  updateTrustFlags,
  updateVerifyFlags,
  updateWatchFlags,
} from "./update-options.ts";
import type { CommandRow } from "./command.ts";

const group = "Software updates:";

/** The commands below `update`: the client's side of TUF. */
export const updateRows: readonly CommandRow[] = [
  {
    path: "update trust",
    operands: "<root>",
    says: "Begin to trust a repository: keep its root metadata, from a file, or from an address with its digest",
    examples: [
      "countersign update trust root.json --mirror https://updates.example/metadata",
      "countersign update trust https://updates.example/metadata/1.root.json --sha256 0123… --mirror https://updates.example/metadata",
    ],
    flags: updateTrustFlags,
    group,
    load: async () => (await import("./commands/update/trust.ts")).updateTrustCommand,
  },
  {
    path: "update refresh",
    says: "Fetch and verify the newest metadata",
    examples: [
      "countersign update refresh",
      "countersign update refresh --json --mirror https://mirror.example/metadata",
    ],
    flags: updateRefreshFlags,
    group,
    load: async () => (await import("./commands/update/refresh.ts")).updateRefreshCommand,
  },
  {
    path: "update get",
    operands: "<target...>",
    says: "Refresh, then download targets; prints the path of each once it is verified",
    examples: [
      "countersign update get app-1.2.tgz -o downloads",
      "countersign update get app-1.2.tgz --output - | tar xz",
      "countersign update get app-1.2.tgz --map map.json",
    ],
    flags: updateGetFlags,
    group,
    load: async () => (await import("./commands/update/get.ts")).updateGetCommand,
  },
  {
    path: "update list",
    says: "Refresh, then list the targets that can be had",
    examples: ["countersign update list", "countersign update list --json"],
    flags: updateReachFlags,
    group,
    load: async () => (await import("./commands/update/list.ts")).updateListCommand,
  },
  {
    path: "update verify",
    operands: "<dir>",
    says: "Decide, without a network, whether a copy of a repository is whole and right at a time",
    examples: [
      "countersign update verify ./copy --root root.json",
      "countersign update verify ./copy --root root.json --at 2026-11-01T00:00:00Z --json",
    ],
    flags: updateVerifyFlags,
    group,
    load: async () => (await import("./commands/update/verify.ts")).updateVerifyCommand,
  },
  {
    path: "update status",
    says: "Show what is trusted and when it expires, without a network",
    examples: ["countersign update status", "countersign update status --json"],
    flags: updateStatusFlags,
    group,
    load: async () => (await import("./commands/update/status.ts")).updateStatusCommand,
  },
  {
    path: "update watch",
    says: "Refresh again and again, and say when something changed",
    examples: ["countersign update watch --interval 600", "countersign update watch --until-change && ./install.sh"],
    flags: updateWatchFlags,
    group,
    load: async () => (await import("./commands/update/watch.ts")).updateWatchCommand,
  },
];
