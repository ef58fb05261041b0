import type { Flag } from "./flag.ts";

/** How we show ourselves to timestamp authorities that ask for a certificate (TLS client authentication). */
export interface TimestampClientOptions {
  readonly timestampClientCert?: string;
  readonly timestampClientKey?: string;
  readonly timestampClientCacert?: string;
  readonly timestampServerName?: string;
}

export const timestampClientFlags: readonly Flag[] = [
  {
    flags: "--timestamp-client-cert <file>",
    says: "show this to timestamp authorities (PEM)",
    group: "Trust:",
  },
  { flags: "--timestamp-client-key <file>", says: "its private key (PEM)", group: "Trust:" },
  {
    flags: "--timestamp-client-cacert <file>",
    says: "who issued the authority's own (PEM)",
    group: "Trust:",
  },
  {
    flags: "--timestamp-server-name <name>",
    says: "the name in it, if not the address's",
    group: "Trust:",
  },
];
