import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";
import { attestationEntries } from "./attestation/attestation-entry.ts";
import { initEntries } from "./init-entry.ts";
import { lintEntries } from "./lint-entry.ts";
import { verifyEntries } from "./verify-error.ts";

const inTotoEntries = {
  INTOTO_JSON_MALFORMED: {
    kind: "malformed",
    says: "not JSON that in-toto metadata may be",
    fix: "fetch the file again, it is damaged or was edited by hand",
  },
  INTOTO_JSON_DUPLICATE: {
    kind: "malformed",
    says: "JSON object has the same member twice",
    fix: "ask whoever signed the file to make and sign it again",
  },
  INTOTO_JSON_NUMBER: {
    kind: "malformed",
    says: "the signed part holds a number that canonical JSON cannot write",
    fix: "ask whoever signed the file to write fractions as strings, or to sign it as a DSSE envelope",
  },
  INTOTO_TOO_LARGE: {
    kind: "malformed",
    says: "in-toto metadata is larger than the limit",
    fix: "check that this is the file you meant; split a step that records so many files",
  },
  INTOTO_METADATA_MALFORMED: {
    kind: "malformed",
    says: "not signed in-toto metadata",
    fix: "give a layout or link: an object with 'signed' and 'signatures', or a DSSE envelope",
  },
  INTOTO_METADATA_TYPE: {
    kind: "malformed",
    says: "the signed part is neither a layout nor a link",
    fix: "check that this is the file you meant",
  },
  INTOTO_LINK_MALFORMED: {
    kind: "malformed",
    says: "not an in-toto link",
    fix: "ask whoever performed the step to record it again",
  },
  INTOTO_LAYOUT_MALFORMED: {
    kind: "malformed",
    says: "not an in-toto layout",
    fix: "ask the project owner to correct the layout and sign it again",
  },
  INTOTO_RULE_MALFORMED: {
    kind: "malformed",
    says: "not an artifact rule",
    fix: "write it as one of CREATE, DELETE, MODIFY, ALLOW, DISALLOW <pattern>, REQUIRE <path>, MATCH <pattern> [IN <prefix>] WITH MATERIALS|PRODUCTS [IN <prefix>] FROM <step>",
  },
  INTOTO_NAME_UNSAFE: {
    kind: "malformed",
    says: "a name could lead out of the directory it belongs to",
    fix: "use names without '/', '\\', '..' and control characters, and relative paths that are written one way only",
  },
  INTOTO_KEY_MALFORMED: {
    kind: "malformed",
    says: "not an in-toto key",
    fix: "give a PEM public key or the JSON that securesystemslib writes",
  },
  INTOTO_KEY_UNSUPPORTED: {
    kind: "untrusted",
    says: "the key's type or scheme is not supported",
    fix: "use an Ed25519, RSA or ECDSA P-224 to P-521 key, or an OpenPGP RSA, DSA or Ed25519 key",
  },
  INTOTO_KEY_WEAK: {
    kind: "untrusted",
    says: "the key is too weak",
    fix: "use a new key: Ed25519, or RSA of 3072 bits",
  },
  INTOTO_KEY_EXPIRED: {
    kind: "untrusted",
    says: "the OpenPGP key has expired, or was revoked",
    fix: "ask the project owner for a layout with a key that is still valid",
  },
  INTOTO_OPENPGP_DSSE: {
    kind: "untrusted",
    says: "nobody has defined how an OpenPGP key signs a DSSE envelope",
    fix: "sign a Metablock instead, without --dsse, or use a key of another kind",
  },
  INTOTO_GPG_KEYID: {
    kind: "usage",
    says: "not the id of an OpenPGP key that could name one key only",
    fix: "give the fingerprint, 40 hex digits, which 'gpg --list-keys' shows",
  },
  INTOTO_GPG_UNAVAILABLE: {
    kind: "unavailable",
    says: "GnuPG cannot be started",
    fix: "install GnuPG 2.1 or later, or name the program in the environment variable GNUPG",
  },
  INTOTO_GPG_FAILED: {
    kind: "unavailable",
    says: "GnuPG did not do what it was asked for",
    fix: "run the same gpg command by hand, to see what it needs; check --gpg-home",
  },
  INTOTO_PRIVATE_KEY_MALFORMED: {
    kind: "usage",
    says: "not a private key that can sign in-toto metadata",
    fix: "give a PEM private key, or the private key that securesystemslib writes",
  },
  INTOTO_KEY_PASSWORD: {
    kind: "usage",
    says: "the password does not open the key, or the key file is damaged",
    fix: "check the password, and COUNTERSIGN_PASSWORD if it comes from there; then the file against its backup",
  },
  INTOTO_SIGNATURE_MALFORMED: {
    kind: "malformed",
    says: "not a signature of in-toto metadata",
    fix: "ask whoever signed the file to sign it again",
  },
  INTOTO_SIGNATURE_TWICE: {
    kind: "malformed",
    says: "one key id has two signatures, and only one of them can be meant",
    fix: "ask whoever signed the file to sign it once with each key",
  },
  INTOTO_SIGNATURE_MISSING: {
    kind: "untrusted",
    says: "no signature by this key",
    fix: "check that this is the key that should have signed, and that it signed this file",
  },
  INTOTO_SIGNATURE_BAD: {
    kind: "untrusted",
    says: "the key's signature does not verify",
    fix: "do not rely on the file: it was changed after it was signed, or another key signed it",
  },
  INTOTO_RULE_DISALLOWED: {
    kind: "untrusted",
    says: "an artifact is there that a DISALLOW rule forbids",
    fix: "find out where the artifact comes from; if it is right, ask the project owner for a layout that allows it",
  },
  INTOTO_RULE_REQUIRED: {
    kind: "untrusted",
    says: "an artifact is missing that a REQUIRE rule asks for",
    fix: "check that the step produced it, and that no rule before REQUIRE consumed it",
  },
  INTOTO_CERTIFICATE_MALFORMED: {
    kind: "malformed",
    says: "not a certificate or a certificate constraint of a layout",
    fix: "ask whoever wrote the layout or signed the link to correct it",
  },
  INTOTO_CERTIFICATE_UNTRUSTED: {
    kind: "untrusted",
    says: "no chain leads from the certificate to an authority of the layout",
    fix: "check that the functionary's certificate is valid and was issued by an authority that the layout lists",
  },
  INTOTO_CERTIFICATE_CONSTRAINT: {
    kind: "untrusted",
    says: "the certificate is not of a functionary whom the step allows",
    fix: "check who performed the step; the layout's certificate constraints say who may",
  },
  INTOTO_EXCLUDE_MALFORMED: {
    kind: "usage",
    says: "not an exclude pattern",
    fix: "write it as a line of .gitignore, with a backslash before a literal special character",
  },
  INTOTO_LSTRIP_CLASH: {
    kind: "usage",
    says: "of two prefixes to strip, one is the beginning of the other",
    fix: "give only prefixes of which at most one fits each path",
  },
  INTOTO_RECORD_MISSING: {
    kind: "unavailable",
    says: "a path to record does not exist",
    fix: "check the path and the base path; leave out what the step does not have",
  },
  INTOTO_RECORD_UNREADABLE: {
    kind: "unavailable",
    says: "a file or directory to record cannot be read",
    fix: "give the right to read it, or exclude it",
  },
  INTOTO_RECORD_CHANGED: {
    kind: "unavailable",
    says: "files changed while they were recorded",
    fix: "stop what writes there, or exclude it, and record again",
  },
  INTOTO_RECORD_SPECIAL: {
    kind: "usage",
    says: "a FIFO, socket or device has no content to record",
    fix: "exclude it, or record a directory without it",
  },
  INTOTO_RECORD_LOOP: {
    kind: "usage",
    says: "a directory contains itself by way of a link, or directories are nested too deeply",
    fix: "exclude the link, or do not follow links to directories",
  },
  INTOTO_RECORD_NAME: {
    kind: "usage",
    says: "a file's name cannot stand in a link",
    fix: "rename or exclude the file, or record it relative to another base path",
  },
  INTOTO_RECORD_TWICE: {
    kind: "usage",
    says: "two artifacts would be recorded under one name",
    fix: "give each path once, and strip prefixes only where the rest stays distinct",
  },
  INTOTO_RESOLVER_UNKNOWN: {
    kind: "usage",
    says: "no resolver for artifacts of this scheme",
    fix: "give a path, file:, dir:, ostree: or oci:; for a file of such a name write ./ in front",
  },
  INTOTO_RESOLVER_HASH: {
    kind: "usage",
    says: "the resolver cannot make such a hash",
    fix: "record these artifacts with sha256, sha384 or sha512",
  },
  INTOTO_OSTREE_MALFORMED: {
    kind: "malformed",
    says: "not a sound OSTree repository",
    fix: "check the base path and the branch, and run ostree fsck",
  },
  INTOTO_RUN_FAILED: {
    kind: "unavailable",
    says: "the command cannot be started",
    fix: "check that the program exists, can be executed and is found by PATH",
  },
  INTOTO_RUN_TIMEOUT: {
    kind: "unavailable",
    says: "the command took longer than it was allowed and was ended; no link was written",
    fix: "find out what it waits for, or allow it more time",
  },
  INTOTO_LINK_UNWRITABLE: {
    kind: "unavailable",
    says: "a link cannot be written",
    fix: "check that the metadata directory exists and can be written to",
  },
  INTOTO_RECORD_NOT_STARTED: {
    kind: "unavailable",
    says: "no recording of this step by this key was started here",
    fix: "run record start first, with the same step, key and metadata directory",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const inTotoErrors: Readonly<Record<string, CatalogueEntry>> = {
  ...inTotoEntries,
  ...verifyEntries,
  ...attestationEntries,
  ...initEntries,
  ...lintEntries,
};
/** Makes an error of this package's catalogue. */
export const inTotoError: ErrorMaker<
  typeof inTotoEntries & typeof verifyEntries & typeof attestationEntries & typeof initEntries
> = catalogue({
  ...inTotoEntries,
  ...verifyEntries,
  ...attestationEntries,
  ...initEntries,
});
