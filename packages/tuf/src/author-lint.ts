import { quote, TrustError } from "@countersign/core";
import { namesOf } from "./author-delegation.ts";
import { expiryOf, parseDraft, versionOf, type Draft, textIn } from "./author-draft.ts";
import { authoritiesOf, findDelegators, type Delegator } from "./author-graph.ts";
import { lintFinding, type LintFinding } from "./author-lint-finding.ts";
import { findAwkwardNames, findMissingFiles, findUnreachable } from "./author-lint-target.ts";
import { isTopRole } from "./author-role.ts";
import { authorityOfRoot, signingStateOf, type Authority } from "./author-sign.ts";
import { versionsIn } from "./author-snapshot.ts";
import { isConsistent, layout, publicName, readFile, type Workspace } from "./author-workspace.ts";
import { computeKeyId } from "./key.ts";
import { maxRootBytes, parseMetadata } from "./metadata.ts";
import { topRoles } from "./role.ts";

const dayMs = 86_400_000;
/** Warned of when less is left, in days. */
export const soonDays: Readonly<Record<string, number>> = { root: 30, timestamp: 1, snapshot: 3, targets: 14 };

/**
 * Looks for what is wrong with what is published: expiry, thresholds, keys, signatures, the chain of roots, form, delegations that
 * lead nowhere, targets that nobody finds, whose files are missing or that not every client can store. Staged versions are not looked at. Proves nothing to a client.
 */
export async function lintRepository(workspace: Workspace, now: Date): Promise<readonly LintFinding[]> {
  const root = await workspace.published("root");
  if (root === undefined) return [lintFinding("fail", "TUF_LINT_ROLE_MISSING", { checked: "root" })];
  const delegators = await findDelegators(workspace, async (role) => (await workspace.published(role))?.draft);
  const roles = new Set<string>([...topRoles, ...delegators.flatMap(({ delegated }) => namesOf(delegated))]);
  const findings: LintFinding[] = [...lintRoot(root.draft), ...(await lintRootChain(workspace, root.draft))];
  for (const role of roles) {
    const authorities = isTopRole(role) ? [authorityOfRoot(root.draft, role)] : authoritiesOf(role, delegators);
    findings.push(...(await lintRole(workspace, role, authorities, now)));
  }
  findings.push(...(await lintKeys(root.draft, delegators)), ...(await lintOrphans(workspace, roles)));
  findings.push(...(await findUnreachable(workspace, delegators)), ...(await findMissingFiles(workspace, roles)));
  findings.push(...(await findAwkwardNames(workspace, roles)));
  return findings;
}

function lintRoot(root: Draft): readonly LintFinding[] {
  const own = authorityOfRoot(root, "root");
  const others = topRoles.filter((role) => role !== "root").flatMap((role) => authorityOfRoot(root, role).keys);
  const online = new Set(others.flatMap(({ verifier }) => (verifier === undefined ? [] : [verifier.keyid])));
  const shared = own.keys.filter(({ verifier }) => verifier !== undefined && online.has(verifier.keyid));
  return [
    ...shared.map(({ keyid }) => lintFinding("warn", "TUF_LINT_KEY_SHARED", { checked: short(keyid) })),
    ...(own.threshold > 1 ? [] : [lintFinding("warn", "TUF_LINT_ROOT_SINGLE", { checked: `root ${versionOf(root)}` })]),
    ...(isConsistent(root)
      ? []
      : [lintFinding("warn", "TUF_LINT_INCONSISTENT", { checked: `root ${versionOf(root)}` })]),
  ];
}

/** Each root must be there, and be signed as the one before it says (specification 1.0.34 §5.3). */
async function lintRootChain(workspace: Workspace, newest: Draft): Promise<readonly LintFinding[]> {
  const findings: LintFinding[] = [];
  let before: Draft | undefined;
  for (let version = 1; version <= versionOf(newest); version++) {
    const path = `${workspace.directory}/${layout.metadata}/${publicName("root", version, true)}`;
    const bytes = await readFile(workspace.disk, path, maxRootBytes);
    const root = bytes && parseDraft(bytes);
    const checked = `root ${version}`;
    if (root === undefined) findings.push(lintFinding("fail", "TUF_LINT_ROOT_CHAIN", { checked, got: "no such file" }));
    else if (before !== undefined && !signingStateOf(root, authorityOfRoot(before, "root")).isMet)
      findings.push(
        lintFinding("fail", "TUF_LINT_ROOT_CHAIN", { checked, got: `not signed as root ${version - 1} asks` }),
      );
    before = root;
  }
  return findings;
}

