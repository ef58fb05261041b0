import { utf8String } from "./asn1.ts";
import type { Extension } from "./certificate.ts";

/** Names of Fulcio's certificate claims (fulcio docs/oid-info.md), with the last arc under 1.3.6.1.4.1.57264.1. */
export const fulcioClaimArcs = {
  githubWorkflowTrigger: 2,
  githubWorkflowSHA: 3,
  githubWorkflowName: 4,
  githubWorkflowRepository: 5,
  githubWorkflowRef: 6,
  buildSignerURI: 9,
  buildSignerDigest: 10,
  runnerEnvironment: 11,
  sourceRepositoryURI: 12,
  sourceRepositoryDigest: 13,
  sourceRepositoryRef: 14,
  sourceRepositoryIdentifier: 15,
  sourceRepositoryOwnerURI: 16,
  sourceRepositoryOwnerIdentifier: 17,
  buildConfigURI: 18,
  buildConfigDigest: 19,
  buildTrigger: 20,
  runInvocationURI: 21,
  sourceRepositoryVisibilityAtSigning: 22,
  deploymentEnvironment: 23,
  tokenSubject: 24,
} as const;

/** A claim that Fulcio writes into a certificate. */
export type FulcioClaim = keyof typeof fulcioClaimArcs;
/** Claims of one certificate; those absent are not written. */
export type FulcioClaims = Readonly<Partial<Record<FulcioClaim, string>>>;

/** The extensions of these claims: .1.2 to .1.6 as raw text, from .1.8 on as DER UTF8String. */
export function claimExtensions(claims: FulcioClaims): readonly Extension[] {
  const rows = Object.entries(claims) as [FulcioClaim, string][];
  const sorted = rows.toSorted((a, b) => fulcioClaimArcs[a[0]] - fulcioClaimArcs[b[0]]);
  return sorted.map(([name, value]) => claimExtension(fulcioClaimArcs[name], value));
}

/** The issuer under its old (.1.1, raw text) and new (.1.8, DER UTF8String) identifier. */
export function issuerExtensions(issuer: string, forms: readonly ("v1" | "v2")[]): readonly Extension[] {
  return forms.map((form) => claimExtension(form === "v1" ? 1 : 8, issuer));
}

/** One extension under 1.3.6.1.4.1.57264.1. */
export function claimExtension(arc: number, value: string): Extension {
  const oid = `1.3.6.1.4.1.57264.1.${arc}`;
  return { oid, value: arc <= 6 ? Buffer.from(value, "utf8") : utf8String(value) };
}

/** The claims that Fulcio derives from a token of a CI, or none when it is of none that is known. */
export function ciClaims(token: Readonly<Record<string, unknown>>): FulcioClaims {
  return typeof token["ci_config_ref_uri"] === "string" ? gitlabClaims(token) : githubClaims(token);
}

/** The claims that Fulcio derives from a GitLab token (fulcio pkg/identity/gitlabcom). */
function gitlabClaims(token: Readonly<Record<string, unknown>>): FulcioClaims {
  const text = (name: string): string | undefined => (typeof token[name] === "string" ? token[name] : undefined);
  const at = (path: string | undefined): string | undefined => path && `https://gitlab.com/${path}`;
  const configuration = `https://${text("ci_config_ref_uri")}`;
  const job = text("job_id");
  const claims: Partial<Record<FulcioClaim, string | undefined>> = {
    buildSignerURI: configuration,
    buildSignerDigest: text("ci_config_sha"),
    runnerEnvironment: text("runner_environment"),
    sourceRepositoryURI: at(text("project_path")),
    sourceRepositoryDigest: text("sha"),
    sourceRepositoryRef: text("ref_path"),
    sourceRepositoryIdentifier: text("project_id"),
    sourceRepositoryOwnerURI: at(text("namespace_path")),
    sourceRepositoryOwnerIdentifier: text("namespace_id"),
    buildConfigURI: configuration,
    buildConfigDigest: text("ci_config_sha"),
    buildTrigger: text("pipeline_source"),
    runInvocationURI: job && at(`${text("project_path")}/-/jobs/${job}`),
    sourceRepositoryVisibilityAtSigning: text("project_visibility"),
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined)) as FulcioClaims;
}

/** The claims that Fulcio derives from a GitHub Actions token, or none when it is not such a token. */
function githubClaims(token: Readonly<Record<string, unknown>>): FulcioClaims {
  if (typeof token["job_workflow_ref"] !== "string") return {};
  const server = "https://github.com/";
  const text = (name: string): string | undefined => (typeof token[name] === "string" ? token[name] : undefined);
  const at = (name: string): string | undefined => (text(name) === undefined ? undefined : server + text(name));
  const run = `${server}${text("repository")}/actions/runs/${text("run_id")}/attempts/${text("run_attempt")}`;
  const claims: Partial<Record<FulcioClaim, string | undefined>> = {
    githubWorkflowTrigger: text("event_name"),
    githubWorkflowSHA: text("sha"),
    githubWorkflowName: text("workflow"),
    githubWorkflowRepository: text("repository"),
    githubWorkflowRef: text("ref"),
    buildSignerURI: at("job_workflow_ref"),
    buildSignerDigest: text("job_workflow_sha"),
    runnerEnvironment: text("runner_environment"),
    sourceRepositoryURI: at("repository"),
    sourceRepositoryDigest: text("sha"),
    sourceRepositoryRef: text("ref"),
    sourceRepositoryIdentifier: text("repository_id"),
    sourceRepositoryOwnerURI: at("repository_owner"),
    sourceRepositoryOwnerIdentifier: text("repository_owner_id"),
    buildConfigURI: at("workflow_ref"),
    buildConfigDigest: text("workflow_sha"),
    buildTrigger: text("event_name"),
    runInvocationURI: text("run_id") === undefined ? undefined : run,
    sourceRepositoryVisibilityAtSigning: text("repository_visibility"),
    deploymentEnvironment: text("environment"),
    tokenSubject: text("sub"),
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined)) as FulcioClaims;
}
