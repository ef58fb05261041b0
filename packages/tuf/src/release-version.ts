/** A version by SemVer 2.0, without build metadata. */
export interface ReleaseVersion {
  readonly numbers: readonly [major: number, minor: number, patch: number];
  /** Identifiers of a version before the release, such as `["rc", 1]`; none of a release. */
  readonly before: readonly (string | number)[];
}

const part = "(0|[1-9][0-9]{0,14})";
const form = new RegExp(`^${part}\\.${part}\\.${part}(?:-([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?$`);

/** Parses `1.2.3` or `1.2.3-rc.1`; undefined if it is neither. */
export function parseVersion(text: string): ReleaseVersion | undefined {
  const found = form.exec(text);
  if (found === null) return undefined;
  const [, major, minor, patch, before] = found;
  const identifiers = before === undefined ? [] : before.split(".").map(identifierOf);
  if (identifiers.includes(undefined)) return undefined;
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    before: identifiers as readonly (string | number)[],
  };
}

function identifierOf(text: string): string | number | undefined {
  if (!/^[0-9]+$/.test(text)) return text;
  return /^(?:0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : undefined;
}

/** Order of two versions (SemVer 2.0 §11): negative, zero or positive. */
export function compareVersions(a: ReleaseVersion, b: ReleaseVersion): number {
  for (const at of [0, 1, 2] as const) if (a.numbers[at] !== b.numbers[at]) return a.numbers[at] - b.numbers[at];
  // A release comes after all versions before it.
  if (a.before.length === 0 || b.before.length === 0) return b.before.length - a.before.length;
  for (const [at, own] of a.before.entries()) {
    const other = b.before[at];
    if (other === undefined) return 1;
    const order = compareIdentifiers(own, other);
    if (order !== 0) return order;
  }
  return a.before.length - b.before.length;
}

function compareIdentifiers(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
