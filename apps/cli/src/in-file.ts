import { quote, TrustError } from "@countersign/core";

/** Says which file it is about, `-` being standard input. */
export function inFile<T>(what: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const { code, kind, fix, message } = error;
    const says = `${what} ${path === "-" ? "from standard input" : quote(path)}`;
    throw new TrustError(code, { kind, says, fix }, message, error);
  }
}
