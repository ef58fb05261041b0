import { quote, type Json, type JsonObject } from "@countersign/core";
import { ociError } from "./errors.ts";

/** One place in a manifest that names an image. */
export interface ImageUse {
  /** As written. */
  readonly image: string;
  /** Where: members and positions from the document's root. */
  readonly path: readonly (string | number)[];
}

/** What a document names, and what in it looks like images and was not looked at. */
export interface ImageUses {
  readonly uses: readonly ImageUse[];
  /** Places that hold containers in a kind that nobody said how to read. */
  readonly unread: readonly string[];
}

/** Where kinds of one's own keep images or pod specs: by kind, paths such as `spec.template.spec` or `spec.steps[*].image`. */
export type KindPaths = ReadonlyMap<string, readonly string[]>;

/** How deep a document is looked into. */
export const maxKubernetesDepth: number = 64;
/** The most images of one document. */
export const maxImageUses: number = 1000;

/** Where each kind that runs pods has its pod spec (Kubernetes API reference, workloads). */
const podSpecs: ReadonlyMap<string, readonly string[]> = new Map([
  ["Pod", ["spec"]],
  ["PodTemplate", ["template.spec"]],
  ["Deployment", ["spec.template.spec"]],
  ["ReplicaSet", ["spec.template.spec"]],
  ["ReplicationController", ["spec.template.spec"]],
  ["StatefulSet", ["spec.template.spec"]],
  ["DaemonSet", ["spec.template.spec"]],
  ["Job", ["spec.template.spec"]],
  ["CronJob", ["spec.jobTemplate.spec.template.spec"]],
]);

/**
 * The images that a Kubernetes object runs: those of containers, init and ephemeral containers and image volumes, in every
 * kind that has pods, in lists of objects, and where `kinds` says. Containers anywhere else are named in `unread`: they must not
 * pass for none. Throws OCI_KUBERNETES_MALFORMED, OCI_TOO_MANY.
 */
export function findKubernetesImages(document: Json, kinds: KindPaths = new Map()): ImageUses {
  const uses: ImageUse[] = [];
  const unread: string[] = [];
  for (const { object, path } of objectsOf(document, [])) {
    const kind = typeof object["kind"] === "string" ? object["kind"] : "";
    const places = [...(podSpecs.get(kind) ?? []), ...(kinds.get(kind) ?? [])];
    const own = places.flatMap((place) => follow(object, parsePath(place), path).flatMap(usesAt));
    // Another API group may have a kind of the same name with its pods elsewhere.
    const looked = new Set(own.map((use) => formatPath(use.path.slice(0, -2))));
    const others = containersIn(object, path).filter((at) => !looked.has(at));
    uses.push(...own);
    unread.push(...others.map((at) => `${quote(kind)} at ${at}`));
  }
  if (uses.length > maxImageUses)
    throw ociError("OCI_TOO_MANY", { checked: "images of one document", expected: `at most ${maxImageUses}` });
  return { uses, unread };
}

/** Reads `KIND=path`, as `findKubernetesImages` takes them. Throws OCI_KUBERNETES_PATH. */
export function parseKindPaths(texts: readonly string[]): KindPaths {
  const kinds = new Map<string, string[]>();
  for (const text of texts) {
    const [kind = "", path = "", ...more] = text.split("=");
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(kind) || more.length > 0) throw badPath(text);
    parsePath(path);
    kinds.set(kind, [...(kinds.get(kind) ?? []), path]);
  }
  return kinds;
}

interface Found {
  readonly value: Json | undefined;
  readonly path: ImageUse["path"];
}

/** The object itself, or the items of a list of objects, however deep lists lie in lists. */
function objectsOf(document: Json, path: ImageUse["path"]): readonly { object: JsonObject; path: ImageUse["path"] }[] {
  if (document === null) return [];
  if (!isObject(document)) throw malformed(path, "an object");
  if (path.length > maxKubernetesDepth) throw malformed(path, `at most ${maxKubernetesDepth} levels`);
  const { kind, items } = document;
  const isList = typeof kind === "string" && kind.endsWith("List") && Array.isArray(items);
  const own = isList ? [] : [{ object: document, path }];
  // kubectl takes whatever has `items` for a list, whatever its kind says.
  const inside = (Array.isArray(items) ? (items as readonly Json[]) : []).flatMap((item, index) =>
    isList || isObject(item) ? objectsOf(item, [...path, "items", index]) : [],
  );
  return [...own, ...inside];
}

