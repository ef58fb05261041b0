/** What can go wrong with files and locks: a part of the package's catalogue. */
export const storeEntries = {
  TUF_STORE_BUSY: {
    kind: "unavailable",
    says: "another process is using the store and did not finish in time",
    fix: "wait until it is done, or stop it, and try again",
  },
  TUF_STORE_ABORTED: {
    kind: "unavailable",
    says: "waiting for the store was stopped",
    fix: "try again, with more time if a limit ended it",
  },
  TUF_STORE_NAME: {
    kind: "usage",
    says: "not a name that a file in a store can have",
    fix: "escape it first",
  },
  TUF_STORE_DAMAGED: {
    kind: "malformed",
    says: "a file in the store is not what this client wrote",
    fix: "refresh, which fetches it again; if it repeats, move the file away and refresh",
  },
  TUF_LOCK_FAILED: {
    kind: "unavailable",
    says: "the file cannot be locked, so nothing keeps another process out",
    fix: "use a directory on a local disk, and Node 22.13 or newer",
  },
  TUF_DISK_FULL: {
    kind: "unavailable",
    says: "the disk or quota is full; what was there before is untouched",
    fix: "free some space and run it again",
  },
  TUF_DISK_READ_ONLY: {
    kind: "unavailable",
    says: "no permission to use the file or directory",
    fix: "check the owner and permissions of the directory, or give another one",
  },
  TUF_DISK_FAILED: {
    kind: "unavailable",
    says: "a file cannot be read or written",
    fix: "check that the directory exists on a working disk, then run it again",
  },
} as const;
