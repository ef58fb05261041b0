import { existsSync } from "node:fs";
import { githubActionsClaims, gitlabCiClaims } from "@countersign/local-sigstore";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parsed, setStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

describe("--provenance", () => {
  const commit = "9f1c5a3b2d4e6f708192a3b4c5d6e7f801234567";
  const claims = githubActionsClaims({ repository: "octo/app", ref: "refs/tags/v1" });
  const github = {
    GITHUB_ACTIONS: "true",
    GITHUB_SERVER_URL: "https://github.com",
    GITHUB_REPOSITORY: "octo/app",
    GITHUB_REF: "refs/tags/v1",
    GITHUB_SHA: commit,
    GITHUB_WORKFLOW_REF: claims["workflow_ref"] ?? "",
    GITHUB_EVENT_NAME: "push",
    GITHUB_REPOSITORY_ID: "123456789",
    GITHUB_REPOSITORY_OWNER_ID: "987654",
    GITHUB_RUN_ID: "4242424242",
    GITHUB_RUN_ATTEMPT: "1",
    RUNNER_ENVIRONMENT: "github-hosted",
  };

  async function provenance(env: Record<string, string>, token: Readonly<Record<string, unknown>>, ...argv: string[]) {
    const file = stage.write("built.tgz", "built");
    const jwt = await stage.sigstore.token({ claims: token });
    return stage.run(["attest", file, "--provenance", ...argv, ...stage.signing], {
      env: { ...env, SIGSTORE_ID_TOKEN: jwt },
    });
  }

  function verifyBuilt(file: string, ...more: string[]): ReturnType<Stage["run"]> {
    const identity = ["--certificate-identity", `https://github.com/${claims["job_workflow_ref"]}`];
    const who = [...identity, "--certificate-oidc-issuer", stage.sigstore.url];
    return stage.run(["verify", file, "--type", "slsaprovenance1", ...who, ...stage.trust, ...more]);
  }

  test("GitHub: what the certificate proves is marked, and verify takes it", async () => {
    const outcome = await provenance(github, claims, "--json");
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toContain("proved    runDetails.builder.id, by the certificate");
    expect(outcome.stderr).toContain("stated    buildDefinition.buildType, by the signer alone");
    expect(parsed(outcome)).toMatchObject({ provenance: { stated: ["buildDefinition.buildType"] } });
    const file = stage.path("built.tgz");
    const verified = await verifyBuilt(file, "--json");
    expect(verified.code).toBe(0);
    expect(verified.stderr).toContain("fields    11 of 12 proved by the certificate");
    expect(parsed(verified)).toMatchObject({ evidence: [{ provenance: { stated: ["buildDefinition.buildType"] } }] });
    const { evidence } = parsed(verified) as { evidence: [{ claims: { statement: { predicate: unknown } } }] };
    expect(evidence[0].claims.statement.predicate).toMatchObject({
      buildDefinition: { resolvedDependencies: [{ digest: { gitCommit: commit } }] },
    });
  });

  test("a provenance of another builder may be passed on, and verify warns", async () => {
    const file = stage.write("passed-on.tgz", "passed on");
    const foreign = {
      buildDefinition: {
        buildType: "https://actions.github.io/buildtypes/workflow/v1",
        externalParameters: {},
      },
      runDetails: { builder: { id: "urn:me" } },
    };
    const jwt = await stage.sigstore.token({ claims });
    const flags = ["--type", "slsaprovenance1", "--predicate", stage.write("foreign.json", JSON.stringify(foreign))];
    expect(await stage.run(["attest", file, ...flags, "--identity-token", jwt, ...stage.signing])).toMatchObject({
      code: 0,
    });
    const verified = await verifyBuilt(file);
    expect(verified.code).toBe(0);
    expect(verified.stderr).toMatch(/warning: .*runDetails\.builder\.id.* \[PIPELINE_PROVENANCE_MISMATCH\]/);
  });

  test("a field that the certificate contradicts: nothing is logged, nothing is written", async () => {
    const before = stage.sigstore.rekor.tree.size();
    const bundle = stage.path("contradicted.json");
    for (const [name, value] of [
      ["GITHUB_SHA", "0".repeat(40)],
      ["GITHUB_REPOSITORY", "evil/app"],
      ["GITHUB_RUN_ID", "1"],
      ["RUNNER_ENVIRONMENT", "self-hosted"],
      ["GITHUB_WORKFLOW_REF", "octo/app/.github/workflows/other.yml@refs/tags/v1"],
    ] as const) {
      const outcome = await provenance({ ...github, [name]: value }, claims, "--bundle", bundle);
      expect(outcome).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("PIPELINE_PROVENANCE_MISMATCH") as string,
      });
    }
    expect(stage.sigstore.rekor.tree.size()).toBe(before);
    expect(existsSync(bundle)).toBe(false);
  });

  test("GitLab", async () => {
    const env = {
      GITLAB_CI: "true",
      CI_PROJECT_URL: "https://gitlab.com/group/app",
      CI_PROJECT_ID: "4242",
      CI_COMMIT_SHA: commit,
      CI_COMMIT_BRANCH: "main",
      CI_JOB_NAME: "release",
      CI_JOB_URL: "https://gitlab.com/group/app/-/jobs/5150",
      CI_PIPELINE_SOURCE: "push",
    };
    const outcome = await provenance(env, gitlabCiClaims({ project: "group/app" }), "--json");
    expect(parsed(outcome)).toMatchObject({
      provenance: { stated: ["buildDefinition.buildType", "buildDefinition.externalParameters.job"] },
    });
    const other = await provenance({ ...env, CI_COMMIT_BRANCH: "evil" }, gitlabCiClaims({ project: "group/app" }));
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining("PIPELINE_PROVENANCE_MISMATCH") as string });
  });

  test("on a machine of one's own, all of it is the signer's word", async () => {
    const file = stage.write("local.tgz", "local");
    const key = stage.makeKey("local-key");
    const outcome = await stage.run(["attest", file, "--provenance", "--key", key.secret, ...stage.signing, "--json"]);
    expect(parsed(outcome)).toMatchObject({ provenance: { proved: [] } });
  });

  test("GitHub without its variables", async () => {
    const outcome = await provenance({ GITHUB_ACTIONS: "true" }, claims);
    expect(outcome).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("PIPELINE_BUILD_CONTEXT_INCOMPLETE") as string,
    });
  });
});
