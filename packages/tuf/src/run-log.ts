import { findingOf, TrustError, type Check, type Finding } from "@countersign/core";
import { formatInstant } from "./time.ts";

/** One metadata file that a run looked at, for reports. */
export interface RunStep {
  readonly role: string;
  /** Its name in the repository or the store. */
  readonly file: string;
  readonly from: "anchor" | "store" | "network";
  /** Only if the file was right in form. */
  readonly version?: number;
  readonly expires?: string;
  /**
   * `compared`: only who signed it is proved, so that newer metadata can be held against it. `refused` from the store is no
   * failure: the file is fetched instead.
   */
  readonly outcome: "trusted" | "compared" | "refused" | "absent";
  /** What was checked, in order; the last one failed if it was refused. */
  readonly checks: readonly Check[];
}

/** What a run did and saw, as plain data. */
export interface RunReport {
  /** The one time by which everything was judged, ISO 8601. */
  readonly time: string;
  readonly steps: readonly RunStep[];
  readonly findings: readonly Finding[];
}

/** Notes the steps of a run. */
export interface RunLog {
  /** Runs the checks of one file; what it throws is noted and thrown on. */
  step<T extends Noted>(file: StepFile, accept: (checks: Check[]) => T): T;
  absent(file: Pick<RunStep, "role" | "file" | "from">): void;
  /** Notes an error that does not end the run. */
  warn(error: TrustError): void;
  report(nowMs: number): RunReport;
}

/** The file of a step, and what it means if all checks pass: `trusted` unless given. */
export interface StepFile extends Pick<RunStep, "role" | "file" | "from"> {
  readonly outcome?: "compared";
}

/** What a step made trusted. */
interface Noted {
  readonly version: number;
  readonly expires: string;
}

/** An empty log. `onStep` is told of each step as it ends. */
export function makeRunLog(onStep: (step: RunStep) => void = () => {}): RunLog {
  const steps: RunStep[] = [];
  const findings: Finding[] = [];
  const push = (step: RunStep): void => {
    steps.push(step);
    onStep(step);
  };
  return {
    step({ role, file, from, outcome }, accept) {
      const checks: Check[] = [];
      try {
        const noted = accept(checks);
        const { version, expires } = noted;
        push({ role, file, from, version, expires, outcome: outcome ?? "trusted", checks });
        return noted;
      } catch (error) {
        if (error instanceof TrustError) push({ role, file, from, outcome: "refused", checks });
        throw error;
      }
    },
    absent(file) {
      push({ ...file, outcome: "absent", checks: [] });
    },
    warn(error) {
      findings.push({ ...findingOf(error), level: "warn" });
    },
    report(nowMs) {
      return { time: formatInstant(nowMs), steps: [...steps], findings: [...findings] };
    },
  };
}
