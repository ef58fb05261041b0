import { parseSlsaProvenance, type Digest, type Json, type SignedBy, type SlsaProvenance } from "@countersign/core";
import { outcomeOf } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { readBuildContext, type BuildFacts } from "./build-context.ts";
import { buildTypes, makeProvenance, markProvenance } from "./provenance.ts";

const commit = "9f1c5a3b2d4e6f708192a3b4c5d6e7f801234567";
const workflow = "octo/app/.github/workflows/release.yml@refs/tags/v1";

const github = {
  GITHUB_ACTIONS: "true",
  GITHUB_SERVER_URL: "https://github.com",
  GITHUB_REPOSITORY: "octo/app",
  GITHUB_REF: "refs/tags/v1",
  GITHUB_SHA: commit,
  GITHUB_WORKFLOW_REF: workflow,
  GITHUB_EVENT_NAME: "push",
  GITHUB_REPOSITORY_ID: "1",
  GITHUB_REPOSITORY_OWNER_ID: "2",
  GITHUB_RUN_ID: "7",
  GITHUB_RUN_ATTEMPT: "1",
  RUNNER_ENVIRONMENT: "github-hosted",
};

const gitlab = {
  GITLAB_CI: "true",
  CI_PROJECT_URL: "https://gitlab.com/group/app",
  CI_PROJECT_ID: "4242",
  CI_COMMIT_SHA: commit,
  CI_COMMIT_TAG: "v1",
  CI_JOB_NAME: "release",
  CI_JOB_URL: "https://gitlab.com/group/app/-/jobs/5",
  CI_PIPELINE_SOURCE: "push",
};

/** What Fulcio writes into the certificate for the GitHub job above. */
const certified = {
  buildSignerURI: `https://github.com/${workflow}`,
  buildConfigURI: `https://github.com/${workflow}`,
  sourceRepositoryURI: "https://github.com/octo/app",
  sourceRepositoryRef: "refs/tags/v1",
  sourceRepositoryDigest: commit,
  sourceRepositoryIdentifier: "1",
  sourceRepositoryOwnerIdentifier: "2",
  buildTrigger: "push",
  runnerEnvironment: "github-hosted",
  runInvocationURI: "https://github.com/octo/app/actions/runs/7/attempts/1",
};

function signerWith(extensions: Readonly<Record<string, string>>): SignedBy {
  return {
    kind: "certificate",
    identity: { type: "uri", value: `https://github.com/${workflow}` },
    issuer: "https://token.actions.githubusercontent.com",
    extensions,
    fingerprint: `sha256:${"0".repeat(64)}` as Digest,
    keyid: "0".repeat(64),
    notBefore: "2026-01-01T00:00:00.000Z",
    notAfter: "2026-01-01T00:10:00.000Z",
  };
}

const made = (env: Readonly<Record<string, string>>, facts?: BuildFacts): SlsaProvenance =>
  makeProvenance(readBuildContext(env, facts));

