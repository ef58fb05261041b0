import { tufTagMaps, type TagMaps } from "@countersign/pipeline";
import { cliError } from "./errors.ts";
import type { ImageVerifyOptions } from "./image-options.ts";
import { checkDirectory } from "./input.node.ts";
import type { Terminal } from "./terminal.ts";
import {
  askSecondOpinion,
  metadataOf,
  openClient,
  openForgetfulClient,
  parseTime,
  type UpdateClient,
} from "./update-client.ts";

/** The maps of tags that the options ask for. Opens no socket yet. Throws CLI_OPTION_*, CLI_UPDATE_*. */
export async function openTagMaps(options: ImageVerifyOptions, terminal: Terminal): Promise<TagMaps> {
  const client = await clientOf(options, terminal);
  const { updater, fetcher } = client;
  return tufTagMaps({
    updater,
    fetcher,
    ...(options.secondOpinion === true && { confirm: (target) => askSecondOpinion(client, [target]) }),
  });
}

async function clientOf(options: ImageVerifyOptions, terminal: Terminal): Promise<UpdateClient> {
  const { tagMap: store, tagMapCopy: copy, tagMapAt: at, secondOpinion, layout } = options;
  if (store === undefined)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--tag-map-copy, --tag-map-at",
      expected: "--tag-map beside them",
    });
  const opinion = secondOpinion === true && { secondOpinion };
  if (copy === undefined) {
    if (layout !== undefined)
      throw cliError("CLI_OPTION_CONFLICT", { checked: "--layout, --tag-map", expected: "--tag-map-copy beside them" });
    if (at !== undefined)
      throw cliError("CLI_OPTION_CONFLICT", { checked: "--tag-map-at", expected: "--tag-map-copy beside it" });
    return await openClient({ store, ...opinion }, terminal);
  }
  const fromCopy = { store, mirror: [metadataOf(checkDirectory(copy, "copy"))], ...opinion };
  if (at === undefined) return await openClient(fromCopy, terminal);
  const now = parseTime(at, "--tag-map-at");
  return await openForgetfulClient(fromCopy, { ...terminal, now: () => now });
}
