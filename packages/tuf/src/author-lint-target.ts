import { quote, TrustError, type Finding } from "@countersign/core";
import { namesOf } from "./author-delegation.ts";
import { lintFinding, type LintFinding } from "./author-lint-finding.ts";
import { lintNames } from "./author-lint-name.ts";
import { isConsistent, layout, type Workspace } from "./author-workspace.ts";
import { delegationsOf } from "./delegation.ts";
import { parseTargets, type Targets } from "./metadata.ts";
import type { Delegator } from "./author-graph.ts";
import type { Coverage } from "./role.ts";

/** Findings of one kind that are listed one by one; of more than these only the number is said. */
export const maxAlike = 20;

/**
 * Targets of delegated roles that no delegation covers, and delegations that come after one which ends the search for the same
 * paths: clients never get there.
 */
export async function findUnreachable(
  workspace: Workspace,
  delegators: readonly Delegator[],
): Promise<readonly LintFinding[]> {
  const findings: LintFinding[] = [];
  const parsed = await parseAll(
    workspace,
    delegators.flatMap(({ name, delegated }) => [name, ...namesOf(delegated)]),
  );
  for (const [role, targets] of parsed) {
    for (const path of targets.targets.names()) {
      if (!isReached(role, path, parsed))
        findings.push(
          unreachable(`target ${quote(path)} of role ${quote(role)}`, "no chain of delegations leads to it"),
        );
    }
  }
  for (const { roles } of delegators.flatMap(({ name }) => parsed.get(name)?.delegations ?? [])) {
    for (const [at, role] of roles.entries()) {
      const covers = JSON.stringify(role.covers);
      const before = roles
        .slice(0, at)
        .find((each) => each.terminating && (JSON.stringify(each.covers) === covers || isAll(each.covers)));
      if (before !== undefined)
        findings.push(unreachable(`role ${quote(role.name)}`, `${quote(before.name)} ends the search before it`));
    }
  }
  return shortened(findings);
}

/** Whether a client that looks for the path may come to the role. */
function isReached(role: string, path: string, parsed: ReadonlyMap<string, Targets>): boolean {
  const seen = new Set(["targets"]);
  for (const name of seen) {
    if (name === role) return true;
    const delegations = parsed.get(name)?.delegations;
    // A set is gone through in the order of adding, so that what is added here is looked at too.
    if (delegations !== undefined) for (const next of delegationsOf(delegations, path)) seen.add(next.name);
  }
  return false;
}

function isAll(covers: Coverage): boolean {
  return covers.kind === "hashes" && covers.prefixes.includes("");
}

function unreachable(checked: string, got: string): LintFinding {
  return lintFinding("warn", "TUF_LINT_UNREACHABLE", { checked, got });
}

/** Targets whose files clients would ask for in vain, or that have another length. Hashes are not computed. */
export async function findMissingFiles(
  workspace: Workspace,
  roles: ReadonlySet<string>,
): Promise<readonly LintFinding[]> {
  const root = await workspace.published("root");
  const isHashed = isConsistent(root?.draft);
  const findings: LintFinding[] = [];
  for (const [role, { targets }] of await parseAll(workspace, [...roles].filter(isTargetsRole))) {
    for (const path of targets.names()) {
      const file = targets.get(path);
      const slash = path.lastIndexOf("/") + 1;
      for (const digest of isHashed ? (file?.digests ?? []) : [undefined]) {
        const name =
          digest === undefined
            ? path
            : `${path.slice(0, slash)}${digest.slice(digest.indexOf(":") + 1)}.${path.slice(slash)}`;
        const entry = await workspace.disk.stat(`${workspace.directory}/${layout.targets}/${name}`);
        if (entry?.kind === "file" && entry.size === file?.length) continue;
        const checked = `target ${quote(path)} of role ${quote(role)}`;
        findings.push(
          lintFinding("fail", "TUF_LINT_FILE_MISSING", {
            checked,
            got: entry === undefined ? "no such file" : `${entry.size} bytes`,
          }),
        );
      }
    }
  }
  return shortened(findings);
}

/** Targets with names that not every client can store. */
export async function findAwkwardNames(
  workspace: Workspace,
  roles: ReadonlySet<string>,
): Promise<readonly LintFinding[]> {
  const findings = lintNames(await parseAll(workspace, [...roles].filter(isTargetsRole)));
  return [...shortened(findings.filter(isFailure)), ...shortened(findings.filter((each) => !isFailure(each)))];
}

function isFailure({ level }: LintFinding): boolean {
  return level === "fail";
}

function isTargetsRole(role: string): boolean {
  return role !== "root" && role !== "timestamp" && role !== "snapshot";
}

/** What cannot be read has been found elsewhere. */
async function parseAll(workspace: Workspace, roles: readonly string[]): Promise<ReadonlyMap<string, Targets>> {
  const parsed = new Map<string, Targets>();
  for (const role of new Set(roles)) {
    const bytes = await workspace.publishedBytes(role);
    try {
      if (bytes !== undefined) parsed.set(role, parseTargets(bytes));
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
    }
  }
  return parsed;
}

function shortened<T extends Finding>(findings: readonly T[]): readonly T[] {
  if (findings.length <= maxAlike) return findings;
  const last = findings[maxAlike - 1] as T;
  return [
    ...findings.slice(0, maxAlike - 1),
    { ...last, message: `${last.message} (and ${findings.length - maxAlike} more like it)` },
  ];
}
