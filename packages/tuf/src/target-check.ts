import {
  digestName,
  makeDigestHasher,
  quote,
  type Digest,
  type DigestHasher,
  type TrustError,
} from "@countersign/core";
import { tufError } from "./errors.ts";

/** A target that is wanted, as verified metadata has it. */
export interface WantedTarget {
  /** Its name in the metadata. */
  readonly name: string;
  /** In bytes. */
  readonly length: number;
  /** At least one; every one must fit. */
  readonly digests: readonly Digest[];
  /** Where the repository may have it, below its targets address; not escaped. The first one that some mirror has is used. */
  readonly addresses: readonly string[];
}

/** Looks at a target's bytes as they come. */
export interface TargetCheck {
  update(bytes: Uint8Array): void;
  /** How many bytes came. */
  readonly size: number;
  /** Once all came: throws TUF_TARGET_LENGTH or TUF_TARGET_HASH unless they are what was signed. May be called once. */
  finish(): void;
}

/** Starts a check. Throws TUF_TARGET_HASH if the target names no hash, for then anything would be it. */
export function checkTarget({ name, length, digests }: WantedTarget): TargetCheck {
  const hashers = digests.map((digest): [Digest, DigestHasher] => [digest, makeDigestHasher(digestName(digest))]);
  if (hashers.length === 0) throw tufError("TUF_TARGET_HASH", { checked: quote(name), expected: "at least one hash" });
  let size = 0;
  return {
    get size() {
      return size;
    },
    update: (bytes) => {
      size += bytes.length;
      for (const [, hasher] of hashers) hasher.update(bytes);
    },
    finish: () => {
      if (size !== length) throw wrongLength(name, length, size);
      for (const [expected, hasher] of hashers) {
        const got = hasher.finish();
        if (got !== expected) throw tufError("TUF_TARGET_HASH", { checked: quote(name), expected, got });
      }
    },
  };
}

function wrongLength(name: string, length: number, size: number): TrustError {
  return tufError("TUF_TARGET_LENGTH", { checked: quote(name), expected: `${length} bytes`, got: `${size}` });
}

/** Whether an error says that the bytes are not those that were signed. */
export function isWrongBytes({ code }: TrustError): boolean {
  return ["TUF_TARGET_LENGTH", "TUF_TARGET_HASH", "TUF_FETCH_TOO_LARGE"].includes(code);
}
