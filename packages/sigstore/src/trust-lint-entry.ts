/** What is wrong with a trust root that can be read: told when it is made or checked, not when something is verified. */
export const trustLintEntries = {
  SIGSTORE_TRUST_PART: {
    kind: "usage",
    says: "a trust root cannot be made of this",
    fix: "give the chain and keys that the service itself publishes, and its real times",
  },
  SIGSTORE_TRUST_CONFIG_MALFORMED: {
    kind: "malformed",
    says: "not a client trust config",
    fix: "get it again from whoever runs the instance",
  },
  SIGSTORE_TRUST_ROOT_LINE: {
    kind: "malformed",
    says: "a line of the file is not a trust root",
    fix: "write the file again, for instance with gh attestation trusted-root; it may have been cut",
  },
  SIGSTORE_TRUST_ROOT_LINES: {
    kind: "malformed",
    says: "the file holds more trust roots than are read",
    fix: "keep those lines that you need",
  },
  SIGSTORE_TRUST_GAP: {
    kind: "untrusted",
    says: "at times between the first start and the last end none of these was valid",
    fix: "correct the windows, unless the service really stood still",
  },
  SIGSTORE_TRUST_OVERLAP: {
    kind: "untrusted",
    says: "two of one name are valid now",
    fix: "end the old one's window where the new one took over, unless both were in use",
  },
  SIGSTORE_TRUST_DUPLICATE: {
    kind: "untrusted",
    says: "one key stands in the trust root twice",
    fix: "remove one of the two: a key counts once, under whatever names",
  },
  SIGSTORE_TRUST_EXPIRED: {
    kind: "untrusted",
    says: "a certificate of the chain has ended, but its window is still open",
    fix: "add the service's new chain; keep this one, with the end of its window, for old signatures",
  },
  SIGSTORE_TRUST_ENDS_SOON: {
    kind: "untrusted",
    says: "what is valid now ends within 30 days, and nothing follows it",
    fix: "renew it, and hand out a trust root that has both",
  },
  SIGSTORE_TRUST_NONE_CURRENT: {
    kind: "untrusted",
    says: "none of these is valid now",
    fix: "add the one that is in use; what is signed today cannot be verified",
  },
  SIGSTORE_TRUST_OPERATOR_UNSAID: {
    kind: "untrusted",
    says: "operators were given, and a trust root of version 0.1 cannot name them",
    fix: "make it in version 0.2, or see to it that two services of one operator may count as two",
  },
  SIGSTORE_TRUST_THRESHOLD: {
    kind: "untrusted",
    says: "there are too few different operators for what is required",
    fix: "add logs or authorities of other operators, name the operators, or require less",
  },
} as const;
