import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const cliEntries = {
  CLI_USAGE: { kind: "usage", says: "the command line is not understood", fix: "see countersign --help" },
  CLI_OPTION_CONFLICT: {
    kind: "usage",
    says: "options contradict each other",
    fix: "leave one out, or add what is expected",
  },
  CLI_OPTION_VALUE: {
    kind: "usage",
    says: "an option has a value that cannot be used",
    fix: "see countersign help for the values it takes",
  },
  CLI_ENVIRONMENT_VALUE: {
    kind: "usage",
    says: "an environment variable has a value that cannot be used",
    fix: "give what is expected, or unset the variable",
  },
  CLI_IDENTITY_MISSING: {
    kind: "usage",
    says: "nobody was named whose signature would be accepted",
    fix: "give --certificate-identity and --certificate-oidc-issuer, or --key",
  },
  CLI_IDENTITY_INCOMPLETE: {
    kind: "usage",
    says: "an identity counts only together with the issuer that vouched for it",
    fix: "give both --certificate-identity and --certificate-oidc-issuer",
  },
  CLI_KEY_FOR_CERTIFICATE: {
    kind: "usage",
    says: "the bundle was signed with a certificate, but --key was given",
    fix: "give --certificate-identity and --certificate-oidc-issuer instead of --key",
  },
  CLI_IDENTITY_FOR_KEY: {
    kind: "usage",
    says: "the bundle was signed with a key, but a certificate identity was given",
    fix: "give --key with the signer's public key instead",
  },
  CLI_YAML_MALFORMED: {
    kind: "malformed",
    says: "not YAML that can be read in one way only",
    fix: "check its indentation and quotes, and write no member twice",
  },
  CLI_KUBECONFIG: {
    kind: "usage",
    says: "no Kubernetes cluster to ask, or its kubeconfig cannot be used",
    fix: "check what kubectl config view --minify says; or hand the key over by env://NAME",
  },
  CLI_KEY_PRIVATE: {
    kind: "usage",
    says: "the key file holds a private key, a public one is needed",
    fix: "make the public half: countersign key public KEY",
  },
  CLI_KEY_UNUSABLE: {
    kind: "usage",
    says: "the file holds no usable key",
    fix: "give a file with one key in PEM",
  },
  CLI_PASSWORD_DIFFERS: {
    kind: "usage",
    says: "the two passwords differ; nothing was written",
    fix: "run it again and type the same password twice",
  },
  CLI_PASSWORD_NEEDED: {
    kind: "usage",
    says: "a private key is written under a password, and there is none",
    fix: "set COUNTERSIGN_PASSWORD, give --password-file FILE, or say --danger-unencrypted",
  },
  CLI_KEY_ELSEWHERE: {
    kind: "usage",
    says: "a token or service keeps this key, and does not give it out",
    fix: "sign with it where it is: countersign sign --key REFERENCE",
  },
  CLI_FILE_MISSING: { kind: "usage", says: "no such file", fix: "check the path" },
  CLI_FILE_DIRECTORY: {
    kind: "usage",
    says: "a directory was given where a file is needed",
    fix: "give a file, or pack the directory first",
  },
  CLI_FILE_UNREADABLE: {
    kind: "unavailable",
    says: "a file cannot be read",
    fix: "check the permissions of the file and of its folders",
  },
  CLI_FILE_TOO_LARGE: {
    kind: "usage",
    says: "a file is far too large to be what it should be",
    fix: "check that this is the file you meant",
  },
  CLI_DIGEST_OPERAND: {
    kind: "usage",
    says: "the operand begins like a digest and is none",
    fix: "write sha256:<64 lower-case hex digits>, or ./NAME for a file of that name",
  },
  CLI_OPERAND_AMBIGUOUS: {
    kind: "usage",
    says: "it is a digest, and there is a file of that name too",
    fix: "write ./NAME for the file, or ask for the digest in another directory",
  },
  CLI_BUNDLE_NEEDED: {
    kind: "usage",
    says: "there is no file name to derive the bundle's name from",
    fix: "give --bundle FILE",
  },
  CLI_BUNDLE_LINE_CUT: {
    kind: "malformed",
    says: "a line of the bundles is not whole; nothing was verified",
    fix: "get the file again: every line of a .jsonl file is one bundle",
  },
  CLI_LIST_EMPTY: {
    kind: "usage",
    says: "there is nothing in the list, so nothing was verified",
    fix: "give one path or digest a line",
  },
  CLI_NOT_UTF8: {
    kind: "usage",
    says: "a name is not UTF-8, so nothing was done",
    fix: "rename the file, or name it by its sha256: digest",
  },
  CLI_CHECKSUM_UNLISTED: {
    kind: "untrusted",
    says: "the checksum file does not name the file",
    fix: "do not use the file; if it belongs to the release, ask for a checksum file that names it",
  },
  CLI_CHECKSUM_MISMATCH: {
    kind: "untrusted",
    says: "the file has not the digest in the checksum file",
    fix: "do not use the file; get it again",
  },
  CLI_CHECKSUM_MISSING: {
    kind: "untrusted",
    says: "the checksum file names a file that is not there",
    fix: "get the file too, or give --ignore-missing",
  },
  CLI_BUNDLE_MISSING: {
    kind: "usage",
    says: "there is no bundle beside the file",
    fix: "give --bundle FILE, or sign the file first: countersign sign FILE",
  },
  CLI_REPO_NOTHING_TO_SIGN: {
    kind: "usage",
    says: "the key may sign nothing of this",
    fix: "look who may sign what: countersign repo status",
  },
  CLI_REPO_YES_NEEDED: {
    kind: "usage",
    says: "nothing was signed: there is no terminal to ask whether what is shown shall be signed",
    fix: "read what is shown, then add --yes",
  },
  CLI_REPO_YES_REFUSED: { kind: "usage", says: "nothing was signed", fix: "change what is wrong, then sign" },
  CLI_UPDATE_UNTRUSTED: {
    kind: "usage",
    says: "no repository of updates is trusted here yet",
    fix: "get its root metadata in a safe way, then: countersign update trust root.json --mirror URL",
  },
  CLI_UPDATE_UNFETCHED: {
    kind: "unavailable",
    says: "this client has not fetched the metadata yet",
    fix: "fetch it: countersign update refresh",
  },
  CLI_UPDATE_INCOMPLETE: {
    kind: "untrusted",
    says: "the copy lacks a file that belongs to it",
    fix: "copy all of the repository again, for instance with countersign repo clone",
  },
  CLI_UPDATE_DAMAGED: {
    kind: "usage",
    says: "the root that this client was told to trust is damaged",
    fix: "get that root metadata again, and trust it again: countersign update trust root.json",
  },
  CLI_UPDATE_TRUSTED: {
    kind: "usage",
    says: "another root is trusted here already",
    fix: "give another --store, or --danger-replace if you mean to trust the new one instead",
  },
  CLI_UPDATE_ROOT: {
    kind: "untrusted",
    says: "the root has not the digest that was given",
    fix: "do not trust it; compare the digest with one that you got in another way",
  },
  CLI_UPDATE_PIN: {
    kind: "usage",
    says: "a root from an address is trusted only by its digest",
    fix: "give --sha256 with a digest that you got in another way, or the file itself",
  },
  CLI_UPDATE_MIRROR: {
    kind: "usage",
    says: "no mirror of the repository is known",
    fix: "say where its metadata is: --mirror URL",
  },
  CLI_OUTPUT_SECRET: {
    kind: "usage",
    says: "refusing to overwrite what may be the only copy",
    fix: "choose another output file",
  },
  CLI_OUTPUT_EXISTS: {
    kind: "usage",
    says: "the output is there already, and may hold work of yours",
    fix: "give another --output, or move the file away",
  },
  CLI_LAYOUT_NEEDED: { kind: "usage", says: "a layout is needed here", fix: "give the layout, not a link" },
  CLI_REPORT_MALFORMED: {
    kind: "usage",
    says: "not a report of layout verify",
    fix: "give what countersign layout verify --json printed",
  },
  CLI_LINK_NEEDED: { kind: "usage", says: "a link is needed here", fix: "give links, not a layout" },
  CLI_OUTPUT_FAILED: {
    kind: "unavailable",
    says: "the output cannot be written; nothing was left half-written",
    fix: "check free space and permissions, then run it again",
  },
  CLI_SUBJECT_MISSING: {
    kind: "usage",
    says: "nobody was named whom the token is for",
    fix: "give --email, --subject or --github",
  },
  CLI_BUG: {
    kind: "unavailable",
    says: "this is a bug in countersign, nothing can be said about the file",
    fix: "run it again with --debug and report what it prints",
  },
} as const;

/** The catalogue of the command line, for docs/errors.md. */
export const cliErrors: Readonly<Record<string, CatalogueEntry>> = cliEntries;
/** Makes an error of the command line's catalogue. */
export const cliError: ErrorMaker<typeof cliEntries> = catalogue(cliEntries);
