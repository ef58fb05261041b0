import {
  findingOf,
  makeSlsaProvenance,
  parseSlsaProvenance,
  quote,
  TrustError,
  type BuildDefinition,
  type Claims,
  type Finding,
  type JsonObject,
  type RunDetails,
  type SignedBy,
  type SlsaProvenance,
  type Verified,
} from "@countersign/core";
import type { BuildContext, GithubContext, GitlabContext, LocalContext } from "./build-context.ts";
import { pipelineError } from "./errors.ts";

/** How the parameters of each kind of build are to be read; see docs/formats/provenance.md. */
export const buildTypes: Readonly<Record<BuildContext["kind"], string>> = Object.freeze({
  github: "https://actions.github.io/buildtypes/workflow/v1",
  gitlab: "pkg:npm/countersign#buildtypes/gitlab-job/v1",
  local: "pkg:npm/countersign#buildtypes/local/v1",
});

const localBuilder = "pkg:npm/countersign#builders/local/v1";

/** SLSA provenance v1 of a build. It is the builder's own word; what a certificate proves of it is for `markProvenance` to say. */
export function makeProvenance(context: BuildContext): SlsaProvenance {
  switch (context.kind) {
    case "github":
      return makeSlsaProvenance(githubDefinition(context), {
        builder: { id: `${context.serverUrl}/${context.jobWorkflow}` },
        metadata: { invocationId: context.run },
      });
    case "gitlab":
      return makeSlsaProvenance(gitlabDefinition(context), {
        builder: { id: context.configuration },
        metadata: { invocationId: context.jobUrl },
      });
    case "local":
      return makeSlsaProvenance(localDefinition(context), { builder: { id: localBuilder } });
  }
}

/** Which fields of a provenance somebody else than the signer stands for. */
export interface ProvenanceMarks {
  /** The certificate's issuer took the same value from the identity token. */
  readonly proved: readonly string[];
  /** On the signer's word alone. */
  readonly stated: readonly string[];
}

/**
 * Compares a provenance with what the certificate says of the same build (Fulcio's extensions, oid-info.md). With a key
 * nothing is proved. Throws PIPELINE_PROVENANCE_MISMATCH where both speak of one thing and differ.
 */
export function markProvenance(provenance: SlsaProvenance, signer: SignedBy): ProvenanceMarks {
  const { problem, ...marks } = compareProvenance(provenance, signer);
  if (problem !== undefined) throw problem;
  return marks;
}

/** As `markProvenance`, but hands over the first contradiction; what is contradicted is among what is only stated. */
function compareProvenance(
  provenance: SlsaProvenance,
  signer: SignedBy,
): ProvenanceMarks & { readonly problem?: TrustError } {
  const extensions = signer.kind === "certificate" ? signer.extensions : {};
  const rows = comparisons(provenance, extensions).filter(isBoth);
  const proved = new Set(rows.filter((row) => row.claimed === row.certified).flatMap((row) => row.places));
  const other = rows.find((row) => row.claimed !== row.certified);
  const all = leavesOf(provenance as unknown as JsonObject, "");
  return {
    proved: all.filter((place) => proved.has(place)),
    stated: all.filter((place) => !proved.has(place)),
    ...(other && { problem: mismatch(other) }),
  };
}

/**
 * The marks of a provenance that was proved to be signed, and a warning where the certificate contradicts it: whoever signs may
 * well pass on the provenance of another builder. No marks for a predicate that is none.
 */
export function marksOfClaims({ statement, signer }: Verified<Claims>): {
  readonly marks?: ProvenanceMarks;
  readonly findings: readonly Finding[];
} {
  try {
    const { problem, ...marks } = compareProvenance(parseSlsaProvenance(statement?.predicate ?? null), signer);
    return { marks, findings: problem === undefined ? [] : [{ ...findingOf(problem), level: "warn" }] };
  } catch (error) {
    if (error instanceof TrustError) return { findings: [{ ...findingOf(error), level: "warn" }] };
    throw error;
  }
}

