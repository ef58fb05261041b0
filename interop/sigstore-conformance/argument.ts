import { parseArgs } from "node:util";

/** What the suite asks for (its docs/cli_protocol.md). */
export type Arguments = VerifyArguments | SignArguments;

/** `verify-bundle`: an identity and its issuer, or a key. */
export interface VerifyArguments {
  readonly command: "verify-bundle";
  readonly staging: boolean;
  readonly bundle: string;
  readonly signer: { readonly identity: string; readonly issuer: string } | { readonly key: string };
  readonly trustedRoot: string | undefined;
  /** A path, or a digest if nothing of that name is on disk. */
  readonly artifact: string;
}

/** `sign-bundle`; with `inToto` the file is a Statement. */
export interface SignArguments {
  readonly command: "sign-bundle";
  readonly staging: boolean;
  readonly inToto: boolean;
  readonly token: string;
  readonly bundle: string;
  readonly trustedRoot: string | undefined;
  readonly signingConfig: string | undefined;
  readonly artifact: string;
}

/** Said when the arguments are not the protocol's. */
export const usage = `usage:
  client verify-bundle [--staging] --bundle F (--certificate-identity I --certificate-oidc-issuer U | --key K) [--trusted-root F] FILE_OR_DIGEST
  client sign-bundle [--staging] [--in-toto] --identity-token T --bundle F [--trusted-root F] [--signing-config F] FILE
`;

/** The arguments, or undefined if they are not the protocol's. */
export function parseArguments(words: readonly string[]): Arguments | undefined {
  const [command, ...rest] = words;
  if (command === "verify-bundle") return parseVerify(rest);
  return command === "sign-bundle" ? parseSign(rest) : undefined;
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

function parseVerify(args: string[]): VerifyArguments | undefined {
  const options = {
    staging: flag,
    bundle: text,
    key: text,
    "certificate-identity": text,
    "certificate-oidc-issuer": text,
    "trusted-root": text,
  };
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [artifact, ...more] = positionals;
  const { bundle, key, "certificate-identity": identity, "certificate-oidc-issuer": issuer } = values;
  const signer =
    key !== undefined ? { key } : identity !== undefined && issuer !== undefined ? { identity, issuer } : undefined;
  if (artifact === undefined || more.length > 0 || bundle === undefined || signer === undefined) return undefined;
  if (key !== undefined && (identity ?? issuer) !== undefined) return undefined;
  return {
    command: "verify-bundle",
    staging: values.staging === true,
    bundle,
    signer,
    trustedRoot: values["trusted-root"],
    artifact,
  };
}

function parseSign(args: string[]): SignArguments | undefined {
  const options = {
    staging: flag,
    "in-toto": flag,
    "identity-token": text,
    bundle: text,
    "trusted-root": text,
    "signing-config": text,
  };
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [artifact, ...more] = positionals;
  const { bundle, "identity-token": token } = values;
  if (artifact === undefined || more.length > 0 || bundle === undefined || token === undefined) return undefined;
  const flags = { staging: values.staging === true, inToto: values["in-toto"] === true };
  return {
    command: "sign-bundle",
    ...flags,
    token,
    bundle,
    trustedRoot: values["trusted-root"],
    signingConfig: values["signing-config"],
    artifact,
  };
}
