import type { Flag } from "./flag.ts";

/** An identity in place of a key, for commands that take both; for those that sign, whom the new certificate must name. */
export interface ExactIdentityOptions {
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
}

/** Where whom a token stands for is not known, or not what the authority says. */
export const namedFlags: readonly Flag[] = [
  {
    flags: "--certificate-identity <who>",
    says: "exactly whom the new certificate must name (default: whom the token names)",
    group: "Identity:",
    conflicts: ["key"],
  },
  {
    flags: "--certificate-oidc-issuer <url>",
    says: "exactly which issuer it must name (default: one that the token names)",
    group: "Identity:",
    conflicts: ["key"],
  },
];

/** The flags of these options; `what` must be a Sigstore bundle then, which has one signature. */
export function exactIdentityFlags(what: string): readonly Flag[] {
  return [
    {
      flags: "--certificate-identity <who>",
      says: `exactly who must have signed ${what}, then a Sigstore bundle, in place of --key`,
      group: "Trust:",
      conflicts: ["key"],
    },
    {
      flags: "--certificate-oidc-issuer <url>",
      says: "exactly which issuer must have vouched for that identity",
      group: "Trust:",
      conflicts: ["key"],
    },
  ];
}