function isBoth(row: Comparison): row is Comparison & { readonly claimed: string; readonly certified: string } {
  return row.claimed !== undefined && row.certified !== undefined;
}

function mismatch({ places, claimed = "", certified = "" }: Comparison): TrustError {
  const detail = { checked: places.join(", "), expected: quote(certified), got: quote(claimed) };
  return pipelineError("PIPELINE_PROVENANCE_MISMATCH", detail);
}

function githubDefinition(context: GithubContext): BuildDefinition {
  const { serverUrl, repository, ref, commit } = context;
  const workflow = workflowOf(`${serverUrl}/${context.workflow}`);
  if (workflow === undefined)
    throw pipelineError("PIPELINE_BUILD_CONTEXT_INCOMPLETE", {
      checked: "variable GITHUB_WORKFLOW_REF",
      expected: "owner/name/path@refs/…",
      got: quote(context.workflow),
    });
  return {
    buildType: buildTypes.github,
    externalParameters: { workflow: { ...workflow } },
    internalParameters: {
      github: {
        event_name: context.event,
        repository_id: context.repositoryId,
        repository_owner_id: context.ownerId,
        runner_environment: context.runner,
      },
    },
    resolvedDependencies: [{ uri: `git+${serverUrl}/${repository}@${ref}`, digest: { gitCommit: commit } }],
  };
}

function gitlabDefinition(context: GitlabContext): BuildDefinition {
  const { projectUrl, ref, commit, configuration, job, trigger, projectId } = context;
  return {
    buildType: buildTypes.gitlab,
    externalParameters: { source: projectUrl, ref, configuration, job },
    internalParameters: { gitlab: { pipeline_source: trigger, project_id: projectId } },
    resolvedDependencies: [{ uri: `git+${projectUrl}@${ref}`, digest: { gitCommit: commit } }],
  };
}

function localDefinition({ commit, repository, isModified }: LocalContext): BuildDefinition {
  return {
    buildType: buildTypes.local,
    externalParameters: repository === undefined ? {} : { source: repository },
    ...(isModified !== undefined && { internalParameters: { local: { modified: isModified } } }),
    ...(commit !== undefined && {
      resolvedDependencies: [
        {
          ...(repository === undefined ? { name: "source" } : { uri: `git+${repository}` }),
          digest: { gitCommit: commit },
        },
      ],
    }),
  };
}

interface Workflow {
  readonly ref: string;
  readonly repository: string;
  readonly path: string;
}

/**
 * The parts of `https://github.com/owner/name/path@refs/…`. Cut at one place only, so that parts which make up the same
 * text in another way do not pass for these.
 */
function workflowOf(uri: string): Workflow | undefined {
  const [, repository, path, ref] =
    /^(https?:\/\/[^/]+\/[^/]+\/[^/]+)\/((?:(?!@refs\/).)+)@(refs\/.+)$/s.exec(uri) ?? [];
  return repository === undefined || path === undefined || ref === undefined ? undefined : { ref, repository, path };
}

interface Comparison {
  readonly places: readonly string[];
  readonly claimed: string | undefined;
  readonly certified: string | undefined;
}

const definition = "buildDefinition";
const source = `${definition}.resolvedDependencies[0]`;

/** By the build type, since each type's parameters mean something of their own. */
function comparisons(provenance: SlsaProvenance, extensions: Readonly<Record<string, string>>): readonly Comparison[] {
  const { buildDefinition, runDetails } = provenance;
  if (buildDefinition.buildType === buildTypes.github)
    return [...commonRows(buildDefinition, runDetails, extensions), ...githubRows(buildDefinition, extensions)];
  if (buildDefinition.buildType === buildTypes.gitlab)
    return [...commonRows(buildDefinition, runDetails, extensions), ...gitlabRows(buildDefinition, extensions)];
  return [];
}

