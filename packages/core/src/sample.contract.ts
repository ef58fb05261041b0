import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { coreError, TrustError } from "./errors.ts";
import type { CanonicalErrors } from "./canonical-scan.ts";
import type { Json } from "./json.ts";

/** Public test data beside the repository; absent on most machines. */
export const sharedData: URL = new URL("../../../../shared/data/", import.meta.url);
/** Whether it is there. */
export const hasSharedData: boolean = existsSync(sharedData);

/** `taken`, or the code of the refusal. Anything but a TrustError is thrown on. */
export function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return "taken";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

/** One file of shared data. */
export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** All JSON files of the Sigstore data: bundles, trust roots, signing configs. Empty without shared data. */
export function sigstoreJson(): readonly Sample[] {
  const folder = new URL("sigstore/", sharedData);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted();
  const chosen = names.filter((name) => /\.(?:json|sigstore)$/.test(name));
  return chosen.map((name) => ({ name, bytes: new Uint8Array(readFileSync(new URL(name, folder))) }));
}

/** Every certificate in those files, once: members named rawBytes whose DER starts as a certificate's does. */
export function sigstoreCertificates(): readonly Sample[] {
  const found = new Map<string, Sample>();
  for (const { name, bytes } of sigstoreJson()) {
    const text = new TextDecoder().decode(bytes);
    for (const [, encoded = ""] of text.matchAll(/"rawBytes"\s*:\s*"(MII[A-Za-z0-9+/=]+)"/g)) {
      const der = new Uint8Array(Buffer.from(encoded, "base64"));
      // A key is SEQUENCE { SEQUENCE { OID, a certificate SEQUENCE { SEQUENCE { [0].
      if (der[4] === 0x30 && der[5] === 0x82 && der[8] === 0xa0) found.set(encoded, { name, bytes: der });
    }
  }
  return [...found.values()];
}

/** Core's own errors, for its reader of canonical JSON. */
export const canonicalErrors: CanonicalErrors = {
  malformed: (detail) => coreError("CORE_JSON_MALFORMED", detail),
  duplicate: (detail) => coreError("CORE_JSON_DUPLICATE", detail),
  number: (detail) => coreError("CORE_JSON_NOT_CANONICAL", detail),
};

const texts: fc.Arbitrary<string> = fc.string({
  unit: fc.constantFrom("a", "b", '"', "\\", "é", "🙂", "\ufb01", "\n", "\0", "/"),
});

/** JSON that canonical JSON can write, rich in characters that need care. */
export const integerJson: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map((value) => value + 0),
    texts,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(texts, tie("value"), { maxKeys: 6 }),
  ),
})).value;
