import { hash, hex, quote, utf8 } from "@countersign/core";
import { tufError } from "./errors.ts";
import { isPathMatch } from "./path-pattern.ts";
import type { Coverage, Delegations, SuccinctRoles } from "./role.ts";
import type { TargetFile } from "./target-table.ts";
import type { RoleTrust } from "./threshold.ts";
import type { TrustedTargets } from "./trusted-set.ts";

/** How many roles a search visits by default, the top-level one among them. */
export const defaultMaxRoles: number = 32;

/** A role to which the search for one target may go on. */
export interface Delegation extends RoleTrust {
  /** Whether the search ends with it, found or not. */
  readonly terminating: boolean;
}

/**
 * The roles of a file that may speak for a target, in their order, up to the first terminating one (specification 1.0.34 §5.6.7.2;
 * bins with computed names: TAP 15).
 */
export function* delegationsOf(delegations: Delegations, path: string): Generator<Delegation> {
  const { keys, roles, succinct } = delegations;
  const digest = hash("sha256", utf8(path));
  if (succinct !== undefined) {
    yield { name: binName(succinct, digest), role: succinct, keys, terminating: false };
    return;
  }
  const hashed = hex(digest);
  for (const role of roles) {
    if (!isCovered(role.covers, path, hashed)) continue;
    yield { name: role.name, role, keys, terminating: role.terminating };
    if (role.terminating) return;
  }
}

/** Every role to which a file delegates, once, whatever it may speak for. */
export function* allDelegations({ delegations }: TrustedTargets): Generator<Delegation> {
  if (delegations === undefined) return;
  const { keys, roles, succinct } = delegations;
  for (const role of roles) yield { name: role.name, role, keys, terminating: role.terminating };
  if (succinct === undefined) return;
  const digits = Math.ceil(succinct.bitLength / 4);
  for (let bin = 0; bin < 2 ** succinct.bitLength; bin++)
    yield {
      name: `${succinct.namePrefix}-${bin.toString(16).padStart(digits, "0")}`,
      role: succinct,
      keys,
      terminating: false,
    };
}

function isCovered(covers: Coverage, path: string, hashed: string): boolean {
  if (covers.kind === "paths") return covers.patterns.some((pattern) => isPathMatch(pattern, path));
  return covers.prefixes.some((prefix) => hashed.startsWith(prefix));
}

/** The bin into which a hashed path falls: its first bits, as so many hex digits as the last bin needs. */
export function binName({ bitLength, namePrefix }: SuccinctRoles, digest: Uint8Array): string {
  const bits = new DataView(digest.buffer, digest.byteOffset).getUint32(0) >>> (32 - bitLength);
  return `${namePrefix}-${bits.toString(16).padStart(Math.ceil(bitLength / 4), "0")}`;
}

/** Where a target was found. */
export interface Found {
  readonly file: TargetFile;
  /** The metadata that lists it. */
  readonly targets: TrustedTargets;
  /** The roles from the top-level one to the one that lists it. */
  readonly rolePath: readonly string[];
  /** Whose word counted for the role that lists it. */
  readonly trust: RoleTrust;
}

/** How a search went: the roles in the order in which they were visited. */
export interface Search {
  readonly found?: Found;
  readonly visited: readonly string[];
}

/** What a search needs. */
export interface SearchOptions {
  readonly top: { readonly targets: TrustedTargets; readonly trust: RoleTrust };
  /** Gives a role's metadata, verified by what this very delegation says, or rejects. */
  readonly load: (delegation: Delegation) => Promise<TrustedTargets>;
  /** Default `defaultMaxRoles`. */
  readonly maxRoles?: number;
}

/**
 * Looks for a target in pre-order, depth first (§5.6.7). A role that was visited is not visited again. What `load` rejects
 * with ends the search: a role that cannot be had may be the very one that forbids. Rejects with TUF_SEARCH_LIMIT if more roles
 * would have to be visited: then nothing is known of the target.
 */
export async function searchTarget(path: string, options: SearchOptions): Promise<Search> {
  const maxRoles = options.maxRoles ?? defaultMaxRoles;
  const visited = new Set<string>();
  let pending: Pending[] = [{ ...options.top.trust, terminating: false, before: [] }];
  for (;;) {
    const next = pending.pop();
    if (next === undefined) return { visited: [...visited] };
    if (visited.has(next.name)) continue;
    if (visited.size >= maxRoles) throw tooManyRoles(path, maxRoles);
    const isTop = visited.size === 0;
    visited.add(next.name);
    const targets = isTop ? options.top.targets : await options.load(next);
    const rolePath = [...next.before, next.name];
    const file = targets.targets.get(path);
    if (file !== undefined) return { found: { file, targets, rolePath, trust: next }, visited: [...visited] };
    if (targets.delegations === undefined) continue;
    const further = [...delegationsOf(targets.delegations, path)].map((each) => ({ ...each, before: rolePath }));
    if (further.at(-1)?.terminating === true) pending = [];
    pending.push(...further.toReversed());
  }
}

interface Pending extends Delegation {
  /** The roles that led here. */
  readonly before: readonly string[];
}

function tooManyRoles(path: string, maxRoles: number): Error {
  return tufError("TUF_SEARCH_LIMIT", { checked: `target ${quote(path)}`, expected: `at most ${maxRoles} roles` });
}
