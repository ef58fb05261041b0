/** What had been done before a failure, as it is told after it. */
export interface Done {
  /** The JSON of the failure with one member more. */
  readonly inJson: (failure: string) => string;
  /** Lines for people, or none. */
  readonly inText: () => string;
}

/** A failure in the middle of work that cannot be undone: it stays the failure, and what had been done is told with it. */
export class Unfinished extends Error {
  readonly failure: unknown;
  readonly done: Done;

  constructor(failure: unknown, done: Done) {
    super("unfinished", { cause: failure });
    this.failure = failure;
    this.done = done;
  }
}
