import { CommanderError } from "commander";
import { TrustError } from "@countersign/core";
import { cliError } from "./errors.ts";

/**
 * What to do here in place of a command or option of cosign or sigstore-python that is not known: the error with that as
 * its hint. Any other error as it is.
 */
export function hintFromElsewhere(error: unknown, argv: readonly string[]): unknown {
  if (!(error instanceof CommanderError) || !error.code.startsWith("commander.unknown")) return error;
  const [, word = ""] = /'([a-z0-9-]+)(?:=.*)?'/.exec(error.message) ?? [];
  const fix = word.startsWith("-") ? hintOnOption(word, argv) : commandHints.get(word);
  if (fix === undefined) return error;
  const kind = word.startsWith("-") ? "option" : "command";
  const { code, kind: kindOf } = cliError("CLI_USAGE");
  return new TrustError(
    code,
    { kind: kindOf, says: "the command line is not understood", fix },
    `unknown ${kind} '${word}'`,
  );
}

function hintOnOption(name: string, [first = "", second = ""]: readonly string[]): string | undefined {
  const command = first === "image" ? second : first;
  const ofGroup = groupHints.get(first)?.get(name);
  if (ofGroup !== undefined) return ofGroup;
  const own = command.startsWith("verify") ? verifyHints : command.includes("sign") || command.includes("attest") ? signHints : undefined; // prettier-ignore
  return own?.get(name) ?? optionHints.get(name);
}

const useTrustCreate = "put it into a trusted root by countersign trust create, and name that by --trusted-root";
const useSigningConfig = "name the services in one file by --signing-config; countersign trust create makes it";
const useBundle = "write a bundle by --bundle: it holds the signature, the certificate and what the services said";
const useBundleCreate = "make a bundle of the parts by countersign bundle create, and name that by --bundle";
const useToken = "name the key on the token: --key pkcs11:…, docs/guides/keys.md";

const commandHints: ReadonlyMap<string, string> = new Map([
  ["generate-key-pair", "countersign key generate"],
  ["import-key-pair", "countersign key import FILE"],
  ["public-key", "countersign key public REFERENCE"],
  ["initialize", "countersign trust update; --mirror is --tuf-url and --root is --tuf-root there"],
  ["trust-instance", "countersign trust update --tuf-url URL --tuf-root FILE"],
  ["plumbing", "countersign bundle upgrade FILE, or countersign trust update"],
  ["get-identity-token", "leave it out: signing gets a token by itself, or takes one by --identity-token"],
  ["piv-tool", useToken],
  ["pkcs11-tool", useToken],
  ["trusted-root", "countersign trust create"],
  ["signing-config", "countersign trust create --output-signing-config FILE"],
  ["env", "countersign help environment"],
  ["verify-attestation", "countersign image verify-attestation"],
  ["dockerfile", "countersign image verify-dockerfile FILE"],
  ["manifest", "countersign image verify-manifests FILE"],
  ["login", "log in with docker, podman or oras: their credentials are used"],
  ...["tree", "triangulate", "copy", "save", "load", "download", "attach", "clean"].map(
    (name) => [name, `countersign image ${name}`] as const,
  ),
]);

const useLogin =
  "log in with docker login, podman login or a helper; DOCKER_CONFIG or REGISTRY_AUTH_FILE name the file";

const imageHints: ReadonlyMap<string, string> = new Map([
  ["--allow-http-registry", "name the registry that speaks http: --plain-http HOST"],
  ["--allow-insecure-registry", "name the authority of its certificate: --registry-ca FILE"],
  ["--registry-username", useLogin],
  ["--registry-password", useLogin],
  ["--registry-token", useLogin],
  ["--k8s-keychain", useLogin],
  ["--local-image", "name the image, and its folder beside it: NAME@DIGEST --layout DIR --offline"],
  ["--dir", "--layout DIR"],
  ["--output", "--json"],
  ["-o", "--json"],
  ["--platform", "--platforms, such as linux/amd64,linux/arm64"],
  ["--force", "--yes"],
  ["-f", "--yes"],
  ["--type", "--kind: signature, attestation or all"],
  ["--predicate-type", "--kind attestation, and choose among the lines that are printed"],
  ["--new-bundle-format", "--legacy writes cosign's older layout; both are read"],
  ["--bundle", "bundles are stored beside the image; countersign image download prints them"],
  ["--payload", "make a bundle of the parts by countersign bundle create, and attach that"],
  ["--signature", "make a bundle of the parts by countersign bundle create, and attach that"],
  ["--attestation", "give the bundles after the image, without an option before them"],
  ["--base-image-only", "leave it out: every image that the build takes content from is judged"],
  ["--allow-certificate-chain", useTrustCreate],
]);

