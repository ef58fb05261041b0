import { quote, utf8 } from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import type { AskPassword } from "./key-file.node.ts";
import { askIfThere, noCredentials, parseServiceAddress, variableOf, wrongAnswer } from "./key-service.ts";
import { referenceMalformed } from "./reference-error.ts";
import type { KeyIo } from "./resolver.node.ts";

/** A key pair in the CI/CD variables of a GitLab project or group, as `cosign generate-key-pair gitlab://` puts it there. */
export interface GitlabReference {
  readonly kind: "gitlab";
  /** Path or number of a project or group. */
  readonly owner: string;
}

/** Parses `gitlab://PATH` or `gitlab://NUMBER`. Throws SIGSTORE_KEY_REFERENCE. */
export function parseGitlabReference(text: string): GitlabReference {
  const [, owner] = /^gitlab:\/\/((?!-)[\w.-]{1,255}(?:\/[\w.-]{1,255}){0,20})$/.exec(text) ?? [];
  const isPath = owner !== undefined && !owner.split("/").some((part) => /^\.+$/.test(part));
  if (!isPath) throw referenceMalformed(text, "gitlab://GROUP/PROJECT, a group, or the number of one");
  return { kind: "gitlab", owner };
}

/** The names that cosign gives the variables. */
export type GitlabVariable = "COSIGN_PRIVATE_KEY" | "COSIGN_PUBLIC_KEY" | "COSIGN_PASSWORD";

/**
 * Reads a CI/CD variable of the project, or else of the group (GitLab REST API, "Project-level CI/CD variables" and "Group-level
 * variables"), at $GITLAB_HOST or gitlab.com, with $GITLAB_TOKEN. Undefined where neither has it.
 * Throws SIGSTORE_KEY_CREDENTIALS, SIGSTORE_KEY_ADDRESS and what `askKeyService` throws; none repeats the token.
 */
export async function findGitlabVariable(
  { owner }: GitlabReference,
  name: GitlabVariable,
  io: KeyIo,
): Promise<string | undefined> {
  const token = variableOf(io.env, "GITLAB_TOKEN");
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) throw noCredentials("GitLab", "GITLAB_TOKEN, that may read variables"); // prettier-ignore
  const host = variableOf(io.env, "GITLAB_HOST") ?? "gitlab.com";
  const base = parseServiceAddress(host.includes("://") ? host : `https://${host}`).replace(/\/api\/v4$/, "");
  for (const holder of ["projects", "groups"]) {
    const url = `${base}/api/v4/${holder}/${encodeURIComponent(owner)}/variables/${name}`;
    const answer = await askIfThere(io, { url, headers: { "private-token": token }, secrets: [token] });
    if (answer === undefined) continue;
    if (answer.string("key") !== name) throw wrongAnswer({ checked: "key", expected: name });
    return answer.string("value");
  }
  return undefined;
}

/** As `findGitlabVariable`, of a key that must be there. Throws SIGSTORE_KEY_SERVICE_REFUSED where it is not. */
export async function readGitlabKey(
  reference: GitlabReference,
  name: Exclude<GitlabVariable, "COSIGN_PASSWORD">,
  io: KeyIo,
): Promise<Uint8Array> {
  const text = await findGitlabVariable(reference, name, io);
  if (text !== undefined) return utf8(text);
  throw sigstoreError("SIGSTORE_KEY_SERVICE_REFUSED", {
    checked: `GitLab ${quote(reference.owner)}`,
    expected: `a project or group with a variable ${name}`,
  });
}

/** The password that stands beside the key, else whatever `io` knows. */
export function gitlabPassword(reference: GitlabReference, io: KeyIo): AskPassword {
  return async (name) => (await findGitlabVariable(reference, "COSIGN_PASSWORD", io)) ?? io.password(name);
}
