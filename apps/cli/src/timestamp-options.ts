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
    says: "show timestamp authorities this certificate (PEM)",
    group: "Trust:",
  },
  { flags: "--timestamp-client-key <file>", says: "its private key (PEM)", group: "Trust:" },
  {
    flags: "--timestamp-client-cacert <file>",
    says: "who issued the TLS certificate of the authority (PEM)",
    group: "Trust:",
  },
  {
    flags: "--timestamp-server-name <name>",
    says: "the name in that certificate, if not the address's",
    group: "Trust:",
  },
];

/** Whether any of them was given: only then TLS of our own is loaded. */
export function isClientAsked(options: TimestampClientOptions): boolean {
  const { timestampClientCert, timestampClientKey, timestampClientCacert, timestampServerName } = options;
  const given = [timestampClientCert, timestampClientKey, timestampClientCacert, timestampServerName];
  return given.some((each) => each !== undefined);
}
