/** Hash functions that this project signs over. */
export type HashName = "sha256" | "sha384" | "sha512";

/** The hash functions, shortest first. */
export const hashNames: readonly HashName[] = ["sha256", "sha384", "sha512"];
/** Output length of each hash function, in bytes. */
export const hashBytes: Readonly<Record<HashName, number>> = { sha256: 32, sha384: 48, sha512: 64 };
