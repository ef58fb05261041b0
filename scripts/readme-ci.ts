import { parse } from "yaml";

/** One shell step of a CI job. */
export interface CiStep {
  readonly name: string;
  readonly script: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** A CI file, as far as the test plays it. */
export interface CiFile {
  readonly kind: "github" | "gitlab" | "other";
  readonly steps: readonly CiStep[];
  /** Whether the file asks for an identity token: GitHub's `id-token: write`, GitLab's `id_tokens`. */
  readonly hasToken: boolean;
}

/** Steps of others that change nothing a command could see here. */
export const knownActions: ReadonlySet<string> = new Set([
  "actions/checkout",
  "actions/setup-node",
  "actions/upload-artifact",
  "actions/download-artifact",
]);

/** What `${{ … }}` stands for when a workflow is played: a tag was pushed. */
export const githubContext: ReadonlyMap<string, string> = new Map([
  ["github.ref", "refs/tags/v1.2.3"],
  ["github.ref_name", "v1.2.3"],
  ["github.repository", "octo-org/octo-app"],
  ["github.server_url", "https://github.com"],
  ["github.sha", "1".repeat(40)],
  ["github.token", "no-token"],
]);

/** What a runner tells every step of the job that is played. */
export const githubRunner: Readonly<Record<string, string>> = {
  CI: "true",
  GITHUB_ACTIONS: "true",
  GITHUB_SERVER_URL: "https://github.com",
  GITHUB_REPOSITORY: "octo-org/octo-app",
  GITHUB_REPOSITORY_ID: "123456789",
  GITHUB_REPOSITORY_OWNER_ID: "987654",
  GITHUB_REF: "refs/tags/v1.2.3",
  GITHUB_SHA: "1".repeat(40),
  GITHUB_WORKFLOW_REF: "octo-org/octo-app/.github/workflows/release.yml@refs/tags/v1.2.3",
  GITHUB_EVENT_NAME: "push",
  GITHUB_RUN_ID: "4242424242",
  GITHUB_RUN_ATTEMPT: "1",
  RUNNER_ENVIRONMENT: "github-hosted",
};

/** Reads a YAML block: the shell steps of a GitHub workflow or a GitLab pipeline in their order; any other YAML has none. */
export function parseCi(text: string): CiFile {
  const value: unknown = parse(text, { uniqueKeys: true });
  const file = isObject(value) ? value : {};
  if (isObject(file["jobs"])) return github(file, Object.values(file["jobs"]).filter(isObject));
  const jobs = Object.entries(file).filter(([, job]) => isObject(job) && "script" in job) as [string, Mapping][];
  return jobs.length === 0 ? { kind: "other", steps: [], hasToken: false } : gitlab(file, jobs);
}

type Mapping = Readonly<Record<string, unknown>>;

function github(file: Mapping, jobs: readonly Mapping[]): CiFile {
  const steps = jobs.flatMap((job) => {
    const list = Array.isArray(job["steps"]) ? job["steps"].filter(isObject) : [];
    return list.flatMap((step) => githubStep(step, [file, job, step]));
  });
  return { kind: "github", steps, hasToken: [file, ...jobs].some(mayHaveToken) };
}

function githubStep(step: Mapping, above: readonly Mapping[]): readonly CiStep[] {
  const uses = step["uses"];
  if (typeof uses === "string") {
    if (knownActions.has(uses.split("@")[0] ?? "")) return [];
    throw new Error(`the test cannot play "uses: ${uses}", see scripts/readme-ci.ts`);
  }
  const script = expand(String(step["run"]));
  const name = typeof step["name"] === "string" ? step["name"] : (script.split("\n")[0] ?? "");
  return [{ name, script, variables: variablesOf(above, "env") }];
}

function mayHaveToken(holder: Mapping): boolean {
  const permissions = holder["permissions"];
  return isObject(permissions) && permissions["id-token"] === "write";
}

function gitlab(file: Mapping, jobs: readonly (readonly [string, Mapping])[]): CiFile {
  const steps = jobs.map(([name, job]) => {
    const parts = ["before_script", "script", "after_script"].flatMap((part) => (job[part] ?? []) as string | string[]);
    return { name, script: parts.join("\n"), variables: variablesOf([file, job], "variables") };
  });
  return { kind: "gitlab", steps, hasToken: jobs.some(([, job]) => isObject(job["id_tokens"])) };
}

function variablesOf(holders: readonly Mapping[], member: string): Readonly<Record<string, string>> {
  const found = holders.flatMap((holder) => (isObject(holder[member]) ? Object.entries(holder[member]) : []));
  return Object.fromEntries(found.map(([name, value]) => [name, expand(String(value))]));
}

function expand(script: string): string {
  return script.replace(/\$\{\{\s*(.*?)\s*\}\}/g, (whole, expression: string) => {
    const value = githubContext.get(expression);
    if (value === undefined) throw new Error(`the test does not know ${whole}, see scripts/readme-ci.ts`);
    return value;
  });
}

function isObject(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