function follow(value: Json | undefined, steps: readonly string[], path: ImageUse["path"]): readonly Found[] {
  const [step, ...rest] = steps;
  if (step === undefined) return [{ value, path }];
  if (step === "*")
    return Array.isArray(value)
      ? (value as readonly Json[]).flatMap((each, index) => follow(each, rest, [...path, index]))
      : [];
  return isObject(value) && Object.hasOwn(value, step) ? follow(value[step], rest, [...path, step]) : [];
}

/** A text is an image, an object a pod spec or a container. */
function usesAt({ value, path }: Found): readonly ImageUse[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [{ image: value, path }];
  if (!isObject(value)) throw malformed(path, "a pod spec or an image");
  const containers = ["containers", "initContainers", "ephemeralContainers"].flatMap((name) =>
    membersOf(value, name, path).flatMap(({ value: each, path: at }) => imageOf(each, "image", at)),
  );
  const volumes = membersOf(value, "volumes", path).flatMap(({ value: each, path: at }) =>
    isObject(each) && isObject(each["image"]) ? imageOf(each["image"], "reference", [...at, "image"]) : [],
  );
  const own = Object.hasOwn(value, "containers") ? [] : imageOf(value, "image", path);
  return [...containers, ...volumes, ...own];
}

function membersOf(value: JsonObject, name: string, path: ImageUse["path"]): readonly Found[] {
  const list = Object.hasOwn(value, name) ? value[name] : undefined;
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw malformed([...path, name], "a list");
  return (list as readonly Json[]).map((each, index) => ({ value: each, path: [...path, name, index] }));
}

/** A container without an image gets one from elsewhere, such as a webhook: there is nothing to judge. */
function imageOf(container: Json | undefined, member: string, path: ImageUse["path"]): readonly ImageUse[] {
  if (!isObject(container)) throw malformed(path, "an object");
  const image = Object.hasOwn(container, member) ? container[member] : undefined;
  if (image === undefined || image === null || image === "") return [];
  if (typeof image !== "string") throw malformed([...path, member], "a text");
  return [{ image, path: [...path, member] }];
}

/** Where below an object there are lists of containers that name images. */
function containersIn(value: Json | undefined, path: ImageUse["path"]): readonly string[] {
  if (path.length > maxKubernetesDepth) throw malformed(path, `at most ${maxKubernetesDepth} levels`);
  if (Array.isArray(value))
    return (value as readonly Json[]).flatMap((each, index) => containersIn(each, [...path, index]));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const isHere =
      /^(?:init|ephemeral)?containers$/i.test(name) &&
      Array.isArray(inner) &&
      (inner as readonly Json[]).some(hasImage);
    return isHere ? [formatPath([...path, name])] : containersIn(inner, [...path, name]);
  });
}

function hasImage(value: Json): boolean {
  return isObject(value) && typeof value["image"] === "string";
}

function parsePath(path: string): readonly string[] {
  const steps = path.replaceAll("[*]", ".*").split(".");
  if (steps.every((step) => step === "*" || /^[A-Za-z0-9_-]+$/.test(step))) return steps;
  throw badPath(path);
}

/** `spec.containers[0].image`. */
export function formatPath(path: ImageUse["path"]): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${step}`))
    .join("");
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(path: ImageUse["path"], expected: string): Error {
  return ociError("OCI_KUBERNETES_MALFORMED", { checked: quote(formatPath(path)), expected });
}

function badPath(text: string): Error {
  return ociError("OCI_KUBERNETES_PATH", { expected: "KIND=spec.path.to[*].image", got: quote(text) });
}
