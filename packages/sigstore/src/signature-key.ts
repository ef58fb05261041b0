import { equalBytes, makeVerifier, type AlgorithmName, type Verifier } from "@countersign/core";

/** A key of which only the kind is known: it is opened for each algorithm that may have made a signature. */
export interface SignatureKey {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Throws as `makeVerifier`. */
  open(algorithm: AlgorithmName): Verifier;
}

/** A key that came in a bundle: opened anew each time, since nothing of one bundle is kept for the next. */
export function bundleKey(spki: Uint8Array): SignatureKey {
  return { spki, open: (algorithm) => makeVerifier(spki, algorithm) };
}

/** The caller's own key, which judges bundle after bundle: opened once for each algorithm, and kept as long as the caller keeps it. */
export function callerKey(key: Verifier): SignatureKey {
  const { spki } = key;
  const known = opened.get(key);
  // Whoever changed the bytes of a key has another one.
  const verifiers =
    known !== undefined && equalBytes(known.spki, spki) ? known.verifiers : new Map<AlgorithmName, Verifier>();
  if (verifiers !== known?.verifiers) opened.set(key, { spki: new Uint8Array(spki), verifiers });
  return {
    spki,
    open(algorithm) {
      const verifier = verifiers.get(algorithm) ?? makeVerifier(spki, algorithm);
      verifiers.set(algorithm, verifier);
      return verifier;
    },
  };
}

const opened = new WeakMap<Verifier, { readonly spki: Uint8Array; readonly verifiers: Map<AlgorithmName, Verifier> }>();
