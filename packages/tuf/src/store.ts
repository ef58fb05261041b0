import { quote } from "@countersign/core";
import { tufError } from "./errors.ts";

/**
 * Where a client keeps what it verified. Names are chosen by this package, never taken from metadata: a role's file name is
 * escaped first. `store.node.ts` has the one on disk.
 */
export interface Store {
  /** Runs `work` while no other process has a session of this store. Rejects with TUF_STORE_BUSY if the owner stays too long. */
  open<T>(work: (session: StoreSession) => Promise<T>, options?: { readonly signal?: AbortSignal }): Promise<T>;
}

/** What can be done while the store is ours. */
export interface StoreSession {
  /**
   * The bytes under that name; undefined if there are none. What was read is hearsay: verify it as if it came from the network.
   * Rejects with TUF_STORE_DAMAGED if it is longer than `maxBytes` or no plain file: like bytes that do not parse, no reason to
   * give up, for the next `write` puts it right.
   */
  read(name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Puts the bytes there so that a crash at any moment leaves the old ones or the new ones, and once it resolved, the new ones. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /**
   * As `write`, but quick: after a loss of power the file may be the old one, missing or damaged. For what can be fetched again
   * and is bound by something that was written, such as a delegated role that snapshot names.
   */
  cache(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
  /** All names, sorted. */
  list(): Promise<readonly string[]>;
}

/** Longest name in a store, in characters: what every file system takes, with room for a temporary file's affixes. */
export const maxStoreNameChars = 200;

/**
 * Throws TUF_STORE_NAME unless the name is a plain file name on every platform: letters, digits and `%+,=@_-.`, no dot at either
 * end, no device of Windows (`con`, `nul.json`), at most `maxStoreNameChars`, and not `lock`, which the store keeps for itself.
 */
export function checkStoreName(name: string): void {
  const isPlain = /^[A-Za-z0-9%+,=@_-](?:[A-Za-z0-9%+,=@_.-]*[A-Za-z0-9%+,=@_-])?$/.test(name);
  if (isPlain && name.length <= maxStoreNameChars && !isDeviceName(name) && name.toLowerCase() !== "lock") return;
  throw tufError("TUF_STORE_NAME", {
    expected: `letters, digits and %+,=@_-. only, at most ${maxStoreNameChars} characters`,
    got: quote(name),
  });
}

/** Whether Windows takes the file name for a device, whatever follows the first dot. */
export function isDeviceName(name: string): boolean {
  return /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ ]*(?:[.:]|$)/i.test(name);
}
