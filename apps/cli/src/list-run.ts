import { constants } from "node:os";
import { findingOf } from "@countersign/core";
import { interruptError } from "./interrupt-errors.ts";
import { interruptible } from "./interrupt.ts";
import type { ResultOutput } from "./result-output.ts";
import { resultOfFinding } from "./result.ts";
import { Unfinished } from "./unfinished.ts";

/** The report has all of it already. */
const nothingMore = { inJson: () => "", inText: () => "" };

/**
 * Runs `work`, which hands `output` a result for each of `names` in their order, and returns the exit code. A signal ends it, and the
 * report is whole all the same: what has no result yet could not be told.
 */
export async function runList(
  names: readonly string[],
  output: ResultOutput,
  work: () => Promise<void>,
): Promise<number> {
  let isAbandoned = false;
  try {
    await interruptible(work, {
      interrupted(signal, end) {
        isAbandoned = true;
        const failure = findingOf(interruptError("CLI_INTERRUPTED", { got: signal }));
        const number = constants.signals[signal as NodeJS.Signals];
        output.abandon(
          names.map((name) => resultOfFinding(name, failure)),
          128 + number,
        );
        end();
      },
      unfinished: (failure) => (isAbandoned ? new Unfinished(failure, nothingMore) : failure),
    });
  } finally {
    output.flush();
  }
  return output.end();
}
