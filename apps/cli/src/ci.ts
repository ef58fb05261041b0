import type { Terminal } from "./terminal.ts";

type Environment = Terminal["env"];

/** A CI, by the variables it sets, and what a job of it lacks that has no identity token. */
interface Ci {
  readonly name: string;
  readonly variable: string;
  /** One action, with the YAML to add where there is some. */
  readonly fix: string;
}

const elsewhere = "give the job a token for the audience sigstore in SIGSTORE_ID_TOKEN, or sign with --key";

const known: readonly Ci[] = [
  {
    name: "GitHub Actions",
    variable: "GITHUB_ACTIONS",
    fix: "add to the job: permissions: { id-token: write, contents: read }",
  },
  {
    name: "GitLab",
    variable: "GITLAB_CI",
    fix: "add to the job: id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }",
  },
  {
    name: "CircleCI",
    variable: "CIRCLECI",
    fix: "a build of a fork has one only with Project Settings > Advanced > Pass secrets to builds from forked pull requests",
  },
  {
    name: "Buildkite",
    variable: "BUILDKITE",
    fix: "run it where the agent is; in a container add to the docker plugin: { propagate-environment: true, mount-buildkite-agent: true }",
  },
  { name: "Jenkins", variable: "JENKINS_URL", fix: elsewhere },
  { name: "Azure Pipelines", variable: "TF_BUILD", fix: elsewhere },
  { name: "TeamCity", variable: "TEAMCITY_VERSION", fix: elsewhere },
  { name: "AWS CodeBuild", variable: "CODEBUILD_BUILD_ID", fix: elsewhere },
];

/** The CI that this job runs in, and how it gets a token; undefined where a person may be asked. */
export function findCi(env: Environment): Pick<Ci, "name" | "fix"> | undefined {
  const ci = known.find(({ variable }) => isOn(env[variable]));
  if (ci !== undefined) return ci;
  return isOn(env["CI"]) ? { name: "CI", fix: elsewhere } : undefined;
}

/** Whether a person can be asked. Some CI give their jobs a terminal, at which nobody sits: a question would hang the job. */
export function isAnybodyThere({ canAsk, env }: Pick<Terminal, "canAsk" | "env">): boolean {
  return canAsk && findCi(env) === undefined;
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !/^(?:|0|false|no)$/i.test(value);
}
