import type { Json } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { findKubernetesImages, formatPath, maxImageUses, maxKubernetesDepth, parseKindPaths } from "./kubernetes.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const found = (document: Json, kinds: readonly string[] = []): readonly string[] =>
  findKubernetesImages(document, parseKindPaths(kinds)).uses.map(({ image, path }) => `${formatPath(path)}=${image}`);

const pod = {
  containers: [{ name: "a", image: "a:1" }, { name: "none" }],
  initContainers: [{ image: "b:1" }],
  ephemeralContainers: [{ image: "c:1" }],
  volumes: [{ image: { reference: "d:1" } }, { emptyDir: {} }],
};

describe("images of Kubernetes objects", () => {
  test.each([
    ["Pod", { spec: pod }, "spec"],
    ["PodTemplate", { template: { spec: pod } }, "template.spec"],
    ["Deployment", { spec: { template: { spec: pod } } }, "spec.template.spec"],
    ["ReplicaSet", { spec: { template: { spec: pod } } }, "spec.template.spec"],
    ["ReplicationController", { spec: { template: { spec: pod } } }, "spec.template.spec"],
    ["StatefulSet", { spec: { template: { spec: pod } } }, "spec.template.spec"],
    ["DaemonSet", { spec: { template: { spec: pod } } }, "spec.template.spec"],
    ["Job", { spec: { template: { spec: pod } } }, "spec.template.spec"],
    [
      "CronJob",
      { spec: { jobTemplate: { spec: { template: { spec: pod } } } } },
      "spec.jobTemplate.spec.template.spec",
    ],
  ])("%s", (kind, rest, at) => {
    expect(found({ kind, ...rest })).toEqual([
      `${at}.containers[0].image=a:1`,
      `${at}.initContainers[0].image=b:1`,
      `${at}.ephemeralContainers[0].image=c:1`,
      `${at}.volumes[0].image.reference=d:1`,
    ]);
  });

  test("whatever has items is a list too, as kubectl takes it: nothing hides beside a pod that is allowed", () => {
    const hidden = { kind: "Pod", spec: { containers: [{ image: "evil" }] } };
    const document = { kind: "Pod", spec: { containers: [{ image: "good" }] }, items: [hidden, "text"] };
    expect(found(document)).toEqual(["spec.containers[0].image=good", "items[0].spec.containers[0].image=evil"]);
    expect(found({ kind: "ConfigMap", items: [{ items: [hidden] }] })).toEqual([
      "items[0].items[0].spec.containers[0].image=evil",
    ]);
    // Without a kind of its own an item is of its list's, which nobody here knows.
    const { unread } = findKubernetesImages({ kind: "PodList", items: [{ spec: { containers: [{ image: "x" }] } }] });
    expect(unread).toEqual(['"" at items[0].spec.containers']);
  });

  test("lists, also of lists; empty documents; kinds without pods", () => {
    const list = {
      kind: "List",
      items: [
        { kind: "PodList", items: [{ kind: "Pod", spec: { containers: [{ image: "x" }] } }] },
        { kind: "Service", spec: {} },
      ],
    };
    expect(found(list)).toEqual(["items[0].items[0].spec.containers[0].image=x"]);
    expect(found(null)).toEqual([]);
  });

  test("kinds of one's own by path; without one they are named, not passed over", () => {
    const rollout: Json = { kind: "Rollout", spec: { template: { spec: { containers: [{ image: "x" }] } } } };
    expect(findKubernetesImages(rollout)).toEqual({
      uses: [],
      unread: ['"Rollout" at spec.template.spec.containers'],
      missing: [],
    });
    expect(found(rollout, ["Rollout=spec.template.spec"])).toEqual(["spec.template.spec.containers[0].image=x"]);
    const task: Json = { kind: "Task", spec: { steps: [{ image: "y" }, { image: "z" }] } };
    expect(found(task, ["Task=spec.steps[*].image"])).toEqual(["spec.steps[0].image=y", "spec.steps[1].image=z"]);
    expect(found(task, ["Task=spec.steps[*]"])).toEqual(["spec.steps[0].image=y", "spec.steps[1].image=z"]);
    expect(found(task, ["Task=spec.missing"])).toEqual([]);
  });

  const unreadIn = (document: Json, kinds: readonly string[] = []): readonly string[] =>
    findKubernetesImages(document, parseKindPaths(kinds)).unread;

  test("a text called image in a kind of one's own is named as well, until a path says where images are, or that none are", () => {
    const task: Json = { kind: "Task", spec: { steps: [{ image: "y" }, { image: "z" }] } };
    expect(unreadIn(task)).toEqual(['"Task" at spec.steps[0].image', '"Task" at spec.steps[1].image']);
    expect(unreadIn(task, ["Task=spec.steps[*].image"])).toEqual([]);
    expect(unreadIn(task, ["Task=spec.steps[*]"])).toEqual([]);
    expect(unreadIn(task, ["Task=-"])).toEqual([]);
    expect(unreadIn({ kind: "Prometheus", spec: { image: "x", other: 1 } })).toEqual(['"Prometheus" at spec.image']);
    expect(unreadIn({ kind: "Pod", spec: { sidecar: { image: "x" }, containers: [] } })).toEqual([
      '"Pod" at spec.sidecar.image',
    ]);
  });

  test("labels, annotations, texts for others and objects called image are no images", () => {
    expect(unreadIn({ kind: "Service", metadata: { labels: { image: "x" } }, spec: { image: { tag: "1" } } })).toEqual(
      [],
    );
    expect(unreadIn({ kind: "ConfigMap", data: { image: "x" } })).toEqual([]);
    expect(unreadIn({ kind: "Pod", metadata: { containers: [{ image: "x" }] } })).toEqual([
      '"Pod" at metadata.containers',
    ]);
  });

  test("a kind whose name ends in List may run something itself", () => {
    const list = { kind: "WorkloadList", items: [], spec: { template: { spec: { containers: [{ image: "x" }] } } } };
    expect(unreadIn(list)).toEqual(['"WorkloadList" at spec.template.spec.containers']);
  });

  test("containers and image volumes without an image are named", () => {
    const spec = { containers: [{ name: "a" }, { image: "" }], volumes: [{ image: {} }] };
    expect(findKubernetesImages({ kind: "Pod", spec }).missing).toEqual([
      '"Pod" at spec.containers[0].image',
      '"Pod" at spec.containers[1].image',
      '"Pod" at spec.volumes[0].image.reference',
    ]);
  });

  test("containers elsewhere in a kind that is known are named too: other groups have a Job of their own", () => {
    const template = { template: { spec: { containers: [{ image: "evil" }] } } };
    const volcano: Json = { apiVersion: "batch.volcano.sh/v1alpha1", kind: "Job", spec: { tasks: [template] } };
    expect(findKubernetesImages(volcano)).toEqual({
      uses: [],
      unread: ['"Job" at spec.tasks[0].template.spec.containers'],
      missing: [],
    });
    const both: Json = {
      kind: "Job",
      spec: { template: { spec: { containers: [{ image: "good" }] } }, tasks: [template] },
    };
    expect(findKubernetesImages(both).unread).toEqual(['"Job" at spec.tasks[0].template.spec.containers']);
    expect(found(volcano, ["Job=spec.tasks[*].template.spec"])).toEqual([
      "spec.tasks[0].template.spec.containers[0].image=evil",
    ]);
    expect(findKubernetesImages(volcano, parseKindPaths(["Job=spec.tasks[*].template.spec"])).unread).toEqual([]);
    expect(findKubernetesImages({ kind: "Pod", spec: pod }).unread).toEqual([]);
  });

  test("names that objects inherit are no members", () => {
    expect(found({ kind: "constructor", spec: {} })).toEqual([]);
    expect(found({ kind: "Pod", spec: JSON.parse('{"__proto__":{"containers":[{"image":"x"}]}}') as Json })).toEqual(
      [],
    );
  });

  test.each<[string, Json]>([
    ["a text", "x"],
    ["a list", []],
    ["containers that are no list", { kind: "Pod", spec: { containers: {} } }],
    ["a container that is a text", { kind: "Pod", spec: { containers: ["x"] } }],
    ["an image that is a number", { kind: "Pod", spec: { containers: [{ image: 1 }] } }],
    ["a spec that is a number", { kind: "Pod", spec: 5 }],
  ])("%s is refused", (_, document) => {
    expect(() => found(document)).toThrow(code("OCI_KUBERNETES_MALFORMED"));
  });

  test("bounds on depth and number, and forms of paths", () => {
    let deep: Json = { kind: "X" };
    for (let level = 0; level <= maxKubernetesDepth; level++) deep = { kind: "List", items: [deep] };
    expect(() => found(deep)).toThrow(code("OCI_KUBERNETES_MALFORMED"));
    const many = {
      kind: "Pod",
      spec: { containers: Array.from({ length: maxImageUses + 1 }, () => ({ image: "x" })) },
    };
    expect(() => found(many)).toThrow(code("OCI_TOO_MANY"));
    for (const path of ["", "x", "A=", "A=b..c", "A=b[0]", "A=b=c", "1=a"])
      expect(() => parseKindPaths([path]), path).toThrow(code("OCI_KUBERNETES_PATH"));
  });
});
