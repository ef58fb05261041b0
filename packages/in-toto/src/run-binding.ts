import { quote, readObject, type Json, type JsonObject, type ShapeError, type TrustError } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { Link } from "./link.ts";
import { substituteWord, type Substitutions } from "./substitution.ts";

/** The member of a link's signed `environment` that holds its run binding. */
export const runBindingMember = "countersign.run";

/** The member of a layout's signed part that holds what it requires of the run bindings. */
export const runRequirementMember = "run_binding";

/** Which run a link was made in, by its functionary's word. */
export interface RunBinding {
  /** Names one run of the whole chain, for instance a CI run's URL with its attempt. */
  readonly id?: string;
  /** The source revision that was built, as its system writes it. */
  readonly commit?: string;
  /** When the step ended, `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly time?: string;
}

/** What links must say of their run; each given part must be met by every link of the chain, also below sublayouts. */
export interface RunRequirement {
  /** All links name the same run, whichever it is. */
  readonly isOneRun?: boolean;
  readonly id?: string;
  readonly commit?: string;
  /** Closed on both ends; `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly notBefore?: string;
  readonly notAfter?: string;
}

/** A link and the place it stands in, for messages. */
export interface PlacedLink {
  readonly place: string;
  readonly link: Link;
}

const shape: ShapeError = (detail) => inTotoError("INTOTO_RUN_MALFORMED", detail);

/** The run binding that a link carries, if any. Throws INTOTO_RUN_MALFORMED. */
export function parseRunBinding(link: Link): RunBinding | undefined {
  const value = link.environment[runBindingMember];
  if (value === undefined) return undefined;
  const reader = readObject(value, `environment["${runBindingMember}"]`, shape);
  const [id, commit, time] = [
    reader.optionalString("id"),
    reader.optionalString("commit"),
    reader.optionalString("time"),
  ];
  reader.refuseUnknown();
  if (time !== undefined) parseTime(time);
  return {
    ...(id === undefined ? {} : { id }),
    ...(commit === undefined ? {} : { commit }),
    ...(time === undefined ? {} : { time }),
  };
}

/** The member of `environment` to record: `{ ...environment, ...formatRunBinding(binding) }`. Throws INTOTO_RUN_MALFORMED for a time in another form. */
export function formatRunBinding(binding: RunBinding): JsonObject {
  if (binding.time !== undefined) parseTime(binding.time);
  return { [runBindingMember]: { ...binding } };
}

/** What a layout's signed part requires, with `{name}` replaced. Throws INTOTO_RUN_MALFORMED and what `substituteWord` throws. */
export function parseRunRequirement(signed: Json, values: Substitutions | undefined): RunRequirement | undefined {
  if (typeof signed !== "object" || signed === null || Array.isArray(signed)) return undefined;
  const value = (signed as JsonObject)[runRequirementMember];
  if (value === undefined) return undefined;
  const reader = readObject(value, runRequirementMember, shape);
  const text = (name: string): string | undefined => {
    const word = reader.optionalString(name);
    return word === undefined || values === undefined ? word : substituteWord(word, values);
  };
  const read = {
    isOneRun: reader.optionalBoolean("one_run"),
    id: text("run_id"),
    commit: text("commit"),
    notBefore: text("not_before"),
    notAfter: text("not_after"),
  };
  reader.refuseUnknown();
  return Object.fromEntries(Object.entries(read).filter(([, part]) => part !== undefined));
}

/**
 * Proves that every link says what is required of its run. The saying is the functionary's: it stops a link of another
 * run from being slipped in by somebody without that functionary's key, and nothing more.
 * Throws INTOTO_RUN_MISSING, INTOTO_RUN_MISMATCH, INTOTO_RUN_MALFORMED.
 */
export function checkRunBindings(links: readonly PlacedLink[], requirement: RunRequirement): void {
  const { isOneRun, id, commit, notBefore, notAfter } = requirement;
  const [first] = links;
  const common = isOneRun === true && first !== undefined ? partOf(first, "id") : undefined;
  for (const placed of links) {
    if (common !== undefined) checkSame(placed, "id", common);
    if (id !== undefined) checkSame(placed, "id", id);
    if (commit !== undefined) checkSame(placed, "commit", commit);
    if (notBefore !== undefined && timeOf(placed) < parseTime(notBefore))
      throw mismatch(placed, "time", `${notBefore} or later`);
    if (notAfter !== undefined && timeOf(placed) > parseTime(notAfter))
      throw mismatch(placed, "time", `${notAfter} or earlier`);
  }
}

function checkSame(placed: PlacedLink, part: "id" | "commit", expected: string): void {
  if (partOf(placed, part) !== expected) throw mismatch(placed, part, quote(expected));
}

function partOf({ place, link }: PlacedLink, part: keyof RunBinding): string {
  const value = parseRunBinding(link)?.[part];
  if (value === undefined)
    throw inTotoError("INTOTO_RUN_MISSING", { checked: place, expected: `the ${part} of its run` });
  return value;
}

function timeOf(placed: PlacedLink): number {
  return parseTime(partOf(placed, "time"));
}

function mismatch(placed: PlacedLink, part: keyof RunBinding, expected: string): TrustError {
  return inTotoError("INTOTO_RUN_MISMATCH", {
    checked: `${part} of ${placed.place}`,
    expected,
    got: quote(partOf(placed, part)),
  });
}

/** Milliseconds of `YYYY-MM-DDTHH:MM:SSZ`; a day that is none is refused too. */
function parseTime(text: string): number {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== `${text.slice(0, -1)}.000Z`)
    throw inTotoError("INTOTO_RUN_MALFORMED", { checked: "time", expected: "YYYY-MM-DDTHH:MM:SSZ", got: quote(text) });
  return ms;
}
