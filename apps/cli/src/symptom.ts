import { TrustError } from "@countersign/core";

/** One thing that `doctor` has looked at. */
export interface Symptom {
  readonly name: string;
  readonly result: "good" | "note" | "bad";
  readonly detail: string;
  /** One action, where there is one to take. */
  readonly fix?: string;
}

/** What `look` finds; where it throws a TrustError, that. */
export async function symptomOf(name: string, look: () => Symptom | Promise<Symptom>): Promise<Symptom> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { name, result: "bad", detail: error.message, fix: error.fix };
  }
}
