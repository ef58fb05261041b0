import { quote, type TrustError } from "./errors.ts";

/** Canonical members under way. */
export interface WrittenMembers {
  readonly out: Uint8Array;
  /** Where `out` ends so far. */
  to: number;
  /** Where members start, of all open objects. */
  readonly marks: readonly number[];
  readonly options: {
    readonly duplicates: "refuse" | "last";
    readonly errors: { readonly duplicate: (detail: { readonly got: string }) => TrustError };
  };
}

const [quoteMark, backslash, comma] = [34, 92, 44] as const;

/** Puts the members in order that start at the marks from `base` on and end at `to`, with commas between them. */
export function sortMembers(scan: WrittenMembers, base: number): void {
  const { out, marks } = scan;
  const starts = marks.slice(base);
  const [start = 0] = starts;
  const startOf = (k: number): number => starts[k] as number;
  // Sorting is stable: of members with one name the last comes last.
  const order = starts.map((_, k) => k).sort((a, b) => compareNames(out, startOf(a), startOf(b)));
  const kept = order.filter((k, place) => {
    const next = order[place + 1];
    if (next === undefined || compareNames(out, startOf(k), startOf(next)) !== 0) return true;
    if (scan.options.duplicates === "last") return false;
    throw scan.options.errors.duplicate({ got: quote(nameAt(out, startOf(k))) });
  });
  const old = out.slice(start, scan.to);
  scan.to = start;
  // The end of the last member: where the first one would follow, had it no comma.
  starts.push(start + old.length + 1);
  for (const k of kept) {
    if (scan.to > start) out[scan.to++] = comma;
    const member = old.subarray(startOf(k) - start, startOf(k + 1) - 1 - start);
    out.set(member, scan.to);
    scan.to += member.length;
  }
}

/** Order of two canonical strings by code point, which is that of their UTF-8, escapes left out. */
export function compareNames(out: Uint8Array, left: number, right: number): number {
  // Plain assignments: until this is compiled, each destructuring would make an array, a megabyte of them in a thousand names.
  let a = left + 1;
  let b = right + 1;
  for (;;) {
    let x = out[a] as number;
    let y = out[b] as number;
    if (x === quoteMark || y === quoteMark) return (x === quoteMark ? 0 : 1) - (y === quoteMark ? 0 : 1);
    if (x === backslash) x = out[++a] as number;
    if (y === backslash) y = out[++b] as number;
    if (x !== y) return x - y;
    a++;
    b++;
  }
}

function nameAt(out: Uint8Array, from: number): string {
  let to = from + 1;
  while (out[to] !== quoteMark) to += out[to] === backslash ? 2 : 1;
  return new TextDecoder().decode(out.subarray(from + 1, to));
}
