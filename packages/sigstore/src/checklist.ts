import { TrustError, type Check } from "@countersign/core";

/** Runs checks one after another and keeps what each one said, so that a report lists all problems and not the first. */
export interface Checklist {
  /** Runs one check; a TrustError is noted and undefined comes back. Usage errors and bugs of ours are thrown on. */
  run<T>(name: string, check: () => Proved<T>): T | undefined;
  /** The first reason why something whose name starts with `prefix` was skipped. */
  skipped(prefix: string): TrustError | undefined;
  /** Notes something that counts for nothing, with the reason. */
  skip(name: string, reason: TrustError): void;
  fail(name: string, reason: TrustError): void;
  readonly checks: readonly Check[];
  /** The first failure, which names the reason of a refusal. */
  readonly problem: TrustError | undefined;
}

/** What a check proved, and the words for it. */
export interface Proved<T> {
  readonly value: T;
  readonly detail: string;
}

/** Makes an empty list. */
export function makeChecklist(): Checklist {
  const checks: Check[] = [];
  let problem: TrustError | undefined;
  const fail = (name: string, reason: TrustError): void => {
    if (reason.kind === "usage") throw reason;
    problem ??= reason;
    checks.push({ name, result: "failed", detail: reason.message, code: reason.code });
  };
  const run = <T>(name: string, check: () => Proved<T>): T | undefined => {
    try {
      const { value, detail } = check();
      checks.push({ name, result: "passed", detail });
      return value;
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      fail(name, error);
      return undefined;
    }
  };
  const reasons: { name: string; reason: TrustError }[] = [];
  const skip = (name: string, reason: TrustError): void => {
    reasons.push({ name, reason });
    checks.push({ name, result: "skipped", detail: reason.message, code: reason.code });
  };
  return {
    run,
    skip,
    skipped: (prefix) => reasons.find(({ name }) => name.startsWith(prefix))?.reason,
    fail,
    checks,
    get problem() {
      return problem;
    },
  };
}