type Extensions = Readonly<Record<string, string | undefined>>;

function commonRows(built: BuildDefinition, { builder, metadata }: RunDetails, its: Extensions): readonly Comparison[] {
  const [dependency] = built.resolvedDependencies ?? [];
  const { sourceRepositoryURI: uri, sourceRepositoryRef: ref } = its;
  const certified = uri === undefined || ref === undefined ? undefined : `git+${uri}@${ref}`;
  return [
    { places: ["runDetails.builder.id"], claimed: builder.id, certified: its["buildSignerURI"] },
    {
      places: ["runDetails.metadata.invocationId"],
      claimed: metadata?.invocationId,
      certified: its["runInvocationURI"],
    },
    { places: [`${source}.uri`], claimed: dependency?.uri, certified },
    {
      places: [`${source}.digest.gitCommit`],
      claimed: dependency?.digest?.["gitCommit"],
      certified: its["sourceRepositoryDigest"],
    },
  ];
}

function githubRows(
  { externalParameters, internalParameters }: BuildDefinition,
  its: Extensions,
): readonly Comparison[] {
  const workflow = membersOf(externalParameters["workflow"]);
  const github = membersOf(internalParameters?.["github"]);
  const configuration = its["buildConfigURI"];
  const parts = configuration === undefined ? undefined : workflowOf(configuration);
  const part = (name: keyof Workflow): Comparison => ({
    places: [`${definition}.externalParameters.workflow.${name}`],
    claimed: workflow[name],
    // A configuration that cannot be cut so is another one.
    certified: parts?.[name] ?? configuration,
  });
  const inside = (name: string, certified: string | undefined): Comparison => ({
    places: [`${definition}.internalParameters.github.${name}`],
    claimed: github[name],
    certified,
  });
  return [
    part("ref"),
    part("repository"),
    part("path"),
    inside("event_name", its["buildTrigger"]),
    inside("repository_id", its["sourceRepositoryIdentifier"]),
    inside("repository_owner_id", its["sourceRepositoryOwnerIdentifier"]),
    inside("runner_environment", its["runnerEnvironment"]),
  ];
}

function gitlabRows(
  { externalParameters, internalParameters }: BuildDefinition,
  its: Extensions,
): readonly Comparison[] {
  const outer = membersOf(externalParameters);
  const inner = membersOf(internalParameters?.["gitlab"]);
  const row = (place: string, claimed: string | undefined, certified: string | undefined): Comparison => ({
    places: [`${definition}.${place}`],
    claimed,
    certified,
  });
  return [
    row("externalParameters.source", outer["source"], its["sourceRepositoryURI"]),
    row("externalParameters.ref", outer["ref"], its["sourceRepositoryRef"]),
    row("externalParameters.configuration", outer["configuration"], its["buildConfigURI"]),
    row("internalParameters.gitlab.pipeline_source", inner["pipeline_source"], its["buildTrigger"]),
    row("internalParameters.gitlab.project_id", inner["project_id"], its["sourceRepositoryIdentifier"]),
  ];
}

/** The members of an object that are text. */
function membersOf(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const rows = Object.entries(value as Record<string, unknown>);
  return Object.fromEntries(rows.filter((row): row is [string, string] => typeof row[1] === "string"));
}

/** The place of every value that is no object or list itself. */
function leavesOf(value: unknown, at: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => leavesOf(each, `${at}[${index}]`));
  if (typeof value !== "object" || value === null) return [at];
  return Object.entries(value).flatMap(([name, each]) => leavesOf(each, placeOf(name, at)));
}

/** A member that is called `workflow.ref` is not the member `ref` of `workflow`. */
function placeOf(name: string, at: string): string {
  if (!/^\w+$/.test(name)) return `${at}[${quote(name)}]`;
  return at === "" ? name : `${at}.${name}`;
}
