import { localSigstoreError } from "./errors.ts";

/** JSON of a request body. Throws LOCAL_SIGSTORE_REQUEST_MALFORMED. */
export function parseRequestJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", "body is not JSON", cause);
  }
}

/** The value at a path of member names, or undefined when something on the way is absent or no object. */
export function memberAt(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

/** Non-empty text at a path. Throws LOCAL_SIGSTORE_REQUEST_MALFORMED. */
export function textAt(value: unknown, path: string): string {
  const found = memberAt(value, path);
  if (typeof found === "string" && found !== "") return found;
  throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", { checked: path, expected: "text" });
}

/** Base64 at a path, either alphabet, as bytes. Throws LOCAL_SIGSTORE_REQUEST_MALFORMED. */
export function bytesAt(value: unknown, path: string): Uint8Array {
  return decodeBase64(textAt(value, path), path);
}

/** Base64 of either alphabet, white space allowed as protobuf JSON readers do. */
export function decodeBase64(encoded: string, at: string): Uint8Array {
  const plain = encoded.replaceAll(/\s/g, "");
  if (/^[A-Za-z0-9+/_-]+=*$/.test(plain)) return new Uint8Array(Buffer.from(plain, "base64"));
  throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", { checked: at, expected: "base64" });
}

/** Runs a reader of bytes from outside; whatever it throws becomes LOCAL_SIGSTORE_REQUEST_MALFORMED. */
export function readOr<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", what, cause);
  }
}
