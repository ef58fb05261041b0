import type { Json } from "../json.ts";
import { either, list, name, number, optional, record, text, timestamp, wrong, type Shape } from "./shape.ts";

/** What OpenSSF Scorecard found about a repository (scorecard.dev/result/v0.1). Scores go to 10; -1 is "could not tell". */
export interface ScorecardResult {
  readonly date: string;
  readonly repo?: { readonly name: string; readonly commit: string };
  readonly scorecard: { readonly version: string; readonly commit: string };
  readonly score: number;
  readonly checks: readonly ScorecardCheck[];
  readonly metadata?: readonly string[];
}

export interface ScorecardCheck {
  readonly name: string;
  readonly score: number;
  readonly reason: string;
  readonly details?: readonly string[];
}

const score: Shape<number> = (value, at) => {
  if (typeof value !== "number" || value < -1 || value > 10) throw wrong(at, "a number from -1 to 10", value);
  return value;
};

const day: Shape<string> = (value, at) =>
  timestamp(typeof value === "string" ? `${value}T00:00:00Z` : value, at).slice(0, -10);

const wholeScore: Shape<number> = (value, at) => {
  if (!Number.isInteger(number(value, at))) throw wrong(at, "a whole number from -1 to 10", value);
  return score(value, at);
};

const card: Shape<ScorecardResult> = record<ScorecardResult>({
  date: either(timestamp, day),
  repo: optional(record<NonNullable<ScorecardResult["repo"]>>({ name, commit: text })),
  scorecard: record<ScorecardResult["scorecard"]>({ version: text, commit: text }),
  score,
  checks: list(record<ScorecardCheck>({ name, score: wholeScore, reason: text, details: optional(list(text)) })),
  metadata: optional(list(text)),
});

/** Reads a Scorecard result. Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseScorecardResult(predicate: Json): ScorecardResult {
  return card(predicate, "predicate");
}

/** A result as Scorecard states it. Throws CORE_PREDICATE_MALFORMED. */
export function makeScorecardResult(parts: ScorecardResult): ScorecardResult {
  return parseScorecardResult(parts as unknown as Json);
}
