/** What can go wrong on the way to a repository: a part of the package's catalogue. */
export const fetchEntries = {
  TUF_FETCH_UNAVAILABLE: {
    kind: "unavailable",
    says: "the repository cannot be reached or cannot answer now",
    fix: "check the address, the network and the proxy, or try again later",
  },
  TUF_FETCH_REFUSED: {
    kind: "unavailable",
    says: "the repository does not answer such a request",
    fix: "check the address, and whether it wants a --header that authorises you",
  },
  TUF_FETCH_SLOW: {
    kind: "unavailable",
    says: "the repository sends too slowly to be of use",
    fix: "try another mirror, or allow a lower rate",
  },
  TUF_FETCH_CUT: {
    kind: "unavailable",
    says: "the connection ended before the file did",
    fix: "run it again: what has arrived of a target is kept and continued",
  },
  TUF_FETCH_TOO_LARGE: {
    kind: "untrusted",
    says: "the repository sends more than the file may have",
    fix: "do not use this mirror; tell whoever runs it",
  },
  TUF_FETCH_REDIRECT: {
    kind: "untrusted",
    says: "the repository redirects to where it may not",
    fix: "give the final address as the mirror, if you trust it",
  },
  TUF_FETCH_PATH: {
    kind: "malformed",
    says: "no address can be made of this name",
    fix: "ask whoever signs the repository to rename the file",
  },
  TUF_FETCH_URL: {
    kind: "usage",
    says: "not the address of a repository",
    fix: "give an http:, https: or file: address without a query or fragment",
  },
  TUF_FETCH_ABORTED: {
    kind: "unavailable",
    says: "fetching was stopped",
    fix: "run it again: what has arrived of a target is kept and continued",
  },
} as const;
