/** What can be wrong in the verification of a layout; part of the catalogue in errors.ts. */
export const verifyEntries = {
  INTOTO_VERIFY_USAGE: {
    kind: "usage",
    says: "the question cannot be answered as it is put",
    fix: "give the layout, and at least one key of its owner",
  },
  INTOTO_LAYOUT_NEEDED: {
    kind: "malformed",
    says: "this is a link where a layout is needed",
    fix: "give the layout that the project owner signed",
  },
  INTOTO_LAYOUT_EMPTY: {
    kind: "untrusted",
    says: "the layout has no steps and no inspections, so that meeting it proves nothing",
    fix: "ask the project owner for a layout that says what must have been done",
  },
  INTOTO_LAYOUT_EXPIRED: {
    kind: "untrusted",
    says: "the layout has expired",
    fix: "ask the project owner for a new layout; check the clock of this machine",
  },
  INTOTO_SUBSTITUTION_MALFORMED: {
    kind: "usage",
    says: "not a value for a name of the layout",
    fix: "write it as name=value, each name once, with letters, digits, '-' and '_' in names",
  },
  INTOTO_SUBSTITUTION_UNKNOWN: {
    kind: "untrusted",
    says: "the layout asks for a value that was not given",
    fix: "give it with --substitute name=value",
  },
  INTOTO_SUBSTITUTION_SYNTAX: {
    kind: "malformed",
    says: "braces in the layout are no plain {name}",
    fix: "ask the project owner to write names as {name}, and a brace that is meant as such as {{ or }}",
  },
  INTOTO_LINK_MISSING: {
    kind: "untrusted",
    says: "too few links of authorised functionaries are there",
    fix: "fetch the step's links, named <step>.<first 8 of the key id>.link, into the link directory",
  },
  INTOTO_LINK_UNREADABLE: {
    kind: "unavailable",
    says: "a link cannot be read",
    fix: "check the permissions of the file and try again",
  },
  INTOTO_LINK_UNUSABLE: {
    kind: "untrusted",
    says: "a link is there that counts for nothing",
    fix: "fetch the link again; if it repeats, ask its functionary to sign it again",
  },
  INTOTO_LINK_NAME: {
    kind: "untrusted",
    says: "the link was made for another step",
    fix: "ask the functionary for the link of this step: a link must not be renamed",
  },
  INTOTO_LINKS_DISAGREE: {
    kind: "untrusted",
    says: "functionaries of one step report different artifacts",
    fix: "find out which of them is right; nothing tells an honest link from the other",
  },
  INTOTO_BUNDLE_NEEDED: {
    kind: "untrusted",
    says: "the functionary is a Sigstore identity, and signs with a bundle",
    fix: "ask for the Sigstore bundle of this step, for instance from countersign layout run --identity-token",
  },
  INTOTO_BUNDLE_UNTRUSTED: {
    kind: "untrusted",
    says: "the Sigstore bundle proves nothing",
    fix: "check the trust root (--trusted-root, --instance); if it is right, ask the functionary to sign again",
  },
  INTOTO_IDENTITY_MISMATCH: {
    kind: "untrusted",
    says: "another than the functionary signed the Sigstore bundle",
    fix: "check who performed the step; the layout's keys say which identity and issuer may",
  },
  INTOTO_THRESHOLD: {
    kind: "untrusted",
    says: "too few functionaries with keys of their own signed the step",
    fix: "ask more of the authorised functionaries to perform and sign the step",
  },
  INTOTO_STEP_FAILED: {
    kind: "untrusted",
    says: "the command of the step had failed",
    fix: "perform the step again until its command succeeds, or let it be recorded without a command",
  },
  INTOTO_STEP_COMMAND: {
    kind: "untrusted",
    says: "the command of the step is not the one that the layout expects",
    fix: "compare the two: the command is only the functionary's word, so this alone refuses nothing",
  },
  INTOTO_SUBLAYOUT_DEPTH: {
    kind: "untrusted",
    says: "sublayouts are nested too deeply, or there are too many of them",
    fix: "refuse the chain, no honest one needs this",
  },
  INTOTO_SUBLAYOUT_CYCLE: {
    kind: "untrusted",
    says: "a sublayout contains itself",
    fix: "refuse the chain, no honest one does this",
  },
  INTOTO_SUBLAYOUT_KEY: {
    kind: "untrusted",
    says: "the functionary who signed the sublayout has no key of their own in the layout",
    fix: "ask the functionary to sign the sublayout with the key that the layout lists",
  },
  INTOTO_INSPECTION_NOT_ALLOWED: {
    kind: "untrusted",
    says: "the layout wants to run a command that was not allowed",
    fix: "read the command; if it may run on this machine, allow it with --allow-inspections (or --allow-sublayout-inspections)",
  },
  INTOTO_INSPECTION_EMPTY: {
    kind: "untrusted",
    says: "the inspection has no command",
    fix: "ask the project owner to name a command, or one of countersign:archive, countersign:dir and countersign:oci-layout",
  },
  INTOTO_INSPECTION_UNKNOWN: {
    kind: "untrusted",
    says: "the inspection asks for something that is not known here",
    fix: "ask the project owner to correct the inspection, or use a newer countersign",
  },
  INTOTO_INSPECTION_COMMAND: {
    kind: "untrusted",
    says: "the command of the inspection cannot be run",
    fix: "install the program in one of the usual directories; a program of the product itself is never run",
  },
  INTOTO_INSPECTION_TIMEOUT: {
    kind: "untrusted",
    says: "the command of the inspection took too long and was ended",
    fix: "allow more time, if the command is right",
  },
  INTOTO_INSPECTION_FAILED: {
    kind: "untrusted",
    says: "the inspection found fault with the product",
    fix: "do not use the product; run the command by hand to see what it says",
  },
  INTOTO_PRODUCT_MISSING: {
    kind: "usage",
    says: "an inspection looks at the final product, which was not given",
    fix: "verify in the directory of the final product",
  },
  INTOTO_PRODUCT_UNSUPPORTED: {
    kind: "untrusted",
    says: "the final product holds something that inspections could not see",
    fix: "verify in a directory that holds only the product: files and directories, no links out of it",
  },
  INTOTO_PRODUCT_UNREADABLE: {
    kind: "untrusted",
    says: "a file of the final product that an inspection names cannot be read",
    fix: "check that the product is complete and readable",
  },
  INTOTO_ARCHIVE_MALFORMED: {
    kind: "malformed",
    says: "not an archive that can be listed",
    fix: "check that the file is a tar archive, plain or compressed with gzip",
  },
  INTOTO_OCI_LAYOUT_MALFORMED: {
    kind: "malformed",
    says: "not an OCI image layout",
    fix: "check that the directory was written whole: oci-layout, index.json and blobs",
  },
  INTOTO_RUN_MALFORMED: {
    kind: "malformed",
    says: "a run binding has another form",
    fix: "write id, commit and time (YYYY-MM-DDTHH:MM:SSZ) as strings, nothing else",
  },
  INTOTO_RUN_MISSING: {
    kind: "untrusted",
    says: "a link does not say in which run it was made, as is required",
    fix: "ask the functionary to record the step with its run, commit and time",
  },
  INTOTO_RUN_MISMATCH: {
    kind: "untrusted",
    says: "a link was made in another run than required",
    fix: "fetch the links of this very run: links of an older build do not count",
  },
  INTOTO_ARTIFACT_NOT_PRODUCED: {
    kind: "untrusted",
    says: "the artifact is none of the products of the last step",
    fix: "check that this is the file that the chain produced",
  },
} as const;
