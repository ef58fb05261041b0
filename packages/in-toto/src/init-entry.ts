/** The errors of `proposeLayout`, part of the package's catalogue. */
export const initEntries = {
  INTOTO_INIT_LINKS_MISSING: {
    kind: "usage",
    says: "there are no links to make a layout of",
    fix: "perform the steps once, each with countersign layout run, then give their links",
  },
  INTOTO_INIT_LINKS_DIFFER: {
    kind: "usage",
    says: "two links of one step tell of different artifacts",
    fix: "give only the links that tell what should happen",
  },
  INTOTO_INIT_KEY_MISSING: {
    kind: "usage",
    says: "nobody is named who may sign for a step",
    fix: "give the public key of whoever performs it with --functionary",
  },
} as const;
