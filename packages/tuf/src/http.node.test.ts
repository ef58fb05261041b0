import { httpFetch } from "./http.node.ts";

// All that holds of a fetcher over the platform's fetch holds of one over ours: the same tests, against the same servers.
globalThis.fetch = httpFetch as typeof fetch;
await import("./http-fetch.test.ts");
