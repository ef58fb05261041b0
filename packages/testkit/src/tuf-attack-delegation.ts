import { createHash } from "node:crypto";
import {
  addTufTarget,
  delegateTuf,
  delegateTufBins,
  publishTuf,
  publishTufRole,
  publishTufSnapshot,
  tufRole,
  type TufRepository,
} from "./tuf-repository.ts";
import { makeTufKey } from "./tuf-key.ts";
import type { LooseObject } from "./json.ts";
import type { TufAttack } from "./tuf-attack.ts";

function binOf(name: string, bits: number): string {
  const digest = createHash("sha256").update(name).digest();
  return (digest.readUInt32BE(0) >>> (32 - bits)).toString(16).padStart(Math.ceil(bits / 4), "0");
}

function prefixOf(name: string, digits: number): string {
  return createHash("sha256").update(name).digest("hex").slice(0, digits);
}

/** Delegations in a row, each role to the next. */
function chain(repository: TufRepository, length: number): void {
  for (let at = 1; at <= length; at++) delegateTuf(repository, at === 1 ? "targets" : `r${at - 1}`, `r${at}`);
}

const oddNames = ["constructor", "__proto__", "10", "2", "a/b", "../x", "..", "con", "Root", "toString", "#?", "é😀"];

/** Delegations: rows T3 to T5 and the conformance suite's gaps. */
export const rowsOfDelegation: readonly TufAttack[] = [
  {
    row: "T3",
    about: "roles with odd names",
    expect: "found",
    before: (repository) => {
      for (const name of oddNames) delegateTuf(repository, "targets", name);
      addTufTarget(repository, "deep", "x", "é😀");
    },
    attack: () => {},
    ask: ["deep"],
  },
  {
    row: "T3",
    about: "targets with odd names",
    expect: "found",
    attack: async (repository) => {
      for (const name of ["toString", "__proto__", "10", "2"]) addTufTarget(repository, name, name);
      await publishTuf(repository);
    },
    ask: ["toString", "10", "2", "__proto__"],
  },
  {
    row: "T4",
    about: "a pattern of many stars, against a long name",
    expect: "not found",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "evil", { paths: [`${"*?".repeat(2000)}#`] });
      await publishTuf(repository);
    },
    ask: ["a".repeat(4000)],
  },
  ...(
    [
      ["!foo", "bar", "not found"],
      ["!foo", "!foo", "found"],
      ["{a,b}", "a", "not found"],
      ["{a,b}", "{a,b}", "found"],
      ["foo/*", "foo/.hidden", "found"],
      ["foo/*", "foo/a/b", "not found"],
      ["*", "foo/a", "not found"],
      ["#x", "#x", "found"],
      ["f?o/[a-c]*.t", "foo/b.t", "found"],
      ["f?o/[!a-c]*.t", "foo/b.t", "not found"],
    ] as const
  ).map(([pattern, name, expect]): TufAttack => ({
    row: "T4",
    about: `${pattern} and ${name}`,
    expect,
    attack: async (repository) => {
      delegateTuf(repository, "targets", "role", { paths: [pattern] });
      addTufTarget(repository, name, "x", "role");
      await publishTuf(repository);
    },
    ask: [name],
  })),
  {
    row: "T5",
    about: "a role that one delegator trusts, reached by another whose keys did not sign it",
    expect: "TUF_THRESHOLD",
    before: (repository) => {
      delegateTuf(repository, "targets", "a", { paths: ["a/*"] });
      delegateTuf(repository, "targets", "b", { paths: ["b/*"] });
      delegateTuf(repository, "a", "shared", { paths: ["a/*"] });
      delegateTuf(repository, "b", "shared", { paths: ["b/*"], keys: [makeTufKey()] });
      addTufTarget(repository, "a/x", "x", "shared");
      addTufTarget(repository, "b/x", "x", "shared");
    },
    attack: () => {},
    ask: ["a/x", "b/x"],
  },
  {
    row: "T5",
    about: "a role that both delegators trust",
    expect: "found",
    before: (repository) => {
      const keys = [makeTufKey()];
      delegateTuf(repository, "targets", "a", { paths: ["a/*"] });
      delegateTuf(repository, "targets", "b", { paths: ["b/*"] });
      delegateTuf(repository, "a", "shared", { paths: ["a/*"], keys });
      delegateTuf(repository, "b", "shared", { paths: ["b/*"], keys });
      addTufTarget(repository, "b/x", "x", "shared");
    },
    attack: () => {},
    ask: ["a/x", "b/x"],
  },
  {
    row: "delegation",
    about: "a role lists a target that was not delegated to it",
    expect: "not found",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "docs", { paths: ["docs/*"] });
      addTufTarget(repository, "bin/x", "x", "docs");
      await publishTuf(repository);
    },
    ask: ["bin/x"],
  },
  {
    row: "delegation",
    about: "terminating ends the search",
    expect: "not found",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "first", { terminating: true });
      delegateTuf(repository, "targets", "second");
      addTufTarget(repository, "x", "x", "second");
      await publishTuf(repository);
    },
    ask: ["x"],
  },
  {
    row: "delegation",
    about: "terminating of one level ends that of the level above",
    expect: "not found",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "first");
      delegateTuf(repository, "targets", "second");
      delegateTuf(repository, "first", "deep", { terminating: true });
      addTufTarget(repository, "x", "x", "second");
      await publishTuf(repository);
    },
    ask: ["x"],
  },
  {
    row: "delegation",
    about: "the first of two roles wins",
    expect: "found",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "first");
      delegateTuf(repository, "targets", "second");
      addTufTarget(repository, "x", "right", "first");
      addTufTarget(repository, "x", "wrong", "second");
      await publishTuf(repository);
    },
    ask: ["x"],
  },
  {
    row: "delegation",
    about: "a circle of roles",
    expect: "not found",
    attack: async (repository) => {
      const keys = [makeTufKey()];
      delegateTuf(repository, "targets", "a", { keys });
      delegateTuf(repository, "a", "b");
      delegateTuf(repository, "b", "a", { keys });
      await publishTuf(repository);
    },
    ask: ["x"],
  },
  {
    row: "max delegations",
    about: "as many roles as allowed",
    expect: "found",
    attack: async (repository) => {
      chain(repository, 31);
      addTufTarget(repository, "x", "x", "r31");
      await publishTuf(repository);
    },
    ask: ["x"],
  },
  {
    row: "max delegations",
    about: "one more",
    expect: "TUF_SEARCH_LIMIT",
    attack: async (repository) => {
      chain(repository, 32);
      addTufTarget(repository, "x", "x", "r32");
      await publishTuf(repository);
    },
    ask: ["x"],
  },
  {
    row: "delegation",
    about: "a role that cannot be had ends the search",
    expect: "TUF_METADATA_ABSENT",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "first");
      delegateTuf(repository, "targets", "second");
      addTufTarget(repository, "x", "x", "second");
      await publishTuf(repository);
      repository.metadata.delete("1.first.json");
    },
    ask: ["x"],
  },
  {
    row: "delegation",
    about: "a role that snapshot does not list",
    expect: "TUF_ROLE_UNLISTED",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "first");
      await publishTufRole(repository, "targets");
      await publishTufSnapshot(repository);
    },
    ask: ["x"],
  },
  {
    row: "delegation",
    about: "a role signed by a stranger",
    expect: "TUF_THRESHOLD",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "first").signers.splice(0, 1, makeTufKey());
      addTufTarget(repository, "x", "x", "first");
      await publishTuf(repository);
    },
    ask: ["x"],
  },
  {
    row: "delegation",
    about: "a role that has expired",
    expect: "TUF_EXPIRED",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "first").signed["expires"] = "2029-01-01T00:00:00Z";
      await publishTuf(repository);
    },
    ask: ["x"],
  },
  {
    row: "delegation",
    about: "top-level metadata served as a role",
    expect: "TUF_THRESHOLD",
    attack: async (repository) => {
      const role = delegateTuf(repository, "targets", "first");
      role.signers.splice(0, 1, ...tufRole(repository, "targets").signers);
      await publishTuf(repository);
    },
    ask: ["x"],
  },
  {
    row: "path_hash_prefixes",
    about: "the role whose prefix fits",
    expect: "found",
    attack: async (repository) => {
      delegateTuf(repository, "targets", "other", { path_hash_prefixes: ["zz"].slice(1) });
      delegateTuf(repository, "targets", "right", { path_hash_prefixes: ["f".repeat(64), prefixOf("x/y", 3)] });
      addTufTarget(repository, "x/y", "x", "right");
      await publishTuf(repository);
    },
    ask: ["x/y"],
  },
  {
    row: "path_hash_prefixes",
    about: "a role whose prefix does not fit",
    expect: "not found",
    attack: async (repository) => {
      const wrong = prefixOf("x/y", 2) === "00" ? "01" : "00";
      delegateTuf(repository, "targets", "wrong", { path_hash_prefixes: [wrong] });
      addTufTarget(repository, "x/y", "x", "wrong");
      await publishTuf(repository);
    },
    ask: ["x/y"],
  },
  ...[1, 3, 4, 5].map((bits): TufAttack => ({
    row: "succinct roles",
    about: `${2 ** bits} bins`,
    expect: "found",
    attack: async (repository) => {
      delegateTufBins(repository, "targets", bits, "bin");
      addTufTarget(repository, "x/y", "x", `bin-${binOf("x/y", bits)}`);
      await publishTuf(repository);
    },
    ask: ["x/y"],
  })),
  {
    row: "succinct roles",
    about: "a target in another bin than its own",
    expect: "not found",
    attack: async (repository) => {
      delegateTufBins(repository, "targets", 1, "bin");
      addTufTarget(repository, "x/y", "x", `bin-${binOf("x/y", 1) === "0" ? "1" : "0"}`);
      await publishTuf(repository);
    },
    ask: ["x/y"],
  },
  {
    row: "succinct roles",
    about: "beside roles",
    expect: "TUF_METADATA_MALFORMED",
    attack: async (repository) => {
      delegateTufBins(repository, "targets", 1, "bin");
      (tufRole(repository, "targets").signed["delegations"] as LooseObject)["roles"] = [];
      await publishTuf(repository);
    },
    ask: ["x/y"],
  },
];