const bundleHints: ReadonlyMap<string, string> = new Map([
  ["--artifact", "name the file without an option: countersign bundle create FILE"],
  ["--attestation", "--signature takes envelopes too"],
  ["--bundle", "countersign bundle convert FILE takes what cosign's older --bundle wrote"],
  ["--key", "leave it out: whoever verifies the bundle names the key"],
  ["--ignore-tlog", "leave it out: nothing is verified here"],
  ["--rekor-url", "leave it out: what is in the bundle has to do, and no log is asked"],
]);

const useSeveralRoots = "leave it out: give --trusted-root for each instance when you verify; they count together";

const trustHints: ReadonlyMap<string, string> = new Map([
  ["--with-default-services", useSeveralRoots],
  ["--with-default-rekor-v2", "leave it out: countersign trust update fetches the public instance's signing config"],
  ["--base-config", "leave it out, and give all services, or change the file with jq"],
  ...["fulcio", "rekor", "ctfe", "tsa", "oidc"].map((name) => [`--no-default-${name}`, useSeveralRoots] as const),
  ["--mirror", "--tuf-url"],
  ["--root", "--tuf-root"],
  ["--root-checksum", "leave it out: --tuf-root is a file of yours, which sha256sum --check can look at"],
]);

/** Of a group's commands alone. */
const groupHints: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ["image", imageHints],
  ["bundle", bundleHints],
  ["trust", trustHints],
]);

const optionHints: ReadonlyMap<string, string> = new Map([
  ["--sk", useToken],
  ["--slot", useToken],
  ["--output-file", "send standard error to the file: 2> FILE"],
  ["--rekor-url", useSigningConfig],
  ["--new-bundle-format", "leave it out: bundles of version 0.3 are all there is"],
  ["--out", "--output"],
  ["--outfile", "--output"],
  ["--output-key-prefix", "--output NAME, for NAME.key and NAME.pub"],
  ["--kms", "make the key with the service's own tool, then name it by --key"],
  ["-d", "--verbose or --debug"],
  ["--cert-identity", "--certificate-identity"],
  ["--cert-oidc-issuer", "--certificate-oidc-issuer"],
]);

const signHints: ReadonlyMap<string, string> = new Map([
  ["--certificate", "sign with --key alone, and give those who verify its public half"],
  ["--certificate-chain", "sign with --key alone, and give those who verify its public half"],
  ["--issue-certificate", "leave out --key: the certificate is for a key made for this signature"],
  ["--fulcio-url", useSigningConfig],
  ["--timestamp-server-url", useSigningConfig],
  ["--output-signature", useBundle],
  ["--output-certificate", useBundle],
  ["--output", useBundle],
  ["--rfc3161-timestamp", useBundle],
  ["--oidc-provider", "leave it out to take the token that is there, or give one by --identity-token"],
  ["--oidc-redirect-url", "leave it out, or sign in with a code: --oidc-flow device"],
  ["--oauth-force-oob", "--oidc-flow device"],
  ["--oidc-client-secret", "--oidc-client-secret-file FILE: no list of processes shows it then"],
  [
    "--output-directory",
    "leave it out: each bundle is written beside its file, where verify looks for it; --bundle names another",
  ],
  ["--overwrite", "leave it out: a bundle that is there is replaced"],
  ["--no-default-files", "--bundle FILE"],
  ["--rekor-version", useSigningConfig],
  ["--signature", useBundle],
  ["--predicate-type", "--type"],
]);

const verifyHints: ReadonlyMap<string, string> = new Map([
  [
    "--allow-certificate-chain",
    "leave it out: a bundle of version 0.3 holds one certificate, what is above it comes from the root",
  ],
  ...["trigger", "sha", "name", "repository", "ref"].map(
    (name) =>
      [`--${name}`, `countersign verify-blob --certificate-github-workflow-${name}, or claims of a --policy`] as const,
  ),
  ["--signature", useBundleCreate],
  ["--certificate", useBundleCreate],
  ["--rfc3161-timestamp", useBundleCreate],
  ["--rekor-url", "leave it out: verify asks no log, the proof is in the bundle"],
  ["--certificate-chain", useTrustCreate],
  ["--ca-roots", useTrustCreate],
  ["--ca-intermediates", useTrustCreate],
  ["--timestamp-certificate-chain", useTrustCreate],
  ["--sct", "leave it out: only an SCT inside the certificate counts"],
  [
    "--check-claims",
    "leave it out: what an attestation says of another file is nothing to go by; name the file, or its digest",
  ],
  ["--private-infrastructure", "--danger-no-log, with --key"],
]);
