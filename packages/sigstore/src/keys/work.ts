import { sigstoreError } from "../errors.ts";

/** Cost of scrypt (RFC 7914 §2), by its names there. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** The most memory that opening a key may take, in bytes: scrypt with N = 2^18, r = 8 and p = 1, 256 MiB and a block. */
export const maxScryptBytes: number = 128 * 8 * (2 ** 18 + 1);
/*
 * Who gives a key file away chooses how much work it takes to open, and a job in CI opens what it is given. The bounds are far above
 * what tools write by themselves, and end the work within half a minute on a machine of today.
 */

/** The most rounds of work, N·r·p: eight times cosign's, some seconds. */
export const maxScryptWork: number = 2 ** 22;
/** The most rounds of bcrypt_pbkdf, of which ssh-keygen does 16 or 24 unless told otherwise: some twenty seconds. */
export const maxBcryptRounds: number = 1024;
/** The most rounds of PBKDF2, of which OpenSSL does 2,048 and OWASP asks for 600,000 at most: some ten seconds. */
export const maxPbkdf2Rounds: number = 10_000_000;

/** What takes longer than about a second: whoever waits is told. */
const quickRounds: Readonly<Record<"scrypt" | "bcrypt_pbkdf" | "PBKDF2", number>> = {
  scrypt: 2 ** 20,
  bcrypt_pbkdf: 64,
  PBKDF2: 1_000_000,
};

/** Work that takes longer than a second, in words; undefined for less. Of scrypt, the rounds are N·r·p. */
export function slowWork(name: keyof typeof quickRounds, rounds: number): string | undefined {
  return rounds > quickRounds[name] ? `${rounds} rounds of ${name}` : undefined;
}

/**
 * Proves that scrypt of this cost is well defined and stays within `maxScryptBytes` and `maxScryptWork`; answers how much
 * memory it takes, in bytes. Does not prove that it is costly enough for whoever guesses. Throws SIGSTORE_KEY_WORK.
 */
export function checkScrypt({ N, r, p }: ScryptCost): number {
  const isCount = [N, r, p].every((each) => Number.isSafeInteger(each) && each >= 1);
  const isPower = isCount && N >= 2 && Number.isInteger(Math.log2(N));
  const bytes = 128 * r * (N + p);
  if (isPower && bytes <= maxScryptBytes && N * r * p <= maxScryptWork) return bytes;
  throw sigstoreError("SIGSTORE_KEY_WORK", {
    checked: "scrypt",
    expected: `N a power of two, 128·r·(N + p) up to ${maxScryptBytes}, N·r·p up to ${maxScryptWork}`,
    got: `N ${N}, r ${r}, p ${p}`,
  });
}

/** Proves that so many rounds of PBKDF2 can be done. Throws SIGSTORE_KEY_WORK. */
export function checkPbkdf2(rounds: number): void {
  checkRounds("PBKDF2", rounds, maxPbkdf2Rounds);
}

/** Proves that so many rounds of bcrypt_pbkdf can be done. Throws SIGSTORE_KEY_WORK. */
export function checkBcrypt(rounds: number): void {
  checkRounds("bcrypt_pbkdf", rounds, maxBcryptRounds);
}

function checkRounds(checked: string, rounds: number, most: number): void {
  if (Number.isSafeInteger(rounds) && rounds >= 1 && rounds <= most) return;
  throw sigstoreError("SIGSTORE_KEY_WORK", { checked, expected: `1 to ${most} rounds`, got: `${rounds}` });
}
