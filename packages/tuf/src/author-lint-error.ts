/** The findings of `lintRepository`, part of the package's catalogue. */
export const lintEntries = {
  TUF_LINT_EXPIRED: {
    kind: "untrusted",
    says: "a role has expired, and clients refuse it",
    fix: "make its next version: countersign repo renew",
  },
  TUF_LINT_EXPIRES_SOON: {
    kind: "untrusted",
    says: "a role expires soon",
    fix: "make its next version in time: countersign repo renew",
  },
  TUF_LINT_UNSIGNED: {
    kind: "untrusted",
    says: "a role has not the signatures that it needs",
    fix: "have it signed: countersign repo sign",
  },
  TUF_LINT_THRESHOLD: {
    kind: "untrusted",
    says: "a role asks for more signatures than it has different keys",
    fix: "add keys or lower the threshold: countersign repo rotate",
  },
  TUF_LINT_KEY_TWICE: {
    kind: "untrusted",
    says: "one key stands twice in a role, under two ids: clients that count ids are deceived",
    fix: "take one of the ids out: countersign repo rotate",
  },
  TUF_LINT_KEY_UNUSABLE: {
    kind: "untrusted",
    says: "a role names a key whose signatures nobody can check, or that is weak",
    fix: "replace it: countersign repo rotate",
  },
  TUF_LINT_KEY_ID: {
    kind: "untrusted",
    says: "a key is listed under an id that is not computed from it, which tough refuses",
    fix: "list it anew: countersign repo rotate",
  },
  TUF_LINT_KEY_SHARED: {
    kind: "untrusted",
    says: "a key of root signs other roles too, so it is not kept apart from them",
    fix: "give root keys of its own, and keep them offline",
  },
  TUF_LINT_ROOT_SINGLE: {
    kind: "untrusted",
    says: "one key alone can replace root",
    fix: "give root several keys and a threshold above 1",
  },
  TUF_LINT_ROOT_CHAIN: {
    kind: "untrusted",
    says: "clients cannot pass from an older root to the newest",
    fix: "restore the missing root, or sign the next one with the keys of the one before",
  },
  TUF_LINT_FORM: {
    kind: "malformed",
    says: "clients cannot read a role",
    fix: "correct what is named, sign and publish it again",
  },
  TUF_LINT_ROLE_MISSING: {
    kind: "untrusted",
    says: "a role is delegated to, and there is no metadata of it",
    fix: "publish it, or end the delegation",
  },
  TUF_LINT_UNREACHABLE: {
    kind: "untrusted",
    says: "clients never find it",
    fix: "correct the paths or the order of delegations, or take it out",
  },
  TUF_LINT_FILE_MISSING: {
    kind: "untrusted",
    says: "a target is listed and its file is not there",
    fix: "add the file again and publish it, or remove the target",
  },
  TUF_LINT_TARGET_NAME: {
    kind: "untrusted",
    says: "not every client can store a target under its name",
    fix: "add it under another name, and remove this one",
  },
  TUF_LINT_INCONSISTENT: {
    kind: "untrusted",
    says: "snapshots are not consistent, so readers under way fail while something is published",
    fix: "make the next root with consistent snapshots",
  },
} as const;
