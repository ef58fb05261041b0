import { base64 } from "@countersign/core";
import type { Log } from "./trust-root.ts";

/** A party whose word was proved: who runs it (or its name, where nobody is named), and the key that it signed with. */
export interface Party {
  readonly operator: string;
  readonly key: string;
}

/** The log as a party. Where nobody is named the name that it signs with stands for who runs it: a log that changes its key stays one. */
export function partyOfLog({ operator, origin, logId, verifier }: Log): Party {
  return { operator: operator ?? (origin === "" ? base64(logId) : origin), key: verifier.keyid };
}

/**
 * How many of `parties` stand for themselves: in the order given, one counts if neither its operator nor its key
 * counted before (sigstore_trustroot.proto, `operator`). An operator with two keys is one, and so is a key under two names.
 */
export function countDistinct(parties: readonly Party[]): number {
  const operators = new Set<string>();
  const keys = new Set<string>();
  const counted = parties.filter(({ operator, key }) => {
    if (operators.has(operator) || keys.has(key)) return false;
    operators.add(operator);
    keys.add(key);
    return true;
  });
  return counted.length;
}
