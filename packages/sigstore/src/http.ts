/** One request to a service. Every one has a time limit and a cap on the answer. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/** What came back; header names in lower case. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** How services are called. Answers with any status; throws a TrustError of kind `unavailable` where there was no answer. */
export type Http = (request: HttpRequest) => Promise<HttpResponse>;