describe("GitHub Actions", () => {
  test("as actions/attest-build-provenance writes it", () => {
    expect(made(github)).toEqual({
      buildDefinition: {
        buildType: "https://actions.github.io/buildtypes/workflow/v1",
        externalParameters: {
          workflow: {
            ref: "refs/tags/v1",
            repository: "https://github.com/octo/app",
            path: ".github/workflows/release.yml",
          },
        },
        internalParameters: {
          github: {
            event_name: "push",
            repository_id: "1",
            repository_owner_id: "2",
            runner_environment: "github-hosted",
          },
        },
        resolvedDependencies: [{ uri: "git+https://github.com/octo/app@refs/tags/v1", digest: { gitCommit: commit } }],
      },
      runDetails: {
        builder: { id: `https://github.com/${workflow}` },
        metadata: { invocationId: "https://github.com/octo/app/actions/runs/7/attempts/1" },
      },
    });
  });

  test("the builder of a reusable workflow is that workflow", () => {
    const claims = { job_workflow_ref: "octo/shared/.github/workflows/build.yml@refs/heads/main" };
    expect(made(github, { claims }).runDetails.builder.id).toBe(`https://github.com/${claims.job_workflow_ref}`);
  });

  test("the certificate proves all but the build type", () => {
    const { proved, stated } = markProvenance(made(github), signerWith(certified));
    expect(stated).toEqual(["buildDefinition.buildType"]);
    expect(proved).toHaveLength(11);
  });

  test("with a key nothing is proved", () => {
    const { proved, stated } = markProvenance(made(github), { kind: "key", keyid: "x", algorithm: "ed25519" });
    expect(proved).toEqual([]);
    expect(stated).toHaveLength(12);
  });

  test.each(Object.keys(certified))("a certificate with another %s is refused", (extension) => {
    const other = signerWith({ ...certified, [extension]: "something else" });
    expect(outcomeOf(() => markProvenance(made(github), other))).toBe("PIPELINE_PROVENANCE_MISMATCH");
  });

  test.each(Object.keys(certified))(
    "without %s in the certificate, what it would prove is only stated",
    (extension) => {
      const { [extension as keyof typeof certified]: _gone, ...others } = certified;
      const { stated } = markProvenance(made(github), signerWith(others));
      expect(stated.length).toBeGreaterThan(1);
    },
  );

  test("a member whose name looks like a proved place is not proved", () => {
    const value = made(github) as unknown as { buildDefinition: { externalParameters: Json } };
    const forged = structuredClone(value) as { buildDefinition: { externalParameters: Record<string, Json> } };
    forged.buildDefinition.externalParameters["workflow.ref"] = "refs/heads/evil";
    const { proved, stated } = markProvenance(parseSlsaProvenance(forged as unknown as Json), signerWith(certified));
    expect(stated).toContain('buildDefinition.externalParameters["workflow.ref"]');
    expect(proved.filter((place) => place.endsWith("workflow.ref"))).toHaveLength(1);
  });

  test.each([
    { repository: "https://github.com/octo", path: "app/.github/workflows/release.yml", ref: "refs/tags/v1" },
    { repository: "https://github.com/octo/app/.github", path: "workflows/release.yml", ref: "refs/tags/v1" },
    { repository: "https://github.com/octo/app", path: ".github/workflows/release.yml@refs/tags", ref: "v1" },
  ])("a workflow cut at another place is not the certificate's: $repository $path $ref", (workflow) => {
    const value = structuredClone(made(github)) as unknown as { buildDefinition: { externalParameters: Json } };
    const forged = { ...value, buildDefinition: { ...value.buildDefinition, externalParameters: { workflow } } };
    const read = parseSlsaProvenance(forged as unknown as Json);
    expect(outcomeOf(() => markProvenance(read, signerWith(certified)))).toBe("PIPELINE_PROVENANCE_MISMATCH");
  });

  test("a branch with an @ in its name", () => {
    const branch = "octo/app/.github/workflows/release.yml@refs/heads/fix@2";
    const env = { ...github, GITHUB_WORKFLOW_REF: branch, GITHUB_REF: "refs/heads/fix@2" };
    expect(made(env).buildDefinition.externalParameters["workflow"]).toEqual({
      repository: "https://github.com/octo/app",
      path: ".github/workflows/release.yml",
      ref: "refs/heads/fix@2",
    });
    const uri = `https://github.com/${branch}`;
    const its = { ...certified, buildSignerURI: uri, buildConfigURI: uri, sourceRepositoryRef: "refs/heads/fix@2" };
    expect(markProvenance(made(env), signerWith(its)).stated).toEqual(["buildDefinition.buildType"]);
  });

  test("the same fields under a build type of somebody else prove nothing", () => {
    const value = structuredClone(made(github)) as unknown as { buildDefinition: { buildType: string } };
    value.buildDefinition.buildType = "https://example.com/mine";
    const { proved } = markProvenance(parseSlsaProvenance(value as unknown as Json), signerWith(certified));
    expect(proved).toEqual([]);
  });
});

