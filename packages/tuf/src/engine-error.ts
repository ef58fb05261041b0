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
} as const;
