import type { Flag } from "./flag.ts";
import { namedFlags, type ExactIdentityOptions } from "./identity-options.ts";
import { keyAlgorithms } from "./key-algorithm.ts";
import { manyFlags, type ManyOptions } from "./many-options.ts";
import { timestampClientFlags, type TimestampClientOptions } from "./timestamp-options.ts";

/** What every command takes. */
export interface OutputOptions {
  readonly json?: true;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly debug?: true;
}

/** Where the password of an encrypted key comes from, unless from the environment or a person. */
export interface PasswordOptions {
  readonly passwordFile?: string;
}

export interface TrustOptions {
  readonly trustedRoot?: readonly string[];
  /** A trusted root and a signing config in one file. */
  readonly trustConfig?: string;
  readonly instance?: Instance;
  readonly staging?: true;
  readonly maxTrustAge?: number;
}

export type Instance = "public-good" | "staging" | "github";

export interface IdentityOptions {
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  readonly certificateIdentityRegexp?: string;
  readonly certificateOidcIssuerRegexp?: string;
  readonly key?: string;
}

export interface VerifyOptions extends OutputOptions, TrustOptions, IdentityOptions, ManyOptions {
  /** A policy file. */
  readonly policy?: string;
  readonly bundle?: string;
  /** A predicate type, by alias or URI. */
  readonly type?: string;
  readonly dangerNoLog?: true;
  readonly secondOpinion?: true;
  readonly offline?: true;
  /** cosign's word for `dangerNoLog`; for certificates as well. */
  readonly insecureIgnoreTlog?: true;
  /** cosign's word for `scts: 0` in a policy. */
  readonly insecureIgnoreSct?: true;
  /** cosign's words for claims of a policy: `githubWorkflowTrigger` and so on. */
  readonly certificateGithubWorkflowTrigger?: string;
  readonly certificateGithubWorkflowSha?: string;
  readonly certificateGithubWorkflowName?: string;
  readonly certificateGithubWorkflowRepository?: string;
  readonly certificateGithubWorkflowRef?: string;
}

export interface SignOptions
  extends OutputOptions, TrustOptions, PasswordOptions, TimestampClientOptions, ExactIdentityOptions {
  readonly key?: string;
  readonly identityToken?: string;
  readonly oidcIssuer?: string;
  readonly oidcClientId?: string;
  readonly oidcClientSecretFile?: string;
  readonly oidcFlow?: "browser" | "device";
  readonly oidcRedirectUrl?: string;
  readonly oidcDisableAmbientProviders?: true;
  /** By cosign's names; see `keyAlgorithms`. */
  readonly signingAlgorithm?: string;
  readonly signingConfig?: string;
  readonly bundle?: string;
  readonly yes?: true;
  readonly dangerNoLog?: true;
  readonly timestamp?: true;
}

export interface AttestOptions extends SignOptions {
  /** A predicate type, by alias or URI. */
  readonly type?: string;
  readonly predicate?: string;
  readonly statement?: string;
  readonly provenance?: true;
  /** Names of hash functions. */
  readonly subjectHash?: readonly string[];
}

export interface DevOptions extends OutputOptions {
  readonly dir?: string;
  readonly port?: number;
  readonly subject?: string;
  readonly email?: string;
  readonly github?: string;
  readonly audience?: string;
}

export interface DoctorOptions extends OutputOptions {
  readonly online?: true;
}

export const outputFlags: readonly Flag[] = [
  { flags: "--json", says: "print one JSON object on standard output, whatever happens", group: "Output:" },
  { flags: "-q, --quiet", says: "say nothing unless something is wrong", group: "Output:", conflicts: ["verbose"] },
  { flags: "-v, --verbose", says: "show every check, not only the outcome", group: "Output:" },
  { flags: "--debug", says: "show where an error comes from", group: "Output:" },
];

const trustedRoot: Flag = {
  flags: "--trusted-root <file>",
  says: "trust the logs and authorities of this trusted_root.json; may be given again",
  group: "Trust:",
  takes: "many",
};
const trustConfig: Flag = {
  flags: "--trust-config <file>",
  says: "a trusted root and a signing config in one file",
  group: "Trust:",
  conflicts: ["trusted-root", "signing-config"],
};
const instance: Flag = {
  flags: "--instance <name>",
  says: "the Sigstore instance whose rules and built-in root apply",
  group: "Trust:",
  choices: ["public-good", "staging", "github"],
};
const staging: Flag = {
  flags: "--staging",
  says: "the same as --instance staging",
  group: "Trust:",
  conflicts: ["instance"],
};