describe("GitLab CI", () => {
  const extensions = {
    buildSignerURI: "https://gitlab.com/group/app//.gitlab-ci.yml@refs/tags/v1",
    buildConfigURI: "https://gitlab.com/group/app//.gitlab-ci.yml@refs/tags/v1",
    sourceRepositoryURI: "https://gitlab.com/group/app",
    sourceRepositoryRef: "refs/tags/v1",
    sourceRepositoryDigest: commit,
    sourceRepositoryIdentifier: "4242",
    buildTrigger: "push",
    runInvocationURI: "https://gitlab.com/group/app/-/jobs/5",
  };

  test("the certificate proves all but the build type and the job's name", () => {
    const { stated } = markProvenance(made(gitlab), signerWith(extensions));
    expect(stated).toEqual(["buildDefinition.buildType", "buildDefinition.externalParameters.job"]);
  });

  test.each(Object.keys(extensions))("a certificate with another %s is refused", (extension) => {
    const other = signerWith({ ...extensions, [extension]: "something else" });
    expect(outcomeOf(() => markProvenance(made(gitlab), other))).toBe("PIPELINE_PROVENANCE_MISMATCH");
  });

  test.each([
    [{ CI_COMMIT_TAG: "", CI_COMMIT_BRANCH: "main" }, "refs/heads/main"],
    [{ CI_COMMIT_TAG: "", CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: "fix", CI_MERGE_REQUEST_REF_PATH: "refs/merge-requests/1/head" }, "refs/heads/fix"], // prettier-ignore
  ])("%j is %s", (env, ref) => {
    expect(made({ ...gitlab, ...env }).buildDefinition.externalParameters["ref"]).toBe(ref);
  });

  test("a configuration of another project, as the token names it", () => {
    const claims = { ci_config_ref_uri: "gitlab.com/group/ci//build.yml@refs/heads/main" };
    expect(made(gitlab, { claims }).runDetails.builder.id).toBe(`https://${claims.ci_config_ref_uri}`);
  });
});

describe("a working copy", () => {
  test("commit, origin and state", () => {
    const value = made({}, { git: () => ({ commit, repository: "git@github.com:octo/app.git", isModified: true }) });
    expect(value.buildDefinition).toMatchObject({
      buildType: buildTypes.local,
      externalParameters: { source: "ssh://git@github.com/octo/app.git" },
      internalParameters: { local: { modified: true } },
      resolvedDependencies: [{ uri: "git+ssh://git@github.com/octo/app.git", digest: { gitCommit: commit } }],
    });
    expect(markProvenance(value, signerWith(certified)).proved).toEqual([]);
  });

  test.each([
    ["https://user:hunter2@github.com/octo/app.git", "https://github.com/octo/app.git"],
    ["https://ghp_hunter2@github.com/octo/app.git", "https://github.com/octo/app.git"],
    ["https://github.com/octo/app.git?token=hunter2#hunter2", "https://github.com/octo/app.git"],
    ["ssh://git:hunter2@example.com/app.git", "ssh://git@example.com/app.git"],
  ])("nothing secret of %s gets out", (repository, source) => {
    const text = JSON.stringify(made({}, { git: () => ({ commit, repository }) }));
    expect(text).toContain(source);
    expect(text).not.toContain("hunter2");
  });

  test.each(["/home/me/app.git", "../app", "file:///home/me/app.git", "C:\\\\app"])(
    "the path %s is nobody's business",
    (repository) => {
      const { buildDefinition } = made({}, { git: () => ({ commit, repository }) });
      expect(buildDefinition.externalParameters).toEqual({});
      expect(buildDefinition.resolvedDependencies).toEqual([{ name: "source", digest: { gitCommit: commit } }]);
    },
  );

  test("a folder that is none", () => {
    expect(made({}).buildDefinition).toEqual({ buildType: buildTypes.local, externalParameters: {} });
  });
});

test.each(["octo/app", "octo/app/x.yml", "octo/app/x.yml@main", "x.yml@refs/heads/main"])(
  "%s is no workflow",
  (workflow) => {
    expect(outcomeOf(() => made({ ...github, GITHUB_WORKFLOW_REF: workflow }))).toBe(
      "PIPELINE_BUILD_CONTEXT_INCOMPLETE",
    );
  },
);

test.each(Object.keys(github).slice(1))("GitHub without %s", (name) => {
  const { [name as keyof typeof github]: _gone, ...env } = github;
  expect(outcomeOf(() => made(env as Record<string, string>))).toBe("PIPELINE_BUILD_CONTEXT_INCOMPLETE");
});

test.each(Object.keys(gitlab).slice(1))("GitLab without %s", (name) => {
  const { [name as keyof typeof gitlab]: _gone, ...env } = gitlab;
  expect(outcomeOf(() => made(env as Record<string, string>))).toBe("PIPELINE_BUILD_CONTEXT_INCOMPLETE");
});
