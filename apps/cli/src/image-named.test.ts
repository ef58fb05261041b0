import { Registry } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { pushImage, startRegistry } from "@countersign/testkit";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runBuilt } from "./scenario.ts";
import { setStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const registry = (): Registry => new Registry({ http: makeOciHttp(), sleep: async () => {} });

describe("files that name images", () => {
  let server: Awaited<ReturnType<typeof startRegistry>>;
  let key: { secret: string; public: string };
  let good = "";
  let goodDigest = "";
  let bad = "";
  let trust: string[] = [];
  beforeAll(async () => {
    server = await startRegistry();
    const make = async (name: string): Promise<string> =>
      await pushImage(registry(), { registry: server.host, repository: name }, name, "1.0");
    goodDigest = await make("team/good");
    await make("team/bad");
    good = `${server.host}/team/good:1.0`;
    bad = `${server.host}/team/bad:1.0`;
    key = stage.makeKey("files");
    trust = ["--key", key.public, "--danger-no-log", ...stage.trust];
    await stage.run(["image", "sign", good, "--key", key.secret, "--danger-no-log", ...stage.trust]);
  });
  afterAll(() => server.close());

  const pod = (image: string): string => `apiVersion: v1 # a comment
kind: Pod
spec:
  containers:
    - name: a
      image: "${image}" # quoted
    - &b
      name: b
      image: ${image}
    - <<: *b
      name: c
---
kind: Service
`;

  test("every image of a manifest is judged, and pinned where it stands", async () => {
    const file = stage.write("pod.yaml", pod(good));
    expect(await stage.run(["image", "verify-manifests", file, ...trust, "--pin"])).toMatchObject({
      code: 0,
      stdout: "",
    });
    expect(readFileSync(file, "utf8")).toBe(pod(`${good}@${goodDigest}`));
    expect(await stage.run(["image", "verify-manifests", file, ...trust, "--pin"])).toMatchObject({ code: 0 });
    expect(readFileSync(file, "utf8")).toBe(pod(`${good}@${goodDigest}`));
  });

  test("standard input is pinned to standard output", async () => {
    const outcome = await runBuilt(["image", "verify-manifests", "-", ...trust, "--pin"], { input: pod(good) });
    expect(outcome).toMatchObject({ code: 0, stdout: pod(`${good}@${goodDigest}`) });
  });

  test("one that is not allowed refuses the file, which stays as it is", async () => {
    const file = stage.write("bad.yaml", `${pod(good)}---\n${pod(bad)}`);
    const outcome = await stage.run(["image", "verify-manifests", file, ...trust, "--pin", "--json"]);
    expect(outcome.code).toBe(1);
    expect(readFileSync(file, "utf8")).not.toContain("@sha256");
    const { places } = JSON.parse(outcome.stdout) as { places: { where: string; image: string }[] };
    expect(places.map((place) => place.where)).toContain("spec.containers[2].image");
  });

  test("a kind that is not known leaves the answer open until its path is given", async () => {
    const file = stage.write("rollout.yaml", pod(good).replace("kind: Pod", "kind: Rollout"));
    const open = await stage.run(["image", "verify-manifests", file, ...trust]);
    expect(open.code).toBe(3);
    expect(open.stderr).toContain("CLI_IMAGES_UNREAD");
    for (const path of ["Rollout=spec", "Rollout=-"])
      expect(await stage.run(["image", "verify-manifests", file, ...trust, "--kind-path", path])).toMatchObject({
        code: 0,
      });
  });

  test("a container without an image leaves it open, a template that was not filled in is refused; others are judged", async () => {
    const file = stage.write("open.yaml", `${pod(good)}---\nkind: Pod\nspec: {containers: [{name: x}]}\n`);
    const open = await stage.run(["image", "verify-manifests", file, ...trust, "--pin"]);
    expect(open).toMatchObject({ code: 3, stderr: expect.stringContaining("CLI_IMAGE_MISSING") as string });
    expect(readFileSync(file, "utf8")).not.toContain("@sha256");
    const template = stage.write("template.yaml", `${pod(good)}---\n${pod("$IMAGE")}`);
    const refused = await stage.run(["image", "verify-manifests", template, ...trust]);
    expect(refused).toMatchObject({ code: 1, stdout: `${good.slice(0, good.lastIndexOf(":"))}@${goodDigest}\n` });
    expect(refused.stderr).toContain("CLI_IMAGE_NAME");
  });

  test("what cannot be pinned as it is written stays as it is", async () => {
    const text = `kind: Pod\nspec: {containers: [{name: a, image: "${good.replace("/", String.raw`\u002f`)}"}]}\n`;
    const file = stage.write("escaped.yaml", text);
    const outcome = await stage.run(["image", "verify-manifests", file, ...trust, "--pin"]);
    expect(outcome).toMatchObject({ code: 3, stderr: expect.stringContaining("CLI_IMAGE_UNPINNED") as string });
    const plain = stage.write("beside.yaml", pod(good));
    const both = await stage.run(["image", "verify-manifests", plain, file, ...trust, "--pin", "--json", "--quiet"]);
    expect(JSON.parse(both.stdout)).toMatchObject({
      verdict: "unknown",
      reports: [{ decision: { verdict: "allowed" } }, { reference: file, error: { code: "CLI_IMAGE_UNPINNED" } }],
    });
    expect([readFileSync(file, "utf8"), readFileSync(plain, "utf8")]).toEqual([text, pod(good)]);
  });

  test.each([
    ["a member twice", "kind: Pod\nkind: Service\n"],
    ["an unknown tag", "kind: !evil Pod\n"],
    [
      "aliases without end",
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n`,
    ],
    ["no YAML", "a: [\n"],
  ])("%s is refused", async (_, text) => {
    const outcome = await stage.run(["image", "verify-manifests", stage.write("odd.yaml", text), ...trust]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("CLI_YAML_MALFORMED");
  });

  test("a Dockerfile", async () => {
    const file = stage.write(
      "Dockerfile",
      `# syntax=docker/dockerfile:1\nARG BASE\nFROM $BASE AS build\nFROM scratch\nCOPY --from=build / /\n`,
    );
    const allowed = await stage.run(["image", "verify-dockerfile", file, ...trust, "--build-arg", `BASE=${good}`]);
    expect(allowed.code).toBe(0);
    expect(allowed.stderr).toContain("CLI_DOCKERFILE_SYNTAX");
    const frontend = stage.write("Frontend", `# syntax=${bad}\nFROM ${good}\n`);
    expect(await stage.run(["image", "verify-dockerfile", frontend, ...trust])).toMatchObject({ code: 0 });
    expect(await stage.run(["image", "verify-dockerfile", frontend, ...trust, "--judge-syntax"])).toMatchObject({
      code: 1,
    });
    expect(await stage.run(["image", "verify-dockerfile", file, ...trust, "--build-arg", `BASE=${bad}`])).toMatchObject(
      { code: 1 },
    );
    expect(await stage.run(["image", "verify-dockerfile", file, ...trust])).toMatchObject({ code: 2 });
  });
});
