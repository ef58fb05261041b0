import { Registry, putManifest, type Repository } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import {
  hasDockerRegistry,
  pushImage,
  startDockerRegistry,
  startFaultServer,
  startRegistry,
  type FaultServer,
} from "@countersign/testkit";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runBuilt, type Outcome } from "./scenario.ts";
import { setStage, type Stage } from "./stage.ts";

/** Lists the sockets that the process opens. */
const sockets = fileURLToPath(new URL("sockets.preload.ts", import.meta.url));
const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);

let stage: Stage;
let mirror: FaultServer;
let registryServer: { readonly host: string; close(): Promise<void> };
const registry = new Registry({ http: makeOciHttp(), sleep: async () => {} });
let app: Repository;
let name = "";
let key: ReturnType<Stage["makeKey"]>;
/** The digests of version 1 and 2 of the image, both signed by the same key. */
let [old, current]: [string, string] = ["", ""];
let trust: readonly string[] = [];

beforeAll(async () => {
  stage = await setStage();
  mirror = await startFaultServer();
  // The real one, where there is one.
  registryServer = hasDockerRegistry() ? await startDockerRegistry() : await startRegistry();
  app = { registry: registryServer.host, repository: "acme/app" };
  name = `${app.registry}/${app.repository}`;
  key = stage.makeKey("release");
  trust = ["--key", key.public, "--danger-no-log", ...stage.trust];
  old = await pushImage(registry, app, "one", "1.0");
  current = await pushImage(registry, app, "two", "2.0");
  await point("latest", current);
  for (const digest of [old, current])
    await good(["image", "sign", `${name}@${digest}`, "--key", key.secret, "--danger-no-log", ...stage.trust]);
  await publishFirst();
});
afterAll(async () => {
  await registryServer.close();
  await mirror.close();
  await stage.close();
});

async function good(argv: readonly string[]): Promise<Outcome> {
  const outcome = await stage.run(argv);
  expect(outcome.code === 0 ? "" : outcome.stderr).toBe("");
  return outcome;
}

/** Moves a tag in the registry, as whoever may push can. */
async function point(tag: string, digest: string): Promise<void> {
  const { bytes, manifest } = await registry.manifest({ ...app, digest: digest as never });
  await putManifest(registry, app, bytes, { mediaType: manifest.mediaType, tag });
}

const online = (): string => stage.path("online.pem");
const repo = (...argv: readonly string[]): Promise<Outcome> => {
  const [command = "", ...rest] = argv;
  return good(["repo", command, "--dir", stage.path("repo"), ...rest]);
};

/** The author's side: map the tags, add the maps, sign, publish. */
async function publishFirst(): Promise<void> {
  stage.makeKey("online");
  const maps = stage.path("maps");
  const mapped = await good(["image", "map-tags", `${name}:1.0`, `${name}:2.0`, `${name}:latest`, "-o", maps]);
  const target = `images/${name.replace(":", "_")}.json`;
  expect(mapped.stdout).toBe(`${join(maps, target)}\n`);
  mkdirSync(stage.path("repo"));
  await repo("init", "--key", online());
  await publish();
  await good(["update", "trust", rootFile(), "--mirror", `${mirror.url}/metadata`, "--store", stage.path("store")]);
}

async function publish(): Promise<void> {
  await repo("add", stage.path("maps"));
  await repo("sign", "--key", online(), "--yes");
  await repo("publish", "--key", online());
  serve(stage.path("repo/public"));
}

const rootFile = (): string => stage.path("repo/public/metadata/1.root.json");

/** What the web server has from now on. */
function serve(folder: string): void {
  mirror.files.clear();
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (path.endsWith(".json")) mirror.files.set(`/${path}`, readFileSync(join(folder, path)));
  }
}

async function verify(image: string, ...more: readonly string[]): Promise<Outcome> {
  return await stage.run(["image", "verify", image, ...trust, "--tag-map", stage.path("store"), ...more]);
}

