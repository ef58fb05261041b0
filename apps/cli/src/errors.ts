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
