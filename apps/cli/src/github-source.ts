import { placeOf } from "@countersign/oci";
import { githubApi, githubEvidence, parseGithubSource, type ImageQuestion } from "@countersign/pipeline";
import { cliError } from "./errors.ts";
import { http } from "./http.ts";
import type { ImageVerifyOptions } from "./image-options.ts";
import type { Terminal } from "./terminal.ts";

/** GitHub in place of the registry, as `--from github:OWNER/REPO` says. Opens no socket yet. Throws CLI_OPTION_*. */
export function githubSource(
  from: string,
  { layout, evidenceRepository }: ImageVerifyOptions,
  { env }: Terminal,
): Required<Pick<ImageQuestion, "findElsewhere">> {
  if (layout !== undefined || evidenceRepository !== undefined)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--from", got: "another place for the evidence as well" });
  const source = parseGithubSource(from);
  const token = [env["GH_TOKEN"], env["GITHUB_TOKEN"]].find((each) => each !== undefined && each !== "");
  // What a header cannot hold would be in the message of whoever refuses to send it.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw cliError("CLI_OPTION_VALUE", { checked: "GH_TOKEN or GITHUB_TOKEN", expected: "a token" });
  return { findElsewhere: githubEvidence(source, { http, api: apiOf(env), ...(token !== undefined && { token }) }) };
}

/** The token goes there: over https, or within this machine. */
function apiOf({ GITHUB_API_URL: text = "" }: Terminal["env"]): URL {
  if (text === "") return new URL(githubApi);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && placeOf(url.hostname) === "loopback");
  if (url !== undefined && isSafe && url.username === "" && url.password === "") return url;
  throw cliError("CLI_OPTION_VALUE", { checked: "GITHUB_API_URL", expected: "an https address" });
}
