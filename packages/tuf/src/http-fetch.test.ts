import { describeFetcher } from "./http-fetch.contract.ts";

await describeFetcher(async (url, init) => fetch(url, init));
