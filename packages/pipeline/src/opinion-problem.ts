import type { TrustError } from "@countersign/core";
import { pipelineError } from "./errors.ts";
import type { SecondOpinion } from "./second-opinion.ts";

/** PIPELINE_SECOND_OPINION_DISAGREES or PIPELINE_SECOND_OPINION_UNABLE, or undefined where the opinion is `agree`. */
export function opinionProblem({ outcome, by, reason }: SecondOpinion): TrustError | undefined {
  if (outcome === "agree") return undefined;
  const code = outcome === "disagree" ? "PIPELINE_SECOND_OPINION_DISAGREES" : "PIPELINE_SECOND_OPINION_UNABLE";
  return pipelineError(code, { checked: by, got: reason });
}
