/** One request to a registry. It follows no redirect and keeps nothing. */
export interface OciRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What is sent; a function where it is more than memory should hold, called once for each try. */
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** How long the answer may stay silent, before its headers and between two chunks, in milliseconds. */
  readonly timeoutMs: number;
  /** How long all of the answer may take, in milliseconds; without end unless given, since images are large. */
  readonly wholeMs?: number;
  readonly signal?: AbortSignal;
}

/** What came back; header names in lower case, several of one name joined by ", ". The body comes as it arrives. */
export interface OciResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * How registries are called. Answers with any status; throws a TrustError of kind `unavailable` where there was no answer,
 * and from the body where it ended early or stayed silent too long.
 */
export type OciHttp = (request: OciRequest) => Promise<OciResponse>;
