import type { GeneralName, Json, JsonObject } from "@countersign/core";
import type { Token } from "./oidc.ts";

/** The fewest characters of a claim that say who somebody is where no rule is known. */
export const minTellingChars = 8;

/**
 * Whether Fulcio may put this name into a certificate for this token. For issuers that Fulcio's own configuration lists
 * (config/identity/config.yaml, docs/oidc.md) it is one exact name. For others, whose rule is for a private Fulcio to set, it
 * is what one of Fulcio's kinds of issuer makes of the token, or a URI with a claim of `minTellingChars` or more as a whole
 * component, the last not for listed ones. Does not check the token's signature, nor whether its e-mail address was verified:
 * Fulcio does.
 */
export function isNameOf({ type, value }: GeneralName, token: Token): boolean {
  const known = nameFor(token);
  if (known !== undefined)
    return type === known.type && (type === "email" ? value === known.value : isSame(known.value, value));
  if (type === "email") return value === token.email;
  if (type === "other-name") return isUserName(value, token);
  if (type !== "uri") return false;
  if (isSame(token.subject, value) || isSame(kubernetesName(token), value)) return true;
  return ruleFor(token) === undefined && isTelling(token.claims, value);
}

/** The one name that Fulcio's own configuration has for the token; undefined if its issuer is not listed there, or a claim is missing. */
export function nameFor(token: Token): Pick<GeneralName, "type" | "value"> | undefined {
  const rule = ruleFor(token);
  const value = rule?.name(token);
  return rule === undefined || value === undefined ? undefined : { type: rule.type, value };
}

/**
 * Whether Fulcio may name this issuer for this token. It need not be the token's own: for one that hands on other issuers' word
 * (Dex, `federated_claims.connector_id`) it is whoever vouched at first, and in which claim that stands is Fulcio's configuration.
 */
export function isIssuerOf(issuer: string, { claims }: Token): boolean {
  return textsIn(claims).includes(issuer);
}

function ruleFor(token: Token): Rule | undefined {
  return rules.find(({ issuer }) => issuer.test(token.issuer));
}

interface Rule {
  readonly issuer: RegExp;
  readonly type: GeneralName["type"];
  readonly name: (token: Token) => string | undefined;
}

const byEmail = (issuer: RegExp): Rule => ({ issuer, type: "email", name: ({ email }) => email });
const byUri = (issuer: RegExp, name: Rule["name"]): Rule => ({ issuer, type: "uri", name });
const byClaims = (issuer: RegExp, template: string): Rule => byUri(issuer, ({ claims }) => fill(template, claims));

