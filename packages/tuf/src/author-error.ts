/** What can go wrong on the author's side; part of the catalogue in errors.ts. */
export const authorEntries = {
  TUF_DRAFT_MALFORMED: {
    kind: "malformed",
    says: "not a TUF metadata file that could be edited or signed",
    fix: "give a metadata file as the repository has it, or ask whoever sent it",
  },
  TUF_KEY_UNLISTABLE: {
    kind: "usage",
    says: "TUF metadata has no form for a key of this kind",
    fix: "use an Ed25519, ECDSA or RSA key",
  },
  TUF_KEY_SCHEME: {
    kind: "usage",
    says: "the key is listed for another algorithm than it would sign with",
    fix: "open the key for the algorithm that the role lists, or list it anew with repo rotate",
  },
  TUF_THRESHOLD_UNMEETABLE: {
    kind: "usage",
    says: "so many signatures can never be there, or none would be needed",
    fix: "give a threshold from 1 to the number of different keys",
  },
  TUF_ROLE_NAME: {
    kind: "usage",
    says: "no name for a delegated role",
    fix: "use letters, digits, '.', '_' and '-', a letter or digit first, and none of root, timestamp, snapshot, targets",
  },
  TUF_ROLE_UNKNOWN: {
    kind: "usage",
    says: "there is no such role",
    fix: "look at the roles: countersign repo status",
  },
  TUF_ROLE_AMBIGUOUS: {
    kind: "usage",
    says: "several roles delegate to a role of that name",
    fix: "name the one that is meant with --from",
  },
  TUF_TARGET_PATH: {
    kind: "usage",
    says: "no path that a client could store a target under",
    fix: "use a relative path with '/' between parts, without '.', '..', backslashes and control characters",
  },
  TUF_TARGET_ENTRY: {
    kind: "usage",
    says: "what is said of a target is incomplete",
    fix: "give its length and a SHA-256",
  },
  TUF_TARGET_UNLISTED: {
    kind: "usage",
    says: "the role has no such target",
    fix: "check the path and --role",
  },
  TUF_TARGET_CHANGED: {
    kind: "unavailable",
    says: "a target file is not, or no more, what was added",
    fix: "add the file again while nothing writes to it",
  },
  TUF_DELEGATION_PATHS: {
    kind: "usage",
    says: "a delegation needs either paths or hash prefixes, and these are not both, or not in form",
    fix: "give --path with patterns such as 'apps/*', or --path-hash-prefix with hex digits",
  },
  TUF_BINS_COUNT: {
    kind: "usage",
    says: "so many bins are not made here",
    fix: "give the number of bits that choose the bin",
  },
  TUF_BINS_BESIDE: {
    kind: "usage",
    says: "bins and other delegations cannot stand in one role",
    fix: "make bins below a role of its own: countersign repo delegate ROLE, then repo bins --from ROLE",
  },
  TUF_TARGET_FILE_MISSING: {
    kind: "unavailable",
    says: "the file of a target is neither waiting nor published",
    fix: "add the file again: countersign repo add",
  },
  TUF_PUBLISH_INVALID: {
    kind: "untrusted",
    says: "readers would refuse what would be published",
    fix: "look what is missing: countersign repo status",
  },
  TUF_PUBLISH_NOTHING: {
    kind: "usage",
    says: "there is nothing new that could be published",
    fix: "change something first, or sign what is staged: countersign repo status",
  },
  TUF_PUBLISH_GAP: {
    kind: "usage",
    says: "between the old root and the new one readers would find files that neither of them accepts",
    fix: "sign timestamp, snapshot and targets with the old keys too, or exchange the keys in two steps: add the new, publish, remove the old",
  },
  TUF_PUBLISH_SWAP: {
    kind: "usage",
    says: "without consistent snapshots 'public' must be a link that can be exchanged, and here it is a folder or there are no links",
    fix: "move the folder away while nobody reads, or make the next root with consistent snapshots",
  },
  TUF_CLONE_ROLES: {
    kind: "malformed",
    says: "the repository delegates to more roles than are copied",
    fix: "check that this is the repository you meant",
  },
  TUF_SERVE_PORT: {
    kind: "unavailable",
    says: "the port cannot be listened on",
    fix: "choose another --port, or none for any free one",
  },
  TUF_WORKSPACE_MISSING: {
    kind: "usage",
    says: "there is no repository in this folder",
    fix: "make one with countersign repo init, or name its folder with --dir",
  },
  TUF_WORKSPACE_BUSY: {
    kind: "unavailable",
    says: "another command is at work in this repository's folder",
    fix: "wait until it is done and run this one again",
  },
  TUF_WORKSPACE_EXISTS: {
    kind: "usage",
    says: "there is a repository in this folder already",
    fix: "choose another folder; nothing was changed",
  },
  TUF_WORKSPACE_MALFORMED: {
    kind: "malformed",
    says: "a file of the repository's folder has not the form it should have",
    fix: "restore the folder from a copy",
  },
  TUF_MERGE_DIFFERENT: {
    kind: "untrusted",
    says: "the signatures were made over other content than that which is staged here",
    fix: "sign the file that is staged now; look what changed with countersign repo status",
  },
  TUF_SIGNATURE_WRONG: {
    kind: "untrusted",
    says: "a signature does not belong to the content and the key that it names",
    fix: "ask whoever made it to sign again",
  },
} as const;