interface Printed {
  readonly reports: readonly {
    readonly decision: { readonly verdict: string; readonly code?: string };
    readonly tag?: {
      readonly verdict: string;
      readonly target: string;
      readonly expected?: string;
      readonly tags?: readonly string[];
      readonly claims?: { readonly via: string; readonly target: { readonly version: number } };
      readonly secondOpinion?: { readonly outcome: string; readonly by: string };
      readonly findings: readonly { readonly code: string }[];
    };
    readonly images: readonly { readonly verdict: string }[];
  }[];
}

/** The exit code and what the report says of the tag. */
async function judged(image: string, ...more: readonly string[]): Promise<readonly [number | null, string]> {
  const { code, stdout, stderr } = await verify(image, "--json", "--quiet", ...more);
  const report = stdout === "" ? undefined : (JSON.parse(stdout) as Printed).reports[0];
  return [code, report?.decision.code ?? report?.decision.verdict ?? stderr];
}

describe("O7: image verify --tag-map", () => {
  test("a tag that is where its publisher put it is allowed, and the report has the proof", async () => {
    const outcome = await verify(`${name}:latest`);
    expect(outcome).toMatchObject({ code: 0, stdout: `${name}@${current}\n` });
    expect(outcome.stderr).toMatch(/tag map +images\/\S+\/acme\/app\.json, version 1 of targets, until 20/);
    expect(outcome.stderr).toMatch(/tags +2\.0, latest/);
    const { reports } = JSON.parse((await verify(`${name}:latest`, "--json")).stdout) as Printed;
    expect(reports[0]?.tag).toMatchObject({
      verdict: "allowed",
      target: `images/${name.replace(":", "_")}.json`,
      expected: current,
      tags: ["2.0", "latest"],
      claims: { via: "tuf", target: { version: 1, rolePath: ["targets"] } },
      findings: [],
    });
    expect(await judged(`${name}@${old}`)).toEqual([0, "allowed"]);
    const both = await verify(`${name}:1.0`, `${name}:2.0`, `${name}:latest`, "--second-opinion", "--json");
    const opinions = (JSON.parse(both.stdout) as Printed).reports.map(({ tag }) => tag?.secondOpinion);
    const agreed = { outcome: "agree", by: expect.stringMatching(/^tuf-js \d/) as string };
    expect(opinions).toMatchObject([agreed, agreed, agreed]);
    expect(both.stderr).toMatch(/opinion +tuf-js \S+ agrees/);
    const asked = mirror.requests.map(({ path }) => path).filter((path) => path.includes("/images/"));
    expect(asked.length).toBeGreaterThan(0);
  });

  test("an old signed image moved under the tag is refused, though its signature holds", async () => {
    await point("latest", old);
    const without = await stage.run(["image", "verify", `${name}:latest`, ...trust]);
    expect(without).toMatchObject({ code: 0, stdout: `${name}@${old}\n` });
    const outcome = await verify(`${name}:latest`, "--json");
    expect(outcome.code).toBe(1);
    const { reports } = JSON.parse(outcome.stdout) as Printed;
    expect(reports[0]).toMatchObject({
      decision: { verdict: "refused", code: "PIPELINE_TAG_MOVED" },
      images: [{ verdict: "allowed" }],
      tag: { verdict: "refused", expected: current, tags: ["1.0"] },
    });
    expect(outcome.stderr).toContain(current);
    const pod = stage.write("pod.yaml", `kind: Pod\nspec: {containers: [{name: a, image: "${name}:latest"}]}\n`);
    const pinned = await stage.run([
      "image",
      "verify-manifests",
      pod,
      ...trust,
      "--tag-map",
      stage.path("store"),
      "--pin",
    ]);
    expect(pinned.code).toBe(1);
    expect(readFileSync(pod, "utf8")).not.toContain("@sha256");
    await point("latest", current);
    const allowed = ["image", "verify-manifests", pod, ...trust, "--tag-map", stage.path("store"), "--pin"];
    expect(await stage.run(allowed)).toMatchObject({ code: 0 });
    expect(readFileSync(pod, "utf8")).toContain(`${name}:latest@${current}`);
  });

  test("tags and digests that the map does not list, and repositories without a map", async () => {
    const third = await pushImage(registry, app, "three", "3.0");
    await good(["image", "sign", `${name}@${third}`, "--key", key.secret, "--danger-no-log", ...stage.trust]);
    expect(await judged(`${name}:3.0`)).toEqual([1, "PIPELINE_TAG_UNMAPPED"]);
    expect(await judged(`${name}@${third}`)).toEqual([1, "PIPELINE_TAG_UNMAPPED"]);
    const other = { ...app, repository: "acme/other" };
    await pushImage(registry, other, "one", "1.0");
    const otherName = `${other.registry}/${other.repository}:1.0`;
    await good(["image", "sign", otherName, "--key", key.secret, "--danger-no-log", ...stage.trust]);
    expect(await judged(otherName)).toEqual([1, "PIPELINE_TAG_MAP_ABSENT"]);
  });

  test("an unsigned image is refused for that, whatever the map says of it", async () => {
    const bare = { ...app, repository: "acme/bare" };
    await pushImage(registry, bare, "bare", "1.0");
    await good(["image", "map-tags", `${bare.registry}/acme/bare:1.0`, "-o", stage.path("maps")]);
    await publish();
    const { reports } = JSON.parse((await verify(`${bare.registry}/acme/bare:1.0`, "--json")).stdout) as Printed;
    expect(reports[0]).toMatchObject({ decision: { code: "PIPELINE_IMAGE_UNSIGNED" }, tag: { verdict: "allowed" } });
  });

  test("a new map replaces the old one, which nobody can bring back", async () => {
    const before = stage.path("before");
    cpSync(stage.path("repo/public"), before, { recursive: true });
    await good(["image", "map-tags", `${name}:latest@${old}`, "-o", stage.path("maps")]);
    await publish();
    await point("latest", old);
    expect(await judged(`${name}:latest`)).toEqual([0, "allowed"]);
    serve(before);
    await point("latest", current);
    expect(await judged(`${name}:latest`)).toEqual([1, "TUF_ROLLBACK"]);
    // A mix: the newest metadata, and the target of before under its own name.
    serve(stage.path("repo/public"));
    for (const [path, bytes] of mirror.files)
      if (path.includes("/images/") && path.endsWith("app.json"))
        mirror.files.set(path, Buffer.from(bytes.toString().replace(old, current)));
    expect(await judged(`${name}:latest`)).toEqual([1, "TUF_TARGET_HASH"]);
    serve(stage.path("repo/public"));
    await good(["image", "map-tags", `${name}:latest@${current}`, "-o", stage.path("maps")]);
    await publish();
    expect(await judged(`${name}:latest`)).toEqual([0, "allowed"]);
  });

  test("a map that expired is refused; one that cannot be had leaves the answer open", async () => {
    const argv = ["image", "verify", `${name}:latest`, ...trust, "--tag-map", stage.path("store"), "--json"];
    const later = await stage.run(argv, { now: days(8) });
    expect(later.code).toBe(1);
    expect((JSON.parse(later.stdout) as Printed).reports[0]?.decision.code).toBe("TUF_EXPIRED");
    rmSync(stage.path("store"), { recursive: true });
    await good(["update", "trust", rootFile(), "--mirror", `${mirror.url}/metadata`, "--store", stage.path("store")]);
    mirror.files.clear();
    const [code] = await judged(`${name}:latest`);
    expect(code).toBe(3);
    serve(stage.path("repo/public"));
  });

  test("without a network: image and evidence from a layout, the map from a copy, at a stated time", async () => {
    const copy = stage.path("copy");
    cpSync(stage.path("repo/public"), copy, { recursive: true });
    await good(["image", "save", `${name}:latest`, "--layout", stage.path("layout")]);
    const offline = ["--layout", stage.path("layout"), "--offline", "--tag-map-copy", copy];
    const argv = ["image", "verify", `${name}:latest`, ...trust, "--tag-map", stage.path("store"), ...offline];
    const outcome = await runBuilt([...argv, "--tag-map-at", iso(days(1))], { preload: sockets });
    expect(outcome).toMatchObject({ code: 0, stdout: `${name}@${current}\n` });
    expect(outcome.stderr).not.toContain("socket:");
    expect(await judged(`${name}:latest`, ...offline)).toEqual([0, "allowed"]);
    expect(await judged(`${name}:latest`, ...offline, "--tag-map-at", iso(days(30)))).toEqual([1, "TUF_EXPIRED"]);
    expect(await judged(`${name}:latest`, ...offline, "--tag-map-at", iso(days(1)), "--second-opinion")).toEqual([
      0,
      "allowed",
    ]);
    await good(["image", "save", `${name}:1.0`, "--layout", stage.path("layout")]);
    expect(await judged(`${name}:1.0`, ...offline)).toEqual([0, "allowed"]);
  });

  test("a map under another repository's path, and what is no map", async () => {
    const path = join(stage.path("maps"), "images", name.replace(":", "_").replace("/acme/app", ""), "acme");
    const text = readFileSync(join(path, "app.json"), "utf8");
    writeFileSync(join(path, "app.json"), text.replace("acme/app", "acme/app2"));
    await publish();
    expect(await judged(`${name}:latest`)).toEqual([1, "PIPELINE_TAG_MAP_NAME"]);
    const mixed = await stage.run(["image", "map-tags", `${name}:latest`, "-o", stage.path("maps")]);
    expect(mixed.code).toBe(2);
    writeFileSync(join(path, "app.json"), "{}");
    await publish();
    expect(await judged(`${name}:latest`)).toEqual([1, "PIPELINE_TAG_MAP_MALFORMED"]);
    writeFileSync(join(path, "app.json"), text);
    await publish();
    expect(await judged(`${name}:latest`)).toEqual([0, "allowed"]);
  });

  test("a team may speak for its own names alone", async () => {
    stage.makeKey("team");
    const host = name.replace(":", "_").split("/")[0] ?? "";
    await repo("delegate", "team", "--key", stage.path("team.pub"), "--path", `images/${host}/team/*`);
    const theirs = { ...app, repository: "team/tool" };
    const digest = await pushImage(registry, theirs, "tool", "1.0");
    const theirName = `${theirs.registry}/${theirs.repository}`;
    await good(["image", "sign", `${theirName}@${digest}`, "--key", key.secret, "--danger-no-log", ...stage.trust]);
    await good(["image", "map-tags", `${theirName}:1.0`, `${name}:4.0@${old}`, "-o", stage.path("team-maps")]);
    await repo("add", stage.path("team-maps"), "--role", "team");
    await repo("sign", "--key", online(), "--key", stage.path("team.pem"), "--yes");
    await repo("publish", "--key", online());
    serve(stage.path("repo/public"));
    expect(await judged(`${theirName}:1.0`)).toEqual([0, "allowed"]);
    await point("4.0", old);
    expect(await judged(`${name}:4.0`)).toEqual([1, "PIPELINE_TAG_UNMAPPED"]);
  });

  test("wrong usage", async () => {
    const at = ["--tag-map-at", "2030-01-01T00:00:00Z"];
    const image = ["image", "verify", `${name}:1.0`, ...trust];
    for (const words of [
      at,
      ["--tag-map-copy", stage.folder],
      ["--tag-map", stage.path("store"), ...at],
      ["--tag-map", stage.path("store"), "--tag-map-copy", stage.folder, "--tag-map-at", "tomorrow"],
      ["--tag-map", stage.path("store"), "--layout", stage.path("layout"), "--offline"],
      ["--tag-map", stage.path("nowhere")],
    ])
      expect(await stage.run([...image, ...words])).toMatchObject({ code: 2, stdout: "" });
    const maps = ["-o", stage.path("maps")];
    expect(await stage.run(["image", "map-tags", name, ...maps])).toMatchObject({ code: 2 });
    expect(await stage.run(["image", "map-tags", `${name}:1.0`, `${name}:1.0`, ...maps])).toMatchObject({ code: 2 });
    expect(await stage.run(["image", "map-tags", `${name}:none`, "--remove", ...maps])).toMatchObject({ code: 2 });
    const removed = await good(["image", "map-tags", `${name}:1.0`, "--remove", "--json", ...maps]);
    const printed = JSON.parse(removed.stdout) as { schema: string; maps: { tags: object }[] };
    expect([printed.schema, Object.keys(printed.maps[0]?.tags ?? {})]).toEqual([
      "countersign.image-maps/v1",
      ["2.0", "latest"],
    ]);
  });
});

function iso(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