async function lintRole(
  workspace: Workspace,
  role: string,
  authorities: readonly Authority[],
  now: Date,
): Promise<readonly LintFinding[]> {
  const bytes = await workspace.publishedBytes(role);
  if (bytes === undefined) return [lintFinding("fail", "TUF_LINT_ROLE_MISSING", { checked: quote(role) })];
  const form = lintForm(role, bytes);
  const published = form.length > 0 ? undefined : await workspace.published(role);
  if (published === undefined) return form;
  const { draft } = published;
  const checked = `role ${quote(role)} ${versionOf(draft)}`;
  const states = authorities.map((authority) => ({ authority, state: signingStateOf(draft, authority) }));
  return [
    ...lintExpiry(role, draft, now),
    ...states
      .filter(({ state }) => !state.isMet)
      .map(({ authority, state }) =>
        lintFinding("fail", "TUF_LINT_UNSIGNED", {
          checked,
          expected: `${state.threshold} signatures, says ${authority.source}`,
          got: String(state.signed.length),
        }),
      ),
  ];
}

/** Asks the reader that clients use. */
function lintForm(role: string, bytes: Uint8Array): readonly LintFinding[] {
  try {
    parseMetadata(bytes);
    return [];
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return [lintFinding("fail", "TUF_LINT_FORM", { checked: `role ${quote(role)}`, got: error.message })];
  }
}

function lintExpiry(role: string, draft: Draft, now: Date): readonly LintFinding[] {
  const left = (expiryOf(draft) - now.getTime()) / dayMs;
  const checked = `role ${quote(role)} ${versionOf(draft)}`;
  if (left <= 0) return [lintFinding("fail", "TUF_LINT_EXPIRED", { checked, got: textIn(draft.signed["expires"]) })];
  if (left > (soonDays[role] ?? soonDays["targets"] ?? 0)) return [];
  return [lintFinding("warn", "TUF_LINT_EXPIRES_SOON", { checked, got: textIn(draft.signed["expires"]) })];
}

async function lintKeys(root: Draft, delegators: readonly Delegator[]): Promise<readonly LintFinding[]> {
  const tops = topRoles.map((role) => ({ role, authority: authorityOfRoot(root, role) }));
  const delegated = delegators.flatMap((delegator) =>
    // All bins have the keys of the first.
    (delegator.delegated.bins === undefined
      ? namesOf(delegator.delegated)
      : namesOf(delegator.delegated).slice(0, 1)
    ).flatMap((role) => authoritiesOf(role, [delegator]).map((authority) => ({ role, authority }))),
  );
  const findings = [...tops, ...delegated].flatMap(({ role, authority }) => lintAuthority(role, authority));
  // One key of many bins is one finding.
  return [...new Map(findings.map((finding) => [finding.message, finding])).values()];
}

function lintAuthority(role: string, { keys, threshold, source }: Authority): readonly LintFinding[] {
  const checked = `role ${quote(role)}, says ${source}`;
  const distinct = new Set(keys.flatMap(({ verifier }) => (verifier === undefined ? [] : [verifier.keyid])));
  const twice = keys.filter(
    ({ verifier }, at) =>
      verifier !== undefined && keys.findIndex((key) => key.verifier?.keyid === verifier.keyid) < at,
  );
  const usable = keys.filter(({ verifier }) => verifier !== undefined);
  const foreign = usable.filter(({ keyid, json }) => json !== undefined && computeKeyId(json) !== keyid);
  return [
    ...(threshold > distinct.size
      ? [
          lintFinding("fail", "TUF_LINT_THRESHOLD", {
            checked,
            expected: `at most ${distinct.size}`,
            got: String(threshold),
          }),
        ]
      : []),
    ...twice.map(({ keyid }) => lintFinding("fail", "TUF_LINT_KEY_TWICE", { checked, got: short(keyid) })),
    ...keys.flatMap(({ keyid, reason }) =>
      reason === undefined
        ? []
        : [lintFinding("warn", "TUF_LINT_KEY_UNUSABLE", { checked: `${checked}, key ${short(keyid)}`, got: reason })],
    ),
    ...foreign.map(({ keyid }) => lintFinding("warn", "TUF_LINT_KEY_ID", { checked: short(keyid) })),
  ];
}

async function lintOrphans(workspace: Workspace, roles: ReadonlySet<string>): Promise<readonly LintFinding[]> {
  const snapshot = await workspace.published("snapshot");
  const named = snapshot === undefined ? [] : [...versionsIn(snapshot.draft).keys()];
  return named
    .filter((role) => !roles.has(role))
    .map((role) =>
      lintFinding("warn", "TUF_LINT_UNREACHABLE", { checked: `role ${quote(role)}`, got: "nobody delegates to it" }),
    );
}

function short(keyid: string): string {
  return `key ${quote(keyid.slice(0, 16)).slice(1, -1)}`;
}
