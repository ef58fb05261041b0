/** What can be wrong where attestations satisfy steps; part of the catalogue in errors.ts. */
export const attestationEntries = {
  INTOTO_EXPERIMENTAL: {
    kind: "untrusted",
    says: "the layout asks for attestations, as drafts of in-toto have it (ITE-10, ITE-11); their meaning may still change",
    fix: "nothing now; read the changelog before you update",
  },
  INTOTO_DRAFT_UNSUPPORTED: {
    kind: "untrusted",
    says: "the layout asks for something of a draft that is not supported here, and must not be passed over",
    fix: "ask the project owner for a layout without it",
  },
  INTOTO_STATEMENT_UNUSABLE: {
    kind: "untrusted",
    says: "a file is there that is no attestation which counts",
    fix: "fetch the attestation again; it must be a DSSE envelope or Sigstore bundle around an in-toto Statement",
  },
  INTOTO_STATEMENT_MISSING: {
    kind: "untrusted",
    says: "too few authorised functionaries attest what the step needs",
    fix: "fetch the step's attestations, named <step>.<anything>.json, into the link directory",
  },
  INTOTO_STATEMENT_ARTIFACTS: {
    kind: "untrusted",
    says: "the attestation does not say clearly which artifacts it is about",
    fix: "ask whoever made it to give each artifact one name and its digests",
  },
  INTOTO_STATEMENTS_DISAGREE: {
    kind: "untrusted",
    says: "attestations of one step report different artifacts",
    fix: "find out which of them is right; nothing tells an honest attestation from the other",
  },
  INTOTO_ATTRIBUTE_MALFORMED: {
    kind: "malformed",
    says: "not an attribute rule that is supported here",
    fix: "write it in the part of CEL that docs/in-toto.md describes",
  },
  INTOTO_ATTRIBUTE_ABSENT: {
    kind: "untrusted",
    says: "the attestation says nothing of what an attribute rule asks",
    fix: "ask whoever made it for the missing part, or the project owner for allowIfNoClaim",
  },
  INTOTO_ATTRIBUTE_TYPE: {
    kind: "untrusted",
    says: "an attribute rule meets a value of another kind than it can judge",
    fix: "compare the rule with the attestation; the project owner corrects the one, its maker the other",
  },
  INTOTO_ATTRIBUTE_FALSE: {
    kind: "untrusted",
    says: "an attestation does not meet an attribute rule",
    fix: "do not use the product; the rule says what the attestation should have reported",
  },
} as const;
