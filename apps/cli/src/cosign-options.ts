import type { Flag } from "./flag.ts";

const note = "accepted for cosign's sake, without effect";

const cosignRunFlags: readonly Flag[] = [{ flags: "-t, --timeout <duration>", says: note, group: "Output:" }];

/** Options of `cosign sign-blob`; what means nothing here is so since bundles of version 0.3 and signing configs are all there is. */
export const cosignSignFlags: readonly Flag[] = [
  { flags: "--new-bundle-format", says: note, group: "Output:" },
  { flags: "--use-signing-config", says: note, group: "Trust:" },
  { flags: "--tlog-upload", says: "as ever; --tlog-upload=false is --danger-no-log", group: "Trust:" },
  {
    flags: "--fulcio-auth-flow <how>",
    says: "as --oidc-flow; normal is browser",
    group: "Identity:",
    choices: ["normal", "device", "token", "client_credentials"],
    conflicts: ["oidc-flow", "key"],
  },
  ...cosignRunFlags,
];

/** Of `cosign attest-blob`. */
export const cosignAttestFlags: readonly Flag[] = [
  ...cosignSignFlags,
  { flags: "--hash <hex>", says: "the SHA-256 of a file elsewhere", group: "Statement:" },
];

/** Of `cosign verify-blob-attestation`. */
export const cosignVerifyAttestationFlags: readonly Flag[] = [
  { flags: "--check-claims", says: note, group: "Trust:" },
  { flags: "--digest <hex>", says: "the digest of a file elsewhere", group: "Trust:" },
  {
    flags: "--digestAlg <name>",
    says: "of which hash it is (default: sha256)",
    group: "Trust:",
    choices: ["sha256", "sha384", "sha512"],
  },
];

const workflow = (name: string, says: string): Flag => ({
  flags: `--certificate-github-workflow-${name} <text>`,
  says: `the ${says} of the GitHub workflow`,
  group: "Identity:",
  conflicts: ["key", "policy"],
});

export const cosignVerifyFlags: readonly Flag[] = [
  { flags: "--new-bundle-format", says: note, group: "Output:" },
  { flags: "--use-signed-timestamps", says: note, group: "Trust:" },
  {
    flags: "--insecure-ignore-tlog",
    says: "accept a signature that no log has seen; a certificate still needs a timestamp",
    group: "Trust:",
  },
  {
    flags: "--insecure-ignore-sct",
    says: "accept a certificate that no CT log has seen",
    group: "Trust:",
    conflicts: ["policy"],
  },
  workflow("trigger", "trigger"),
  workflow("sha", "commit"),
  workflow("name", "name"),
  workflow("repository", "repository"),
  workflow("ref", "ref"),
  { flags: "--max-workers <number>", says: note, group: "Output:" },
  ...cosignRunFlags,
];

const hidden = (flags: readonly Flag[]): readonly Flag[] => flags.map((flag) => ({ ...flag, isHidden: true }));

const cosignAnnotations: Flag = {
  flags: "--annotations <name=value>",
  says: "as --annotation",
  group: "Trust:",
  takes: "many",
  sameAs: "annotation",
};

/** Of whatever talks to a registry. */
export const cosignRegistryFlags: readonly Flag[] = hidden([
  {
    flags: "--registry-cacert <file>",
    says: "as --registry-ca",
    group: "Registry:",
    takes: "many",
    sameAs: "registry-ca",
  },
  ...cosignRunFlags,
]);

/** Of `cosign verify-attestation`, beside those of registries. */
export const cosignImageAttestationFlags: readonly Flag[] = hidden([
  ...cosignVerifyFlags.filter(({ flags }) => !flags.includes("--timeout")),
  { flags: "--check-claims", says: note, group: "Trust:" },
  { flags: "--experimental-oci11", says: note, group: "Registry:" },
  {
    flags: "--attachment-tag-prefix <text>",
    says: "as --tag-prefix",
    group: "Registry:",
    conflicts: ["tag-prefix"],
    sameAs: "tag-prefix",
  },
]);

/** Of `cosign verify`, `cosign dockerfile verify` and `cosign manifest verify`, beside those of registries. */
export const cosignImageVerifyFlags: readonly Flag[] = [...cosignImageAttestationFlags, ...hidden([cosignAnnotations])];

/** Of `cosign attest`, beside those of registries. */
export const cosignImageAttestFlags: readonly Flag[] = hidden(
  cosignSignFlags.filter(({ flags }) => !/--(?:fulcio-auth-flow|timeout)/.test(flags)),
);

/** Of `cosign sign`, beside those of registries. */
export const cosignImageSignFlags: readonly Flag[] = [...cosignImageAttestFlags, ...hidden([cosignAnnotations])];
