import { pipelineError } from "./errors.ts";

/** What a build says of itself, by the variables of its CI or by the working copy it ran in. Nobody has checked it. */
export type BuildContext = GithubContext | GitlabContext | LocalContext;

/** A job of GitHub Actions. */
export interface GithubContext {
  readonly kind: "github";
  readonly serverUrl: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly ref: string;
  readonly commit: string;
  /** `owner/name/path@ref` of the workflow that was started. */
  readonly workflow: string;
  /** As `workflow`, of the file that has this job: another one where a reusable workflow is called. */
  readonly jobWorkflow: string;
  readonly event: string;
  readonly repositoryId: string;
  readonly ownerId: string;
  readonly runner: string;
  readonly run: string;
}

/** A job of GitLab CI. */
export interface GitlabContext {
  readonly kind: "gitlab";
  readonly projectUrl: string;
  readonly projectId: string;
  readonly ref: string;
  readonly commit: string;
  /** URI of the configuration: `https://gitlab.com/group/project//.gitlab-ci.yml@refs/heads/main`. */
  readonly configuration: string;
  readonly job: string;
  readonly jobUrl: string;
  readonly trigger: string;
}

/** A build on somebody's own machine, or in a CI that is not known here. */
export interface LocalContext {
  readonly kind: "local";
  readonly commit?: string;
  /** Where the working copy comes from; anything secret in it is left out. */
  readonly repository?: string;
  /** Whether files differ from the commit. */
  readonly isModified?: boolean;
}

/** What the environment does not tell. */
export interface BuildFacts {
  /** The claims of the identity token, where there is one. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** The state of the working copy; asked only where no CI tells. */
  readonly git?: () => Omit<LocalContext, "kind">;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The context of a build: GitHub Actions or GitLab CI by their variables, else the working copy. A token's claims only
 * tell which file has the job, which no variable does. Throws PIPELINE_BUILD_CONTEXT_INCOMPLETE.
 */
export function readBuildContext(env: Environment, facts: BuildFacts = {}): BuildContext {
  if (env["GITHUB_ACTIONS"] === "true") return githubContext(env, facts.claims ?? {});
  if (env["GITLAB_CI"] === "true") return gitlabContext(env, facts.claims ?? {});
  return localContext(facts.git?.() ?? {});
}

function githubContext(env: Environment, claims: Readonly<Record<string, unknown>>): GithubContext {
  const serverUrl = needed(env, "GITHUB_SERVER_URL");
  const repository = needed(env, "GITHUB_REPOSITORY");
  const workflow = needed(env, "GITHUB_WORKFLOW_REF");
  const jobWorkflow = claims["job_workflow_ref"];
  const run = `${needed(env, "GITHUB_RUN_ID")}/attempts/${needed(env, "GITHUB_RUN_ATTEMPT")}`;
  return {
    kind: "github",
    serverUrl,
    repository,
    ref: needed(env, "GITHUB_REF"),
    commit: needed(env, "GITHUB_SHA"),
    workflow,
    jobWorkflow: typeof jobWorkflow === "string" && jobWorkflow !== "" ? jobWorkflow : workflow,
    event: needed(env, "GITHUB_EVENT_NAME"),
    repositoryId: needed(env, "GITHUB_REPOSITORY_ID"),
    ownerId: needed(env, "GITHUB_REPOSITORY_OWNER_ID"),
    runner: needed(env, "RUNNER_ENVIRONMENT"),
    run: `${serverUrl}/${repository}/actions/runs/${run}`,
  };
}

function gitlabContext(env: Environment, claims: Readonly<Record<string, unknown>>): GitlabContext {
  const projectUrl = needed(env, "CI_PROJECT_URL");
  const ref = gitlabRef(env);
  const configuration = claims["ci_config_ref_uri"];
  const usual = `${projectUrl}//${env["CI_CONFIG_PATH"] || ".gitlab-ci.yml"}@${ref}`;
  return {
    kind: "gitlab",
    projectUrl,
    projectId: needed(env, "CI_PROJECT_ID"),
    ref,
    commit: needed(env, "CI_COMMIT_SHA"),
    configuration: typeof configuration === "string" && configuration !== "" ? `https://${configuration}` : usual,
    job: needed(env, "CI_JOB_NAME"),
    jobUrl: needed(env, "CI_JOB_URL"),
    trigger: needed(env, "CI_PIPELINE_SOURCE"),
  };
}

/** Of a merge request the branch that is to be merged, as GitLab's tokens have it; not the reference that is checked out. */
function gitlabRef(env: Environment): string {
  const { CI_COMMIT_TAG: tag, CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: source } = env;
  const branch = source === undefined || source === "" ? env["CI_COMMIT_BRANCH"] : source;
  if (tag !== undefined && tag !== "") return `refs/tags/${tag}`;
  if (branch !== undefined && branch !== "") return `refs/heads/${branch}`;
  return needed(env, "CI_COMMIT_TAG or CI_COMMIT_BRANCH");
}

function localContext({ commit, repository, isModified }: Omit<LocalContext, "kind">): LocalContext {
  const source = repository === undefined ? undefined : publicRemote(repository);
  return {
    kind: "local",
    ...(commit !== undefined && { commit }),
    ...(source !== undefined && { repository: source }),
    ...(isModified !== undefined && { isModified }),
  };
}

/**
 * A remote without the token that is often written in it; `git@host:path` becomes a URI. Nothing for a path of this
 * machine, which tells others nothing.
 */
function publicRemote(remote: string): string | undefined {
  const scp = /^([^@\s/:]+)@([^:/\s]+):([^\s].*)$/.exec(remote);
  if (scp !== null) return `ssh://${scp[1]}@${scp[2]}/${scp[3]?.replace(/^\/+/, "")}`;
  if (!URL.canParse(remote)) return undefined;
  const url = new URL(remote);
  if (!["https:", "http:", "ssh:", "git:"].includes(url.protocol)) return undefined;
  url.password = "";
  if (url.protocol !== "ssh:") url.username = "";
  url.search = "";
  url.hash = "";
  return url.href;
}

function needed(env: Environment, name: string): string {
  const value = env[name];
  if (value === undefined || value === "")
    throw pipelineError("PIPELINE_BUILD_CONTEXT_INCOMPLETE", { checked: `variable ${name}`, got: "nothing" });
  return value;
}
