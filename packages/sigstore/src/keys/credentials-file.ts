import { parseUtf8, quote, TrustError, type Detail } from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import type { KeyIo } from "./resolver.node.ts";

type FileIo = Pick<KeyIo, "readIfPresent">;

/**
 * A file of credentials, UTF-8, or undefined if there is none: then the next place is asked. One that is there and cannot be read
 * is a mistake, not a reason to be somebody else. Throws SIGSTORE_KEY_CREDENTIALS_FILE, which repeats nothing of the file.
 */
export function readCredentialsFile(path: string, { readIfPresent }: FileIo): string | undefined {
  const bytes = attemptRead(path, readIfPresent);
  if (bytes === undefined) return undefined;
  try {
    return parseUtf8(bytes);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw unusableFile(path, { expected: "UTF-8" });
  }
}

/** As `readCredentialsFile`, of a file that a variable names: it must be there. */
export function readNamedFile(path: string, io: FileIo): string {
  const text = readCredentialsFile(path, io);
  if (text !== undefined) return text;
  throw unusableFile(path, { expected: "a file, since a variable names it", got: "none" });
}

/** Makes SIGSTORE_KEY_CREDENTIALS_FILE; the detail must repeat nothing of the file. */
export function unusableFile(path: string, detail: Omit<Detail, "checked">): TrustError {
  return sigstoreError("SIGSTORE_KEY_CREDENTIALS_FILE", { checked: quote(path), ...detail });
}

/** What the caller says of the file is about its path alone, and is the cause. */
function attemptRead(path: string, read: KeyIo["readIfPresent"]): Uint8Array | undefined {
  try {
    return read(path);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const detail = { checked: quote(path), got: error.detail.got ?? error.message.replace(/: .*$/s, "") };
    throw sigstoreError("SIGSTORE_KEY_CREDENTIALS_FILE", detail, error);
  }
}
