import type { KeyObject } from "node:crypto";
import { createRequire, syncBuiltinESMExports } from "node:module";

type Crypto = Pick<typeof import("node:crypto"), "createPublicKey" | "verify">;
const crypto = createRequire(import.meta.url)("node:crypto") as Crypto;
const { createPublicKey, verify } = crypto;

/** One call of node:crypto's `verify`, in a form that crosses threads. */
export interface SignatureCheck {
  readonly hash: string | null;
  readonly message: Uint8Array;
  readonly pem: string;
  /** Whether the bundle brought the key: then nobody can have opened it before. */
  readonly isBrought: boolean;
  readonly signature: Uint8Array;
}

/**
 * The signature checks that `run` asks node:crypto for. They are only noted, not made, and all answered with yes: of a
 * good bundle this shows every one.
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
    const pem = brought.get(key) ?? (key.export({ type: "spki", format: "pem" }) as string);
    const own = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
    checks.push({ hash, message: own(message), pem, isBrought: brought.has(key), signature: own(signature) });
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

/** A check with its key opened, if it is one of the trust root's or `openChecks` was asked for all. */
export interface OpenCheck extends SignatureCheck {
  readonly key?: KeyObject;
}

/** Opens the keys of the trust root, each once; `all` opens those of the bundles as well. */
export function openChecks(
  checks: readonly SignatureCheck[],
  known: Map<string, KeyObject>,
  which: "known" | "all",
): readonly OpenCheck[] {
  return checks.map((check) => {
    if (check.isBrought) return which === "all" ? { ...check, key: createPublicKey(check.pem) } : check;
    const key = known.get(check.pem) ?? createPublicKey(check.pem);
    known.set(check.pem, key);
    return { ...check, key };
  });
}

/** Makes the checks and nothing else, opening the keys that are not open. Throws if one fails: it was not the right work. */
export function replayChecks(checks: readonly OpenCheck[]): void {
  for (const { hash, message, key, pem, signature } of checks) {
    if (!verify(hash, message, key ?? createPublicKey(pem), signature))
      throw new Error("a recorded signature does not verify");
  }
}

/** How many checks by which kind of key, as text: `1 ed25519, 3 prime256v1`. */
export function countKinds(checks: readonly SignatureCheck[]): string {
  const counts = new Map<string, number>();
  for (const { pem } of checks) {
    const key = createPublicKey(pem);
    const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? "";
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
}
