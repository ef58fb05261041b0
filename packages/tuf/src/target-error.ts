/** What can go wrong with a target file: a part of the package's catalogue. */
export const targetEntries = {
  TUF_TARGET_NAME: {
    kind: "untrusted",
    says: "the target's name leads out of the output directory, or names no file on this platform",
    fix: "ask whoever signs the repository to rename it",
  },
  TUF_TARGET_COLLISION: {
    kind: "untrusted",
    says: "another file of the directory has the same name but for upper and lower case",
    fix: "download the target into another directory",
  },
  TUF_TARGET_BLOCKED: {
    kind: "usage",
    says: "something that is not a plain file or folder is in the way of the target",
    fix: "move it away, or give another output directory",
  },
  TUF_TARGET_ABSENT: {
    kind: "unavailable",
    says: "the metadata names the target, but no mirror has it",
    fix: "try again later, or tell whoever runs the repository",
  },
  TUF_TARGET_LENGTH: {
    kind: "untrusted",
    says: "the file has another length than was signed",
    fix: "do not use it; try another mirror",
  },
  TUF_TARGET_HASH: {
    kind: "untrusted",
    says: "the file has another hash than was signed",
    fix: "do not use it; try another mirror",
  },
  TUF_MAP_MALFORMED: {
    kind: "usage",
    says: "not a map of repositories (TAP 4)",
    fix: "write 'repositories' (name to mirrors) and 'mapping' (paths, repositories, threshold, terminating)",
  },
  TUF_MAP_DISAGREEMENT: {
    kind: "untrusted",
    says: "too few repositories of the map say the same of the target",
    fix: "do not use it; ask those who run the repositories which of them is right",
  },
  TUF_TARGET_BUSY: {
    kind: "unavailable",
    says: "another process is downloading the same target and did not finish in time",
    fix: "wait until it is done, or stop it, and try again",
  },
} as const;