const rules: readonly Rule[] = [
  byClaims(/^https:\/\/token\.actions\.githubusercontent\.com(?:\/[\w-]+)?$/, "https://github.com/{job_workflow_ref}"),
  byClaims(
    /^https:\/\/(?:gitlab\.com|dev\.gitlab\.org|ops\.gitlab\.net|gitlab\.archlinux\.org)$/,
    "https://{ci_config_ref_uri}",
  ),
  byClaims(
    /^https:\/\/oidc\.circleci\.com(?:\/org\/[\w-]+)?$/,
    "{api_url|https://circleci.com/api/v2}/projects/{oidc.circleci.com/project-id}/pipeline-definitions/{oidc.circleci.com/pipeline-definition-id}",
  ),
  byClaims(/^https:\/\/agent\.buildkite\.com$/, "https://buildkite.com/{organization_slug}/{pipeline_slug}"),
  byClaims(
    /^https:\/\/oidc\.codefresh\.io$/,
    "{platform_url|https://g.codefresh.io}/{account_name}/{pipeline_name}:{account_id}/{pipeline_id}",
  ),
  byUri(/^https:\/\/issuer\.(?:enforce|chainops)\.dev$/, ({ issuer, subject }) => `${issuer}/${subject}`),
  byUri(/^https:\/\/(?:[\w-]+\.oic|oidc)\.prod-aks\.azure\.com\//, kubernetesName),
  byUri(/^https:\/\/container\.googleapis\.com\/v1\/projects\//, kubernetesName),
  byUri(/^https:\/\/oidc\.eks\.[\w-]+\.amazonaws\.com\/id\//, kubernetesName),
  byEmail(/^https:\/\/oauth2\.sigst(?:ore|age)\.dev\/auth$/),
  byEmail(/^https:\/\/(?:accounts\.google\.com|issuer\.hello\.coop|sigstore\.verify\.ibm\.com\/oauth2)$/),
  byEmail(/^https:\/\/auth\.eclipse\.org\/auth\/realms\/foundation-service-accounts$/),
  byEmail(/^https:\/\/www\.kaggle\.com\/api\/v1\/models\/signing$/),
];

/** A template with its claims in place, or undefined if one is missing that has no default after a bar. */
function fill(template: string, claims: JsonObject): string | undefined {
  let isWhole = true;
  const name = template.replace(/\{([^|}]+)(?:\|([^}]+))?\}/g, (_, claim: string, usual?: string) => {
    const text = claimAt(claims, [claim]) ?? usual;
    if (text === undefined) isWhole = false;
    return text ?? "";
  });
  return isWhole ? name : undefined;
}

function kubernetesName({ claims }: Token): string | undefined {
  const namespace = claimAt(claims, ["kubernetes.io", "namespace"]);
  const account = claimAt(claims, ["kubernetes.io", "serviceaccount", "name"]);
  if (namespace === undefined || account === undefined) return undefined;
  return `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${account}`;
}

/** Fulcio's form of a user's name, whose domain has its last two labels from the issuer's host (docs/oidc.md, Username). */
function isUserName(value: string, { subject, issuer }: Token): boolean {
  if (!value.startsWith(`${subject}!`) || !URL.canParse(issuer)) return false;
  const [domain, { hostname }] = [value.slice(subject.length + 1), new URL(issuer)];
  const lastTwo = (host: string): string => host.split(".").slice(-2).join(".");
  return domain === hostname || (domain.includes(".") && lastTwo(domain) === lastTwo(hostname));
}

/** What a token says of itself and for whom it is: the same for everybody. */
const impersonal: ReadonlySet<string> = new Set(["iss", "aud", "azp"]);

function isTelling(claims: JsonObject, value: string): boolean {
  const own = Object.entries(claims).flatMap(([name, claim]) => (impersonal.has(name) ? [] : textsIn(claim)));
  return own.some((text) => text.length >= minTellingChars && [text, asUrl(text)].some((each) => isPart(value, each)));
}

/** Whether a text stands in a URI between two of the characters that part one component from the next. */
function isPart(uri: string, text: string): boolean {
  for (let at = uri.indexOf(text); at !== -1; at = uri.indexOf(text, at + 1)) {
    if (/^$|[/:=]$/.test(uri.slice(0, at)) && /^$|^[/:@?#&]/.test(uri.slice(at + text.length))) return true;
  }
  return false;
}

/** Fulcio, whose names go through Go's net/url, writes in percent what a URL cannot carry, and then all of the path anew. */
function isSame(expected: string | undefined, got: string): boolean {
  if (expected === undefined || expected === got) return expected !== undefined;
  return asUrl(expected) !== expected && decode(expected) === decode(got);
}

function asUrl(text: string): string {
  return text.toWellFormed().replace(/[^!-~]|["<>\\^`{|}]/gu, encodeURIComponent);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(asUrl(text));
  } catch {
    return text;
  }
}

function claimAt(claims: Json, path: readonly string[]): string | undefined {
  let at: Json | undefined = claims;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as JsonObject)[name];
  }
  return typeof at === "string" && at !== "" ? at : undefined;
}

/** All texts of a value, however deep. */
function textsIn(value: Json | undefined): readonly string[] {
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap((each) => textsIn(each as Json));
  return typeof value === "string" ? [value] : [];
}
