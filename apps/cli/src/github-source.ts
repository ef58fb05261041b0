import { placeOf } from "@countersign/oci";
import {
  githubApi,
  githubEvidence,
  parseGithubSource,
  type GithubWorld,
  type ImageQuestion,
} from "@countersign/pipeline";
import { cliError } from "./errors.ts";
import { http, sleep } from "./http.ts";
import type { ImageVerifyOptions } from "./image-options.ts";
import { useNetwork } from "./network.node.ts";
import { plain } from "./render-text.ts";
import type { Terminal } from "./terminal.ts";

/**
 * GitHub in place of the registry, as `--from github:OWNER/REPO` says. Opens no socket yet. `pause` waits so many milliseconds;
 * longer waits are told. Throws CLI_OPTION_*.
 */
export function githubSource(
  from: string,
  { layout, evidenceRepository }: ImageVerifyOptions,
  terminal: Terminal,
  pause: GithubWorld["sleep"] = sleep,
): Required<Pick<ImageQuestion, "findElsewhere">> {
  if (layout !== undefined || evidenceRepository !== undefined)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--from", got: "another place for the evidence as well" });
  const { env } = terminal;
  const source = parseGithubSource(from);
  const token = [env["GH_TOKEN"], env["GITHUB_TOKEN"]].find((each) => each !== undefined && each !== "");
  // What a header cannot hold would be in the message of whoever refuses to send it.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw cliError("CLI_OPTION_VALUE", { checked: "GH_TOKEN or GITHUB_TOKEN", expected: "a token" });
  useNetwork(terminal);
  const world: GithubWorld = {
    http,
    sleep: pause,
    now: () => terminal.now(),
    onWait: (ms, reason) => {
      if (ms >= toldMs) terminal.err(`countersign: waiting ${Math.ceil(ms / 1000)} s: ${plain(reason)}\n`);
    },
    api: apiOf(env),
    ...(token !== undefined && { token }),
  };
  return { findElsewhere: githubEvidence(source, world) };
}

/** From how long a wait on somebody is told of it, in milliseconds. */
const toldMs = 5000;

/** The token goes there: over https, or within this machine. */
function apiOf({ GITHUB_API_URL: text = "" }: Terminal["env"]): URL {
  if (text === "") return new URL(githubApi);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && placeOf(url.hostname) === "loopback");
  if (url !== undefined && isSafe && url.username === "" && url.password === "") return url;
  throw cliError("CLI_OPTION_VALUE", { checked: "GITHUB_API_URL", expected: "an https address" });
}
