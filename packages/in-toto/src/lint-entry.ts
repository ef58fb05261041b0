/** The findings of `lintLayout`, part of the package's catalogue: what is wrong with a layout that is well formed. */
export const lintEntries = {
  INTOTO_LINT_STEPS_MISSING: {
    kind: "untrusted",
    says: "the layout has no steps, so everything passes",
    fix: "add the steps of the chain, for instance with countersign layout init",
  },
  INTOTO_LINT_EXPIRED: {
    kind: "untrusted",
    says: "the layout has expired and nothing passes any more",
    fix: "set a later time and sign again: countersign layout sign --expires",
  },
  INTOTO_LINT_EXPIRES_SOON: {
    kind: "untrusted",
    says: "the layout expires soon",
    fix: "plan who signs the next one",
  },
  INTOTO_LINT_EXPIRES_FAR: {
    kind: "untrusted",
    says: "the layout is valid for very long, and an old one can be replayed for as long",
    fix: "let it expire within a year or two and renew it",
  },
  INTOTO_LINT_PREDICATE_TWICE: {
    kind: "untrusted",
    says: "one functionary may attest the same predicate in two steps, and nothing signed tells the two apart",
    fix: "give the steps different functionaries, or rules that tell their artifacts or attributes apart",
  },
  INTOTO_LINT_KEY_UNKNOWN: {
    kind: "untrusted",
    says: "a step lets a key sign that the layout does not list",
    fix: "add the key to the layout, or take its id out of the step",
  },
  INTOTO_LINT_KEY_UNUSED: {
    kind: "untrusted",
    says: "the layout lists a key that no step lets sign",
    fix: "take the key out, or name it in a step",
  },
  INTOTO_LINT_KEY_TWICE: {
    kind: "untrusted",
    says: "one key is listed twice, so one person may seem to be two",
    fix: "list each key once, under one id",
  },
  INTOTO_LINT_KEY_FOREIGN_ID: {
    kind: "untrusted",
    says: "a key is listed under an id that no tool computes from it",
    fix: "list the key under its own id, which countersign layout show prints",
  },
  INTOTO_LINT_THRESHOLD: {
    kind: "untrusted",
    says: "a step asks for more functionaries than it has, so it can never pass",
    fix: "lower the threshold, or let more keys sign",
  },
  INTOTO_LINT_RULES_MISSING: {
    kind: "untrusted",
    says: "there are no rules, so every artifact passes",
    fix: "say what may be there, and end with DISALLOW *",
  },
  INTOTO_LINT_DISALLOW_MISSING: {
    kind: "untrusted",
    says: "what no rule consumes passes",
    fix: "end the rules with DISALLOW *",
  },
  INTOTO_LINT_RULE_UNREACHABLE: {
    kind: "untrusted",
    says: "the rule has no effect, since an earlier one leaves it nothing",
    fix: "take the rule out, or move it before the one that consumes its artifacts",
  },
  INTOTO_LINT_CREATE_IN_MATERIALS: {
    kind: "untrusted",
    says: "CREATE among expected materials consumes nothing, ever",
    fix: "use MATCH or ALLOW for materials, and CREATE for products",
  },
  INTOTO_LINT_DELETE_IN_PRODUCTS: {
    kind: "untrusted",
    says: "DELETE among expected products consumes nothing, ever",
    fix: "write DELETE among the expected materials",
  },
  INTOTO_LINT_MATCH_UNKNOWN: {
    kind: "untrusted",
    says: "MATCH names a step or inspection that is not in the layout, so it consumes nothing",
    fix: "correct the name, or add the step",
  },
  INTOTO_LINT_MATCH_INSPECTION: {
    kind: "untrusted",
    says: "a step cannot MATCH an inspection, which is carried out after the steps were judged",
    fix: "match a step, or write the rule in an inspection",
  },
  INTOTO_LINT_MATCH_SELF: {
    kind: "untrusted",
    says: "MATCH compares a list of artifacts with itself and always holds",
    fix: "match another step, or the other side of this one",
  },
  INTOTO_LINT_REQUIRE_LATE: {
    kind: "untrusted",
    says: "REQUIRE comes after a rule that may have consumed the artifact, and is then not met",
    fix: "put REQUIRE before the rules that consume",
  },
  INTOTO_LINT_REQUIRE_PATTERN: {
    kind: "untrusted",
    says: "REQUIRE takes a path as it is, wildcards do not work",
    fix: "require each path by a rule of its own",
  },
  INTOTO_LINT_PATTERN_NEVER: {
    kind: "untrusted",
    says: "no artifact can have such a path: all are relative, with single slashes and without dot segments",
    fix: "write the path as the link has it; countersign layout show prints it",
  },
  INTOTO_LINT_CHAIN_BROKEN: {
    kind: "untrusted",
    says: "nothing ties the step to the others, its materials may come from anywhere",
    fix: "add MATCH * WITH PRODUCTS FROM the step before it to its expected materials",
  },
  INTOTO_LINT_PRODUCT_UNCHECKED: {
    kind: "untrusted",
    says: "no inspection compares the final product with what the steps made",
    fix: "add an inspection whose products MATCH those of the last step",
  },
  INTOTO_LINT_INSPECTION_EMPTY: {
    kind: "untrusted",
    says: "the inspection has nothing to run and never passes",
    fix: 'give it a command, or one that needs none, such as ["countersign:dir", "."]',
  },
  INTOTO_LINT_INSPECTION_COMMAND: {
    kind: "untrusted",
    says: "the inspection runs a command on the machine of whoever verifies, and is refused unless they allow it",
    fix: 'use one that needs no command, such as ["countersign:archive", "app.tar"]',
  },
} as const;