export const passwordFlag: Flag = {
  flags: "--password-file <file>",
  says: "the file that holds the key's password (default: $COUNTERSIGN_PASSWORD, or it is asked for)",
  group: "Identity:",
};

/** Which logs and authorities count, for commands that prove bundles. */
export const trustFlags: readonly Flag[] = [
  trustedRoot,
  trustConfig,
  instance,
  staging,
  {
    flags: "--max-trust-age <days>",
    says: "refuse if the trust root is older than this",
    group: "Trust:",
    takes: "days",
  },
];

const identityRegexp = "certificate-identity-regexp";
const issuerRegexp = "certificate-oidc-issuer-regexp";

/** Whose signature counts. */
export const identityFlags: readonly Flag[] = [
  {
    flags: "--certificate-identity <who>",
    says: "exactly who must have signed: an e-mail address or the URI of a workflow",
    group: "Identity:",
    conflicts: [identityRegexp, "key"],
  },
  {
    flags: "--certificate-oidc-issuer <url>",
    says: "exactly which issuer must have vouched for that identity",
    group: "Identity:",
    conflicts: [issuerRegexp, "key"],
  },
  {
    flags: `--${identityRegexp} <pattern>`,
    says: "a pattern that the whole identity must match (RE2 syntax)",
    group: "Identity:",
    conflicts: ["key"],
  },
  {
    flags: `--${issuerRegexp} <pattern>`,
    says: "a pattern that the whole issuer must match (RE2 syntax)",
    group: "Identity:",
    conflicts: ["key"],
  },
  {
    flags: "--key <file>",
    says: "the public key that must have signed: a file or a key reference",
    group: "Identity:",
  },
  {
    flags: "--policy <file>",
    says: "whom to accept and with what evidence, as a file (YAML or JSON; docs/formats/policy.md)",
    group: "Identity:",
    conflicts: ["certificate-identity", "certificate-oidc-issuer", identityRegexp, issuerRegexp, "key"],
  },
];

/** For commands whose verdict is about Sigstore bundles. */
export const secondOpinionFlag: Flag = {
  flags: "--second-opinion",
  says: "ask @sigstore/verify too, with the same bytes and trust root, and allow only if it agrees",
  group: "Trust:",
};

export const verifyFlags: readonly Flag[] = [
  ...identityFlags,
  { flags: "--bundle <file>", says: "the bundle (default: <file>.sigstore.json)", group: "Trust:" },
  ...manyFlags,
  ...trustFlags,
  {
    flags: "--type <type>",
    says: "take only an attestation of this predicate type: an alias such as slsaprovenance1, or a URI",
    group: "Trust:",
  },
  { flags: "--danger-no-log", says: "with --key: accept a signature that no public log has seen", group: "Trust:" },
  secondOpinionFlag,
  {
    flags: "--offline",
    says: "open no socket, as ever but for a key in a service, which is refused then",
    group: "Trust:",
  },
];

const identityToken: Flag = {
  flags: "--identity-token <token>",
  says: "the OIDC token, or a file that holds it (default: $SIGSTORE_ID_TOKEN, the CI's own, or you sign in)",
  group: "Identity:",
  conflicts: ["key"],
};
const servicesFlags: readonly Flag[] = [
  {
    flags: "--oidc-issuer <url>",
    says: "where a person signs in (default: the instance's own issuer)",
    group: "Identity:",
  },
  { flags: "--oidc-client-id <id>", says: "as which client (default: sigstore)", group: "Identity:" },
  {
    flags: "--oidc-client-secret-file <file>",
    says: "be that client by its secret (OAuth client credentials)",
    group: "Identity:",
    conflicts: ["key", "identity-token", "oidc-flow"],
  },
  {
    flags: "--oidc-flow <how>",
    says: "in a browser of this machine, or with a code in one elsewhere",
    group: "Identity:",
    choices: ["browser", "device"],
  },
  {
    flags: "--oidc-redirect-url <url>",
    says: "where the browser comes back, if the issuer knows one address only (default: any port of 127.0.0.1)",
    group: "Identity:",
    conflicts: ["key", "identity-token", "oidc-client-secret-file"],
  },
  {
    flags: "--oidc-disable-ambient-providers",
    says: "do not ask the CI or the cloud machine for a token",
    group: "Identity:",
  },
  { flags: "--signing-config <file>", says: "the services to use (default: those of the instance)", group: "Trust:" },
  trustedRoot,
  trustConfig,
  instance,
  staging,
];
const yes: Flag = {
  flags: "-y, --yes",
  says: "agree that your identity is published in a log for ever",
  group: "Signing:",
};

