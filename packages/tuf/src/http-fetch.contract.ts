import type { HttpFetcherOptions } from "./http-fetch.ts";
import { describeMetadata } from "./http-fetch-metadata.contract.ts";
import { describeMirrors } from "./http-fetch-mirror.contract.ts";
import { describeTargets } from "./http-fetch-target.contract.ts";
import { openTrial } from "./http-fetch-trial.contract.ts";

/** What holds of a fetcher, whichever `fetch` it is made over: the same tests, against the same servers. */
export async function describeFetcher(fetch: HttpFetcherOptions["fetch"]): Promise<void> {
  const trial = await openTrial(fetch);
  describeMetadata(trial);
  describeMirrors(trial);
  describeTargets(trial);
}
