/** What the trust engine can find wrong; part of the catalogue in errors.ts. */
export const engineEntries = {
  TUF_JSON_MALFORMED: {
    kind: "malformed",
    says: "not JSON that TUF metadata may be",
    fix: "fetch the file again; if it repeats, tell whoever runs the repository",
  },
  TUF_JSON_DUPLICATE: {
    kind: "malformed",
    says: "JSON object has the same member twice",
    fix: "ask whoever signed the metadata to make and sign it again",
  },
  TUF_JSON_NUMBER: {
    kind: "malformed",
    says: "metadata holds a number that canonical JSON cannot write",
    fix: "ask whoever signed the metadata to write fractions as strings",
  },
  TUF_METADATA_MALFORMED: {
    kind: "malformed",
    says: "metadata has not the form that the TUF specification gives it",
    fix: "ask whoever runs the repository to correct and sign the metadata again",
  },
  TUF_METADATA_TYPE: {
    kind: "malformed",
    says: "metadata of another role than was asked for",
    fix: "check that this is the file you meant",
  },
  TUF_SPEC_VERSION: {
    kind: "untrusted",
    says: "metadata is written for a version of the TUF specification that this client does not know",
    fix: "update this client, or ask whoever runs the repository for metadata of version 1.x",
  },
  TUF_THRESHOLD: {
    kind: "untrusted",
    says: "too few of the trusted keys have signed",
    fix: "do not use the metadata; tell whoever runs the repository",
  },
  TUF_ROOT_VERSION: {
    kind: "untrusted",
    says: "the next root is not one version after the trusted one",
    fix: "do not use the repository until whoever runs it has put the file right",
  },
  TUF_ROOT_PIN: {
    kind: "untrusted",
    says: "the root to start from is not the one whose digest was given",
    fix: "compare the digest with one that you got in another way",
  },
  TUF_EXPIRED: {
    kind: "untrusted",
    says: "metadata has expired: the repository is not kept up, or somebody keeps newer metadata from you",
    fix: "try again later or from another network; tell whoever runs the repository",
  },
  TUF_ROLLBACK: {
    kind: "untrusted",
    says: "metadata is older than what was trusted before",
    fix: "try another mirror; tell whoever runs the repository",
  },
  TUF_VERSION: {
    kind: "untrusted",
    says: "metadata is not of the version that was signed for it",
    fix: "try again in a moment, for the repository may just be changing; then another mirror",
  },
  TUF_LENGTH: {
    kind: "untrusted",
    says: "metadata has another length than was signed for it",
    fix: "try again in a moment, for the repository may just be changing; then another mirror",
  },
  TUF_HASH: {
    kind: "untrusted",
    says: "metadata has another hash than was signed for it",
    fix: "try again in a moment, for the repository may just be changing; then another mirror",
  },
  TUF_ROLE_UNLISTED: {
    kind: "untrusted",
    says: "snapshot metadata does not list the file of a role",
    fix: "tell whoever runs the repository to publish a complete snapshot",
  },
  TUF_METADATA_ABSENT: {
    kind: "unavailable",
    says: "the repository does not have a metadata file that it must have",
    fix: "check the metadata address, or try again later",
  },
  TUF_TARGET_UNKNOWN: {
    kind: "untrusted",
    says: "no role that may speak for the target lists it",
    fix: "check the name; 'countersign update list' shows what there is",
  },
  TUF_TARGET_UNPROVED: {
    kind: "usage",
    says: "what is said of the target did not come from a search of this client",
    fix: "pass the very object that the updater gave, not a copy or a JSON round trip",
  },
  TUF_TARGET_UNHASHED: {
    kind: "usage",
    says: "the file was not hashed with a function that the metadata asks for",
    fix: "hash the file with every function among the target's digests",
  },
  TUF_SEARCH_LIMIT: {
    kind: "untrusted",
    says: "the search for a target would visit more roles than allowed",
    fix: "allow more roles, if the repository really delegates that often",
  },
  TUF_RELEASE_MALFORMED: {
    kind: "malformed",
    says: "what a target's metadata, or the device, says of a release has not the form it should have",
    fix: "write versions as 1.2.3 or 1.2.3-rc.1, and rollout_percent as a whole number from 0 to 100",
  },
  TUF_CLOCK_BACK: {
    kind: "untrusted",
    says: "the clock is behind a time that this client has seen before",
    fix: "set the clock; --danger-clock goes on all the same, and then expired metadata may pass",
  },
} as const;
