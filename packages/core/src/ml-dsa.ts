/* ML-DSA where the platform has none: browsers, and Node before 24. Imports nothing but noble, for the reason in prehash.ts. */
import { ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js";

const levels = { 44: ml_dsa44, 65: ml_dsa65, 87: ml_dsa87 } as const;

/** Whether the pure ML-DSA signature (FIPS 204, empty context) is over the message. Only for keys and signatures of the level's lengths. */
export function isMlDsa(level: 44 | 65 | 87, key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return levels[level].verify(signature, message, key);
}
