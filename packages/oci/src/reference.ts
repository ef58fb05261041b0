import { parseDigest, quote, TrustError, type Digest } from "@countersign/core";
import { ociError } from "./errors.ts";

/** An image by name: at most one of tag and digest decides which manifest is meant, the digest if both are there. */
export interface Reference {
  /** Host and port as written, `docker.io` where none was. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** The longest reference that is read, in UTF-16 units. */
export const maxReferenceChars: number = 1024;
/** The longest repository name, its host included, in characters (distribution-spec, "Pulling manifests"). */
export const maxNameChars: number = 255;

/** Where names without a host go. */
const defaultRegistry = "docker.io";
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const hostForm =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/**
 * Parses `[HOST[:PORT]/]NAME[:TAG][@DIGEST]` (distribution-spec 1.1; Docker's defaults: `docker.io`, `library/`, tag
 * `latest` where neither tag nor digest is given). Throws OCI_REFERENCE_MALFORMED. Asks no registry.
 */
export function parseReference(text: string): Reference {
  if (text.length > maxReferenceChars) throw malformed(text, `at most ${maxReferenceChars} characters`);
  const [named = "", digestText, ...more] = text.split("@");
  if (more.length > 0) throw malformed(text, "one @");
  const digest = digestText === undefined ? undefined : readDigest(digestText, text);
  const { name, tag } = splitTag(named, text);
  const { registry, repository } = splitHost(name, text);
  if (registry.length + repository.length >= maxNameChars) throw malformed(text, `a name below ${maxNameChars}`);
  const picked = tag ?? (digest === undefined ? "latest" : undefined);
  return {
    registry,
    repository,
    ...(picked !== undefined && { tag: picked }),
    ...(digest !== undefined && { digest }),
  };
}

/** The reference as a text that `parseReference` reads back. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${formatRepository({ registry, repository })}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** Host and repository alone. */
export function formatRepository({ registry, repository }: Pick<Reference, "registry" | "repository">): string {
  return `${registry}/${repository}`;
}

/** The same image by its digest alone: what was decided about cannot move any more. */
export function pinReference(
  { registry, repository }: Pick<Reference, "registry" | "repository">,
  digest: Digest,
): Reference {
  return { registry, repository, digest };
}

/** What a tag of a repository names; whatever else the argument holds, a digest above all, does not count. */
export function tagReference(
  { registry, repository }: Pick<Reference, "registry" | "repository">,
  tag: string,
): Reference {
  return { registry, repository, tag };
}

/** Another repository, as `HOST/NAME` without tag or digest. Throws OCI_REFERENCE_MALFORMED. */
export function parseRepository(text: string): Pick<Reference, "registry" | "repository"> {
  if (text.includes("@")) throw malformed(text, "a repository without a digest");
  const { name, tag } = splitTag(text, text);
  if (tag !== undefined) throw malformed(text, "a repository without a tag");
  return splitHost(name, text);
}

/** Whether a text may be a tag. */
export function isTag(text: string): boolean {
  return tagForm.test(text);
}

function splitTag(named: string, text: string): { name: string; tag: string | undefined } {
  const colon = named.lastIndexOf(":");
  if (colon === -1 || named.slice(colon).includes("/")) return { name: named, tag: undefined };
  const tag = named.slice(colon + 1);
  if (!isTag(tag)) throw malformed(text, "a tag of letters, digits, _, . and -");
  return { name: named.slice(0, colon), tag };
}

function splitHost(name: string, text: string): Pick<Reference, "registry" | "repository"> {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isHost = /[.:A-Z]/.test(first) || first === "localhost";
  const registry = isHost ? readHost(first, text) : defaultRegistry;
  const path = isHost ? name.slice(slash + 1) : name;
  const repository = registry === defaultRegistry && !path.includes("/") ? `library/${path}` : path;
  if (!repository.split("/").every((part) => component.test(part)))
    throw malformed(text, "a name of lower-case letters and digits, parts divided by /");
  return { registry, repository };
}

function readHost(host: string, text: string): string {
  const port = /:([0-9]+)$/.exec(host.replace(/^\[.*\]/, ""))?.[1];
  if (!hostForm.test(host) || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) throw malformed(text, "a host name");
  // A host that a URL would read as another one (0x7f.1, 127.1) must be written plainly.
  if (!URL.canParse(`https://${host}/`) || new URL(`https://${host}/`).hostname !== hostnameOf(host).toLowerCase())
    throw malformed(text, "a host name in its plain form");
  return host === "index.docker.io" ? defaultRegistry : host;
}

/** The host without its port. */
export function hostnameOf(host: string): string {
  return host.replace(/:[0-9]+$/, "");
}

function readDigest(digest: string, text: string): Digest {
  try {
    return parseDigest(digest);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw malformed(text, "sha256:<64 lower-case hex digits> after the @");
  }
}

function malformed(text: string, expected: string): TrustError {
  return ociError("OCI_REFERENCE_MALFORMED", { expected, got: quote(text) });
}
