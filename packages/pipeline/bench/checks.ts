import { createRequire, syncBuiltinESMExports } from "node:module";
import type { KeyObject } from "node:crypto";

type Crypto = Pick<typeof import("node:crypto"), "createPublicKey" | "verify">;
const crypto = createRequire(import.meta.url)("node:crypto") as Crypto;
const { createPublicKey, verify } = crypto;

/** One call of node:crypto's `verify`. */
export interface SignatureCheck {
  readonly hash: string | null | undefined;
  readonly message: Uint8Array;
  /** Opened, and not used before where the bundle brought it. */
  readonly key: KeyObject;
  /** Of a key that the bundle brought: what has to be opened before the check can be made. */
  readonly pem?: string;
  readonly signature: Uint8Array;
}

/**
 * The signature checks that `run` asks node:crypto for. They are only noted, not made, and all answered with yes: of a
 * good bundle this shows every one, and what is replayed later meets nothing that was used before.
 */
export function recordChecks(run: () => void): readonly SignatureCheck[] {
  const checks: SignatureCheck[] = [];
  const brought = new Map<KeyObject, string>();
  crypto.createPublicKey = ((input: string) => {
    const key = createPublicKey(input);
    brought.set(key, input);
    return key;
  }) as typeof createPublicKey;
  crypto.verify = ((...[hash, message, key, signature]: [string | null, Uint8Array, KeyObject, Uint8Array]) => {
    const pem = brought.get(key);
    checks.push({ hash, message, key, signature, ...(pem === undefined ? {} : { pem }) });
    return true;
  }) as typeof verify;
  syncBuiltinESMExports();
  try {
    run();
  } finally {
    Object.assign(crypto, { createPublicKey, verify });
    syncBuiltinESMExports();
  }
  return checks;
}

/** Makes the checks and nothing else, opening the keys that bundles bring. Throws if one fails: it was not the right work. */
export function replayChecks(checks: readonly SignatureCheck[]): void {
  for (const { hash, message, key, pem, signature } of checks) {
    if (!verify(hash, message, pem === undefined ? key : createPublicKey(pem), signature)) throw new Error(failed);
  }
}

/** The same with every key opened beforehand, as no verifier could have it. */
export function replayOpened(checks: readonly SignatureCheck[]): void {
  for (const { hash, message, key, signature } of checks) {
    if (!verify(hash, message, key, signature)) throw new Error(failed);
  }
}

const failed = "a recorded signature does not verify";

/** How many checks by which kind of key, as text: `3 prime256v1, 1 ed25519`. */
export function countKinds(checks: readonly SignatureCheck[]): string {
  const counts = new Map<string, number>();
  for (const { key } of checks) {
    const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? "";
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
}