/** For commands that sign a document as whoever an identity token names. */
export const keylessFlags: readonly Flag[] = [
  {
    flags: "--keyless",
    says: "sign as whoever the identity token names, into a Sigstore bundle",
    group: "Identity:",
    conflicts: ["key"],
  },
  { ...identityToken, says: "the same, with this OIDC token or a file that holds it (default: $SIGSTORE_ID_TOKEN)" },
  ...servicesFlags,
  ...namedFlags,
  yes,
];

export const signFlags: readonly Flag[] = [
  { flags: "--key <file>", says: "sign with this private key: a file or a key reference", group: "Identity:" },
  passwordFlag,
  identityToken,
  ...servicesFlags,
  ...namedFlags,
  {
    flags: "--signing-algorithm <name>",
    says: "of the key made for the signature (default: ecdsa-sha2-256-nistp256)",
    group: "Signing:",
    choices: [...keyAlgorithms.keys()],
    conflicts: ["key"],
  },
  {
    flags: "-o, --bundle <file>",
    says: "where to write the bundle, - for standard output (default: <file>.sigstore.json)",
    group: "Output:",
  },
  yes,
  {
    flags: "--danger-no-log",
    says: "with --key: ask no service; the bundle has no log entry and no time",
    group: "Trust:",
  },
  {
    flags: "--timestamp",
    says: "with --danger-no-log: still have a timestamp authority say when; the only way to a time for ML-DSA",
    group: "Trust:",
  },
  ...timestampClientFlags,
];

export const attestFlags: readonly Flag[] = [
  {
    flags: "--type <type>",
    says: "the predicate's type: an alias such as slsaprovenance1, spdxjson or vuln, or a URI",
    group: "Statement:",
  },
  {
    flags: "--predicate <file>",
    says: "the predicate, as JSON; with --type custom, any text; - is standard input",
    group: "Statement:",
    conflicts: ["statement", "provenance"],
  },
  {
    flags: "--statement <file>",
    says: "a whole in-toto Statement, signed to the letter; it must name every file given, of which there may be none; - is standard input",
    group: "Statement:",
    conflicts: ["provenance"],
  },
  {
    flags: "--provenance",
    says: "SLSA v1 provenance, made from what GitHub Actions, GitLab CI or the working copy says of this build",
    group: "Statement:",
  },
  {
    flags: "--subject-hash <name>",
    says: "by which hash the statement names the files; may be given again (default: sha256)",
    group: "Statement:",
    choices: ["sha256", "sha384", "sha512"],
    takes: "many",
    conflicts: ["statement"],
  },
  ...signFlags,
];

const directory: Flag = {
  flags: "--dir <dir>",
  says: "where its state and the files for clients are kept",
  group: "Server:",
};

export const devUpFlags: readonly Flag[] = [
  directory,
  { flags: "--port <number>", says: "the port to listen on (default: any free one)", group: "Server:", takes: "port" },
];

export const devTokenFlags: readonly Flag[] = [
  directory,
  { flags: "--subject <name>", says: "whom the token is for, as a URI or a name", group: "Identity:" },
  {
    flags: "--email <address>",
    says: "whom the token is for, as an e-mail address",
    group: "Identity:",
    conflicts: ["subject"],
  },
  {
    flags: "--github <repository>",
    says: "as a GitHub Actions run of owner/name",
    group: "Identity:",
    conflicts: ["subject", "email"],
  },
  { flags: "--audience <name>", says: "for whom the token is meant (default: sigstore)", group: "Identity:" },
];

export const devFaultFlags: readonly Flag[] = [directory];

export const doctorFlags: readonly Flag[] = [
  { flags: "--online", says: "also ask the signing services whether they answer", group: "Trust:" },
];
