import { makeHttp } from "@countersign/pipeline";
import type { Http } from "@countersign/sigstore";

/** How this command reaches services: the platform's fetch, looked up at each call so that a proxy set later counts. */
export const http: Http = makeHttp((url, init) => fetch(url, init));
