import { existsSync, readdirSync, readFileSync } from "node:fs";
import { TrustError } from "./errors.ts";

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
